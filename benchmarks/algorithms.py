"""Algorithms side by side: ``python -m benchmarks.algorithms`` makes what runs are missing, then ``docs/benchmark.md``.

A run is an algorithm, an id and a seed; ``--id --algorithm --seed --steps`` makes one alone, so that several processes (one
thread each) can share the work. Its figures go into ``results/algorithms/``, one file a run, written when it is finished:
after a cut the next call makes only what is missing.

All train on the same number of environment steps of the id as it is registered (reward for the last step's class alone), are
watched on the validation split, and measured once at the end on the test split: each image once, by `glimpse_env.walk`, the
likeliest class named and the mean location looked at.
"""

import argparse
import csv
import dataclasses
import json
import pathlib
import tempfile
import time
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import AutoresetMode, VectorEnv
from sb3_contrib import RecurrentPPO
from stable_baselines3 import PPO
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecFrameStack

import glimpse_env
from agents import files, ram
from agents.config import preset
from benchmarks import leaderboard
from benchmarks.leaderboard import Run
from benchmarks.machine import machine
from glimpse_env.sb3 import GlimpseExtractor, make_vec_env
from glimpse_env.wrappers import VectorDiscretizeAction

IDS = ("Glimpse-MNIST-v0", "Glimpse-ClutteredMNIST-v0")
SEEDS = (0, 1, 2)
STEPS = 500_000
RESULTS = pathlib.Path("results/algorithms")
NUM_POINTS = 10  # of a learning curve

_GRID = 7
_NUM_ENVS = 64


def ram_run(id: str, seed: int, steps: int, **changes: Any) -> Run:
    """Train the bundled agent.

    Args:
        id: of the environment.
        seed: of the run.
        steps: of the environment.
        changes: to the config that the agent has for this id.
    """
    T = _num_glimpses(id)
    config = dataclasses.replace(preset("best", id), seed=seed, num_episodes=max(1, steps // T), **changes)
    config = dataclasses.replace(config, num_validations=min(NUM_POINTS, config.num_updates))
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        result = ram.train(config, runs=pathlib.Path(folder))
        with open(result.folder / "metrics.csv", newline="") as file:
            rows = list(csv.DictReader(file))
    curve = [(int(row["episodes"]) * T, float(row["seconds"]), 100 - float(row["validation_error"])) for row in rows]
    return Run(100 - result.errors[config.looking][-1], time.perf_counter() - start, curve)


def ppo_run(id: str, seed: int, steps: int) -> Run:
    """Train PPO of Stable-Baselines3 on all glimpses of the episode so far."""
    T = _num_glimpses(id)
    envs = VecFrameStack(make_vec_env(id, _NUM_ENVS, seed, grid=_GRID), T, channels_order=_CHANNELS)
    model = PPO("MultiInputPolicy", envs, policy_kwargs=_POLICY, seed=seed, **_ppo(T))
    return _learn(model, id, steps, _Stacked(model, T))


def recurrent_ppo_run(id: str, seed: int, steps: int) -> Run:
    """Train recurrent PPO of sb3-contrib."""
    envs = make_vec_env(id, _NUM_ENVS, seed, grid=_GRID)
    policy = {**_POLICY, "enable_critic_lstm": False}
    model = RecurrentPPO("MultiInputLstmPolicy", envs, policy_kwargs=policy, seed=seed, **_ppo(_num_glimpses(id)))
    return _learn(model, id, steps, _Recurrent(model))


_REWARD_ALONE = {"hybrid": False, "credit": "reward", "gamma": 1.0, "scored": "last", "blind": 0.0}
ALGORITHMS: dict[str, Callable[..., Run]] = {
    "random": lambda *run: ram_run(*run, looking="random"),
    "centre": lambda *run: ram_run(*run, looking="center"),
    "ppo": ppo_run,
    "recurrent-ppo": recurrent_ppo_run,
    "ram-reward": lambda *run: ram_run(*run, **_REWARD_ALONE),
    "ram": ram_run,
}
_CHANNELS = {"glimpse": "first", "fixation": "last"}
_POLICY = {"features_extractor_class": GlimpseExtractor, "net_arch": []}


def _ppo(T: int) -> dict[str, Any]:
    """What both kinds of PPO are given: whole episodes, and a reward that comes at their end."""
    schedule = {"learning_rate": lambda left: 1e-3 * left, "n_steps": 4 * T, "batch_size": 32 * T, "n_epochs": 4}
    return {**schedule, "gamma": 1.0, "gae_lambda": 0.95, "ent_coef": 0.003, "device": "cpu"}


class _Stacked:
    """A policy that sees all glimpses of the episode, as `VecFrameStack` gives them."""

    def __init__(self, model: BaseAlgorithm, num_glimpses: int) -> None:
        self._model, self._num_glimpses = model, num_glimpses

    def begin(self, num_envs: int) -> None:
        self._seen: list[dict[str, Any]] = []

    def __call__(self, observation: dict[str, Any]) -> Any:
        blank = {key: np.zeros_like(value) for key, value in observation.items()}
        self._seen.append(observation)
        frames = [blank] * (self._num_glimpses - len(self._seen)) + self._seen
        stacked = {key: np.concatenate([frame[key] for frame in frames], axis=1) for key in observation}
        return self._model.predict(stacked, deterministic=True)[0]


class _Recurrent:
    """A policy with a memory of its own."""

    def __init__(self, model: BaseAlgorithm) -> None:
        self._model = model

    def begin(self, num_envs: int) -> None:
        self._state: Any = None
        self._begins = np.ones(num_envs, np.bool_)

    def __call__(self, observation: dict[str, Any]) -> Any:
        actions, self._state = self._model.predict(observation, self._state, self._begins, deterministic=True)
        self._begins = np.zeros_like(self._begins)
        return actions


def accuracy(policy: Any, envs: VectorEnv[Any, Any, Any]) -> float:
    """Share of the split's images named right in the end, each once, in percent.

    Args:
        policy: ``begin(num_envs)`` before episodes, and then called with an observation for the actions.
        envs: with autoreset disabled, acted on as the policy does.
    """
    correct, total = 0, 0
    for observation, info, fresh in glimpse_env.walk(envs):
        policy.begin(envs.num_envs)
        ended = np.zeros(envs.num_envs, np.bool_)
        while not ended.any():
            observation, _, ended, _, info = envs.step(policy(observation))
        assert ended.all(), "episodes of different lengths"
        correct, total = correct + info["correct"][fresh].sum(), total + fresh.sum()
    return 100 * float(correct / total)


class _Watch(BaseCallback):
    """Measures a learning curve between updates, at as many points as it has."""

    def __init__(self, steps: int, measure: Callable[[], float]) -> None:
        super().__init__()
        self._due = [steps * point // NUM_POINTS for point in range(1, NUM_POINTS + 1)]
        self._measure = measure
        self._start = time.perf_counter()
        self.curve: list[tuple[int, float, float]] = []

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        if self._due and self.num_timesteps >= self._due[0]:
            self.curve.append((self.num_timesteps, time.perf_counter() - self._start, self._measure()))
            self._due = [due for due in self._due if due > self.num_timesteps]

    def _on_training_end(self) -> None:
        self._on_rollout_start()


def _learn(model: BaseAlgorithm, id: str, steps: int, policy: Any) -> Run:
    """Train, watched on the validation split."""

    def measured(split: str) -> float:
        envs = gym.make_vec(id, num_envs=500, split=split, autoreset_mode=AutoresetMode.DISABLED)
        return accuracy(policy, VectorDiscretizeAction(envs, _GRID))

    start, watch = time.perf_counter(), _Watch(steps, lambda: measured("validation"))
    model.learn(steps, callback=watch)
    return Run(measured("test"), time.perf_counter() - start, watch.curve)


def _num_glimpses(id: str) -> int:
    return int(glimpse_env.TASKS[id]["num_glimpses"])  # type: ignore[call-overload]


def make_run(id: str, algorithm: str, seed: int, steps: int, results: pathlib.Path = RESULTS) -> None:
    """Make one run, unless it was made already."""
    path = results / f"{id}-{algorithm}-{seed}-{steps}.json"
    if path.exists():
        return
    print(f"{algorithm} on {id}, seed {seed}, {steps:,} steps", flush=True)
    torch.set_num_threads(1)
    run = ALGORITHMS[algorithm](id, seed, steps)
    content = {"id": id, "algorithm": algorithm, "seed": seed, "steps": steps, "machine": machine(), **dataclasses.asdict(run)}
    files.write(path, json.dumps(content, indent=1) + "\n")


def main(arguments: list[str] | None = None) -> None:
    """Make runs, then the page of all that are finished."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--id", nargs="+", choices=glimpse_env.TASKS, default=IDS)
    parser.add_argument("--algorithm", nargs="+", choices=ALGORITHMS, default=tuple(ALGORITHMS))
    parser.add_argument("--seed", nargs="+", type=int, default=SEEDS)
    parser.add_argument("--steps", type=int, default=STEPS, help="of all environments together, a run")
    parser.add_argument("--results", type=pathlib.Path, default=RESULTS, help="where finished runs are kept")
    parser.add_argument("--docs", type=pathlib.Path, default=pathlib.Path("docs"), help="where the page goes")
    options = parser.parse_args(arguments)
    for id in options.id:
        for seed in options.seed:
            for algorithm in options.algorithm:
                make_run(id, algorithm, seed, options.steps, options.results)
    leaderboard.write(options.results, options.docs, options.steps)


if __name__ == "__main__":
    main()
