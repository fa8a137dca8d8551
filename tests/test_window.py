"""The window's pace."""

import time

import numpy as np
import pytest

from glimpse_env.window import Window

pytest.importorskip("pygame")


def test_pictures_come_no_faster_than_asked_for():
    window, start = Window("", fps=20), time.monotonic()
    for _ in range(4):
        window.show(np.zeros((8, 8, 3), np.uint8))
    window.close()
    assert time.monotonic() - start >= 3 / 20
