"""The speed of PPO with a memory: ``python -m benchmarks.recurrent_ppo [--seconds 20]``.

Steps a second of a whole training on `Glimpse-MNIST-v0`, on one thread: examples/recurrent_ppo.py; sb3-contrib's RecurrentPPO
with the same settings in the same vector environment, as on the leaderboard; and RecurrentPPO with its own settings, such as 10
passes over each batch, in Stable-Baselines3's vector environment of 8 single ones. They run in turn.
"""

import argparse
import importlib
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from sb3_contrib import RecurrentPPO
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env

from benchmarks import libraries
from benchmarks.machine import machine, table
from glimpse_env import sb3
from glimpse_env.wrappers import DiscretizeAction

ID = "Glimpse-MNIST-v0"
ROUNDS = 3


def single_file(seconds: float) -> float:
    """Steps a second of examples/recurrent_ppo.py."""
    example: Any = importlib.import_module("examples.recurrent_ppo")
    training = example.training(example.Config(env_id=ID))
    before, *_ = next(training)  # compiles, and fills the caches
    start = time.perf_counter()
    steps = before
    while time.perf_counter() < start + seconds:
        steps, *_ = next(training)
    return float(steps - before) / (time.perf_counter() - start)


def same_settings(seconds: float) -> float:
    """Steps a second of RecurrentPPO as on the leaderboard."""
    envs = sb3.make_vec_env(ID, libraries.NUM_ENVS, seed=0, actions="multidiscrete")
    return _of_library(libraries.recurrent_ppo(ID, envs, seed=0), seconds)


def own_settings(seconds: float) -> float:
    """Steps a second of RecurrentPPO with sb3-contrib's settings."""
    envs = make_vec_env(ID, n_envs=8, seed=0, wrapper_class=DiscretizeAction)
    return _of_library(RecurrentPPO("MultiInputLstmPolicy", envs, seed=0, device="cpu"), seconds)


class _Clock(BaseCallback):
    """Notes the time of each update, and ends the training some seconds after the first."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds
        self.marks: list[tuple[int, float]] = []

    def _on_step(self) -> bool:
        return len(self.marks) < 2 or self.marks[-1][1] < self.marks[0][1] + self._seconds

    def _on_rollout_start(self) -> None:
        if self.num_timesteps:  # an update is done
            self.marks.append((self.num_timesteps, time.perf_counter()))


def _of_library(model: BaseAlgorithm, seconds: float) -> float:
    clock = _Clock(seconds)
    model.learn(10**9, callback=clock)
    (before, start), *_, (steps, end) = clock.marks
    return (steps - before) / (end - start)


ROWS: dict[str, Callable[[float], float]] = {
    "examples/recurrent_ppo.py": single_file,
    "RecurrentPPO, the same settings": same_settings,
    "RecurrentPPO, its own settings": own_settings,
}


def main(arguments: list[str] | None = None) -> None:
    """Measure all in turn, and print the medians, and the ratio of the example's rate to each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0, help="duration of each measurement, in each round")
    seconds = parser.parse_args(arguments).seconds
    torch.set_num_threads(1)
    rounds = [[measure(seconds) for measure in ROWS.values()] for _ in range(ROUNDS)]
    ours, *_ = zip(*rounds, strict=True)
    rows = []
    for name, rates in zip(ROWS, zip(*rounds, strict=True), strict=True):
        ratios = [a / b for a, b in zip(ours, rates, strict=True)]
        between = f"{min(ratios):.1f} to {max(ratios):.1f}"
        rows.append((name, f"{statistics.median(rates):,.0f}", f"{statistics.median(ratios):.1f}", between))
    print(f"{ID}: steps a second of a training, median of {ROUNDS} rounds of {seconds:g} seconds.\n")
    table(("", "steps a second", "ratio of the example", "in each round"), rows)
    print(machine("torch", "stable_baselines3", "sb3_contrib"))


if __name__ == "__main__":
    main()
