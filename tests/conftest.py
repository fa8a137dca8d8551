"""What all tests share: no real screen, the number of Hypothesis' cases and of kills, and what makes a training quick.

A test draws the same cases each time, so that code that passes keeps passing. ``pytest --hypothesis-profile=long`` draws
4,000 others for each test that does not say otherwise, in place of 100. ``unshrunk`` gives the first case that fails as it is
found.
"""

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, settings

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")

settings.register_profile(
    "everyday", deadline=None, stateful_step_count=20, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
settings.register_profile("long", settings.get_profile("everyday"), max_examples=4_000, derandomize=False)
settings.register_profile("unshrunk", settings.get_profile("everyday"), phases=[Phase.explicit, Phase.generate])
settings.load_profile("everyday")


def pytest_addoption(parser):
    """Add ``--faults``: a few kills are for every day, 20 are the full form."""
    parser.addoption("--faults", type=int, help="how many times test_faults.py kills a run in each way; a few unless given")


@pytest.fixture
def undrawn(monkeypatch):
    """Leave out a run's figures, which take longer than a tiny training; test_figures.py looks at them."""
    from agents import figures

    monkeypatch.setattr(figures, "draw", lambda *arguments: [])


@pytest.fixture
def few_images(monkeypatch):
    """Leave 500 images in each split of MNIST that measures: to learn from there are all."""
    from glimpse_env.datasets import published

    whole = published.load
    monkeypatch.setattr(published, "load", lambda name, split: _few(whole(name, split), split))


def _few(data, split):
    return data if split.startswith("train") else data.part(np.arange(500))
