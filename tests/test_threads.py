"""A batch shared among threads: each row is done once, whatever goes wrong or is forked."""

import subprocess
import sys
import time

import numpy as np
import pytest

from glimpse_env.threads import in_threads


@pytest.mark.parametrize("num_threads", [1, 2, 3, 7, 50])
@pytest.mark.parametrize("batch", [0, 1, 2, 7, 12])
def test_each_row_is_done_once_with_its_own_arguments(batch, num_threads):
    done, rows = np.zeros(batch, int), np.arange(batch)

    def kernel(done, rows, added):
        done += rows + added

    in_threads(num_threads, kernel, done, rows, shared=(100,))
    assert done.tolist() == list(range(100, 100 + batch))


@pytest.mark.parametrize("num_threads", [1, 3])
def test_error_of_a_part_reaches_the_caller(num_threads):
    def kernel(rows):
        if 5 in rows:
            raise ArithmeticError("row 5")

    with pytest.raises(ArithmeticError, match="row 5"):
        in_threads(num_threads, kernel, np.arange(6), shared=())


def test_nothing_is_at_work_any_longer_when_an_error_reaches_the_caller():
    done = np.zeros(4, bool)

    def kernel(rows, done):
        if 0 in rows:
            raise ArithmeticError("row 0")
        time.sleep(0.3)
        done[:] = True

    with pytest.raises(ArithmeticError, match="row 0"):
        in_threads(4, kernel, np.arange(4), done, shared=())
    assert done.tolist() == [False, True, True, True]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_forked_process_has_threads_of_its_own():
    code = (
        "import multiprocessing, time, warnings, numpy as np; from glimpse_env.threads import in_threads as go;"
        "warnings.simplefilter('ignore', DeprecationWarning);"  # from 3.12 on, of any fork beside threads
        "go(2, lambda rows: time.sleep(0.2), np.zeros(2), shared=());"  # long enough for both threads to start
        "child = multiprocessing.get_context('fork').Process(target=go, args=(2, lambda rows: None, np.zeros(2)),"
        " kwargs={'shared': ()}, daemon=True); child.start(); child.join(20); print(child.exitcode)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "0"
