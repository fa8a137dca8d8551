"""The speed of the environments: ``python -m benchmarks.throughput [--seconds 1.0]`` prints tables.

Steps a second are measured by Gymnasium's ``benchmark_step`` and ``benchmark_vector_step``.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np

from benchmarks.machine import PEAK, REPEATS, machine, rates, table, told_by
from glimpse_env import TASKS

NUM_ENVS = (1, 16, 256, 4096)
SCENE_SIZES = (60, 100, 300, 1000)
CLUTTERED = "Glimpse-ClutteredMNIST-v0"

_DISABLED: dict[str, Any] = {"autoreset_mode": gym.vector.AutoresetMode.DISABLED}

_FIRST_CALLS = """
import json, time
start = time.perf_counter()
import glimpse_env
imported = time.perf_counter()
import gymnasium as gym
envs = gym.make_vec({id!r}, {num_envs}) if {num_envs} else gym.make({id!r})
envs.action_space.seed(0)
envs.reset(seed=0)
for _ in range({num_steps}):
    envs.step(envs.action_space.sample())
stepped = time.perf_counter()
print(json.dumps([imported - start, stepped - imported, {peak}]))
"""


def by_task(seconds: float) -> None:
    """Print steps a second of each id, for each number of environments."""
    print(f"Steps a second, all environments of a batch added up, one thread: median of {REPEATS} repeats.\n")
    sampling, before = [], []
    for id in TASKS:
        envs: list[Any] = [gym.make(id), *(gym.make_vec(id, num_envs) for num_envs in NUM_ENVS)]
        measured = [rates(env, seconds) for env in envs]
        sampling.append((id, *(f"{rate:,.0f}" for rate, _ in measured)))
        before.append((id, *(f"{rate:,.0f}" for _, rate in measured)))
    columns = ("gym.make", *(f"make_vec, {num_envs:,}" for num_envs in NUM_ENVS))
    table(("actions sampled before", *columns), before)
    table(("actions sampled in the loop", *columns), sampling)


def by_scene_size(seconds: float) -> None:
    """Print the times of a step within an episode and of a reset, by scene size."""
    print(f"{CLUTTERED} by scene size: median microseconds of a step within an episode, and of a reset, for each")
    print(
        "environment. A glimpse shows 48x48 pixels, then 768x768, from main memory if the scenes do not fit into the cache.\n"
    )
    for num_envs, num_scales in ((16, 3), (256, 3), (16, 7), (256, 7)):
        sizes: list[dict[str, Any]] = [{"scene_size": size, "num_scales": num_scales} for size in SCENE_SIZES]
        sides = [_Episodes(gym.make_vec(CLUTTERED, num_envs, **_DISABLED, **arguments)) for arguments in sizes]
        _in_turn([side.play for side in sides], seconds * len(sides))
        medians = [np.array(side.medians()) / num_envs for side in sides]
        rows = []
        for size, (step, reset) in zip(SCENE_SIZES, medians, strict=True):
            step_ratio, reset_ratio = (step, reset) / medians[0]
            scene = (f"{num_envs} x {size}x{size}", num_scales, f"{num_envs * size**2 / 1e6:.2f} MB")
            rows.append((*scene, *(f"{value:.2f}" for value in (step * 1e6, step_ratio, reset * 1e6, reset_ratio))))
        table(("environments", "scales", "scenes", "step", "ratio to 60", "reset", "ratio to 60"), rows)


def by_copy(seconds: float) -> None:
    """Print the time of a step compared with that of copying its glimpses."""
    print(f"{CLUTTERED}: a step within an episode compared with np.copyto of its glimpses, median microseconds.\n")
    rows = []
    for num_envs in NUM_ENVS:
        side = _Episodes(gym.make_vec(CLUTTERED, num_envs, **_DISABLED))
        glimpse = side.envs.reset(seed=0)[0]["glimpse"]
        target = np.empty_like(glimpse)
        copies = [_time(np.copyto, target, glimpse) for _ in range(200)]
        _in_turn([side.play], seconds)
        step, copy = side.medians()[0] * 1e6, statistics.median(copies) * 1e6
        rows.append((f"{num_envs:,}", f"{glimpse.nbytes / 1e6:.3f} MB", f"{step:,.1f}", f"{copy:,.1f}", f"{step / copy:.1f}"))
    table(("environments", "glimpses", "step", "copy", "ratio"), rows)


def by_threads(seconds: float) -> None:
    """Print steps a second on one thread and on two."""
    num_envs = NUM_ENVS[-1]
    print(f"{CLUTTERED}, {num_envs:,} environments, by threads; actions sampled before.\n")
    measured = [rates(gym.make_vec(CLUTTERED, num_envs, num_threads=threads), seconds)[1] for threads in (1, 2)]
    rows = [(threads, f"{rate:,.0f}", f"{rate / measured[0]:.2f}") for threads, rate in zip((1, 2), measured, strict=True)]
    table(("threads", "steps a second", "ratio"), rows)


def first_calls() -> None:
    """Print the costs of a fresh process: import, compilation or loading of kernels, memory."""
    print("A fresh process: seconds, and the peak of its memory.\n")
    rows = []
    for label, num_envs, num_steps in ((f"gym.make, {CLUTTERED}", 0, 1), ("make_vec, 256 environments, 50 steps", 256, 50)):
        with tempfile.TemporaryDirectory() as cache:
            script = _FIRST_CALLS.format(id=CLUTTERED, num_envs=num_envs, num_steps=num_steps, peak=PEAK)
            command = (sys.executable, "-c", script)
            empty, *filled = (told_by(command, NUMBA_CACHE_DIR=cache) for _ in range(1 + REPEATS))
        medians = [statistics.median(column) for column in zip(*filled, strict=True)]
        for state, (imported, stepped, peak) in (("empty", empty), ("filled", medians)):
            rows.append((label, state, f"{imported:.2f}", f"{stepped:.2f}", f"{peak:.0f} MiB"))
    table(("", "numba cache", "import", "make, reset and step", "peak memory"), rows)


class _Episodes:
    """Plays whole episodes in lockstep, and times each reset and each step within an episode."""

    def __init__(self, envs: gym.vector.VectorEnv[Any, Any, Any]) -> None:
        self.envs = envs
        self._steps: list[float] = []
        self._resets: list[float] = []
        envs.action_space.seed(0)
        num_glimpses: Any = TASKS[CLUTTERED]["num_glimpses"]
        self._actions = [envs.action_space.sample() for _ in range(num_glimpses)]
        self.play()
        self._steps, self._resets = [], []  # the first episode may have compiled

    def play(self) -> None:
        """Play one episode."""
        self._resets.append(_time(self.envs.reset))
        for action in self._actions[:-1]:
            self._steps.append(_time(self.envs.step, action))
        self.envs.step(self._actions[-1])

    def medians(self) -> tuple[float, float]:
        """Seconds of a step within an episode, and of a reset."""
        return statistics.median(self._steps), statistics.median(self._resets)


def _in_turn(calls: list[Callable[[], object]], seconds: float) -> None:
    """Call each in turn, so that other work of the machine slows all equally."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for call in calls:
            call()


def _time(call: Callable[..., object], *arguments: Any) -> float:
    start = time.perf_counter()
    call(*arguments)
    return time.perf_counter() - start


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1.0, help="duration of each measurement")
    seconds = parser.parse_args().seconds
    print(f"{machine()}; load average before the start {os.getloadavg()[0]:.1f}\n")
    by_task(seconds)
    by_scene_size(seconds)
    by_copy(seconds)
    by_threads(seconds)
    first_calls()


if __name__ == "__main__":
    main()
