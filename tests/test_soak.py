"""The slope of memory over time is that of the samples after the warm-up."""

import pathlib

import pytest

from glimpse_env import TASKS
from tools.soak import Sample, after_warm_up, resident, slope


def test_slope_is_of_what_comes_after_the_warm_up():
    samples = [Sample(minutes, 0, 0, 500 + min(minutes, 10) * 30 + 0.1 * minutes) for minutes in range(41)]
    warm = after_warm_up(samples)
    assert warm == samples[10:]
    assert slope(warm) == pytest.approx((6, 0), abs=1e-6)
    assert after_warm_up(samples[:6]) == samples[len(TASKS) : 6], "the first turn of each id warms up"
    with pytest.raises(ValueError, match="more --minutes"):
        slope(samples[:2])


def test_memory_is_that_of_this_process():
    status = dict(line.split(":", 1) for line in pathlib.Path("/proc/self/status").read_text().splitlines())
    assert resident() == pytest.approx(int(status["VmRSS"].split()[0]) / 2**10, abs=8)
