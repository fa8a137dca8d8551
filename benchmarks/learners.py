"""How an algorithm of the leaderboard trains within a budget and is measured; the bundled agent and PPO in one file."""

import contextlib
import csv
import dataclasses
import importlib
import pathlib
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import AutoresetMode, VectorEnv
from torch import nn

import agents
from agents import baselines, checkpoints, environments, ram, rollout
from agents.baselines import BaselineConfig
from agents.config import TrainingConfig
from agents.presets import preset

Envs = VectorEnv[Any, Any, Any]
NUM_POINTS = 10  # the points of a learning curve
NUM_EPISODES = 10_000  # of an evaluation, for a task without images
_SIDE_BY_SIDE = 500


@dataclasses.dataclass(frozen=True)
class Budget:
    """What a training may take: the environment steps, and the minutes of one core, with its evaluations."""

    steps: int
    minutes: float


@dataclasses.dataclass(frozen=True)
class Trained:
    """The result of a training.

    Attributes:
        error: the error on the test split, in percent.
        steps: the environment steps.
        minutes: the minutes of one core.
        ended_by: "steps" or "minutes", of the budget, or "itself".
        curve: (environment steps, validation error in percent, minutes) at each point.
        parameters: the number of parameters of the networks.
    """

    error: float
    steps: int
    minutes: float
    ended_by: str
    curve: list[tuple[int, float, float]]
    parameters: int


def error(policy: Any, envs: Envs, split: str) -> float:
    """The error after the last step, in percent: each image of the split once, or `NUM_EPISODES` of a task without images.

    Args:
        policy: has ``predict(observation, state, episode_start, deterministic)``, as those of `agents.load` and of
            Stable-Baselines3.
        envs: environments with autoreset disabled.
        split: the split of the environments; every evaluation has the same episodes.
    """
    wrong, total = 0, 0
    for observation, info, fresh in rollout.starts(envs, environments.first_seed(0, split), NUM_EPISODES):
        state, start, ended = None, np.ones(envs.num_envs, np.bool_), np.zeros(envs.num_envs, np.bool_)
        while not ended.any():
            actions, state = policy.predict(observation, state, start, deterministic=True)
            observation, _, ended, _, info = envs.step(actions)
            start = np.zeros(envs.num_envs, np.bool_)
        assert ended.all(), "episodes of different lengths"
        wrong, total = wrong + (~info["correct"][fresh]).sum(), total + fresh.sum()
    return 100 * float(wrong / total)


class Watch:
    """The budget of a training, and its learning curve.

    Args:
        budget: what the training may take.
        measure: returns the current validation error.
    """

    def __init__(self, budget: Budget, measure: Callable[[], float]) -> None:
        self._budget, self._measure = budget, measure
        self._start = time.process_time()
        self.curve: list[tuple[int, float, float]] = []
        self.steps = 0

    @property
    def minutes(self) -> float:
        """The minutes of one core so far."""
        return (time.process_time() - self._start) / 60

    @property
    def left(self) -> bool:
        """Whether some of the minutes are left."""
        return self.minutes < self._budget.minutes

    def __call__(self, steps: int) -> bool:
        """Note the steps so far, measure the next point if it is due, and return whether the training may go on."""
        self.steps = steps
        used = max(steps / self._budget.steps, self.minutes / self._budget.minutes)
        if used >= (len(self.curve) + 1) / NUM_POINTS and steps > (self.curve[-1][0] if self.curve else 0):
            self.curve.append((steps, self._measure(), self.minutes))
        return self.left and steps < self._budget.steps

    def trained(self, test: Callable[[], float], parameters: int) -> Trained:
        """End the training, and measure it on the test split."""
        minutes = self.minutes
        ended_by = "steps" if self.steps >= self._budget.steps else "minutes" if not self.left else "itself"
        if not self.curve or self.curve[-1][0] < self.steps:
            self.curve.append((self.steps, self._measure(), minutes))
        return Trained(test(), self.steps, minutes, ended_by, self.curve, parameters)


# The bundled agent, and the bundled network that sees whole scenes.


def ram_run(id: str, seed: int, budget: Budget, name: str = "reward", **changes: Any) -> Trained:
    """Train the bundled agent from a preset, with changes."""
    config = dataclasses.replace(preset(name, id), **_within(budget, id, seed), device="cpu", **changes)

    def measured(folder: pathlib.Path) -> tuple[Callable[[str], float], nn.Module]:
        policy = agents.load(folder)
        return lambda split: error(policy, measured_envs(id, split), split), policy.model

    return _run(config, lambda runs: ram.train(config, runs=runs), measured, budget)


def scene_run(id: str, seed: int, budget: Budget) -> Trained:
    """Train four convolutions on whole scenes; an episode counts as all its steps."""
    config = BaselineConfig(env_id=id, network="deep", batch_size=64, learning_rate=1.4e-3, **_within(budget, id, seed))

    def measured(folder: pathlib.Path) -> tuple[Callable[[str], float], nn.Module]:
        network = baselines.network_for(environments.make_envs(config, 1, "validation"), config.network)
        network.load_state_dict(checkpoints.load(folder)["model"])
        return lambda split: baselines.evaluate(network, environments.evaluation_envs(config, split), split), network

    return _run(config, lambda runs: baselines.train(config, runs=runs), measured, budget)


def _within(budget: Budget, id: str, seed: int) -> dict[str, Any]:
    """The changes of a config that trains within a budget."""
    return {
        "seed": seed,
        "num_episodes": max(1, budget.steps // num_glimpses(id)),
        "num_validations": NUM_POINTS,
        "num_test_episodes": NUM_EPISODES,
        "evaluated_on": "validation",  # the test split is read at the end, once
    }


def _run(
    config: TrainingConfig,
    train: Callable[[pathlib.Path], object],
    measured: Callable[[pathlib.Path], tuple[Callable[[str], float], nn.Module]],
    budget: Budget,
) -> Trained:
    """Make a run, which stops at the budget as at Ctrl-C, with a checkpoint.

    Args:
        config: of the run.
        train: makes it, in a folder of runs.
        measured: from the run's folder to its error on a split, and its networks.
        budget: the minutes that it may take.
    """
    T = num_glimpses(config.env_id)
    cpu, clock = time.process_time(), time.perf_counter()
    with tempfile.TemporaryDirectory() as runs:
        folder = pathlib.Path(runs, config.run_name)
        with _stopped_after(budget.minutes):
            train(folder.parent)
        measure, networks = measured(folder)
        updates, path = int(checkpoints.load(folder)["update"]), folder / "metrics.csv"
        rows = list(csv.DictReader(path.read_text().splitlines())) if path.exists() else []
    share = (time.process_time() - cpu) / (time.perf_counter() - clock) / 60  # minutes of a core in a second of the clock
    curve = [(int(row["episodes"]) * T, float(row["validation_error"]), float(row["seconds"]) * share) for row in rows]
    steps, complete = updates * config.batch_size * T, updates == config.num_updates
    minutes = curve[-1][2] if complete else max(budget.minutes, *(minutes for *_, minutes in curve), 0.0)
    if not curve or curve[-1][0] < steps:
        curve.append((steps, measure("validation"), minutes))
    parameters = sum(p.numel() for p in networks.parameters())
    return Trained(measure("test"), steps, minutes, "steps" if complete else "minutes", curve, parameters)


@contextlib.contextmanager
def _stopped_after(minutes: float) -> Iterator[None]:
    """Stop the training within, as Ctrl-C does, after the first update that ends beyond so many minutes of cores."""
    idle = signal.getsignal(signal.SIGINT)
    stopped: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        if signal.getsignal(signal.SIGINT) is not idle:  # the training listens: before, an exception could strike anywhere
            stopped.append(number)
            signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, 60 * minutes, 0.1)
    try:
        yield
    except KeyboardInterrupt:
        if not stopped:
            raise
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


# PPO in one file.


def single_file_run(id: str, seed: int, budget: Budget, **changes: Any) -> Trained:
    """Train examples/recurrent_ppo.py, with changes to its config."""
    example: Any = importlib.import_module("examples.recurrent_ppo")
    policy = _SingleFile()
    watch = Watch(budget, lambda: error(policy, measured_envs(id, "validation"), "validation"))
    for steps, policy.agent, _ in example.training(example.Config(env_id=id, seed=seed, num_steps=budget.steps, **changes)):
        if not watch(steps):
            break
    parameters = sum(p.numel() for p in policy.agent.parameters())
    return watch.trained(lambda: error(policy, measured_envs(id, "test"), "test"), parameters)


class _SingleFile:
    """The agent of examples/recurrent_ppo.py."""

    agent: Any

    @torch.no_grad()
    def predict(self, observation: Any, state: Any, episode_start: Any, deterministic: bool) -> tuple[Any, Any]:
        seen = {key: torch.from_numpy(observation[key])[None] for key in ("glimpse", "fixation")}
        actions, locations, _, state = self.agent(seen, state)
        return {"location": locations.mean[0].clamp(-1, 1).numpy(), "action": actions.probs[0].argmax(-1).numpy()}, state


def num_glimpses(id: str) -> int:
    """The glimpses, and the steps, of an episode."""
    T = environments.task_of(id).num_glimpses
    assert T is not None
    return T


def measured_envs(id: str, split: str) -> Envs:
    """The environments that `error` measures a policy in."""
    return gym.make_vec(id, num_envs=_SIDE_BY_SIDE, split=split, autoreset_mode=AutoresetMode.DISABLED)
