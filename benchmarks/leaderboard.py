"""Compare algorithms: ``python -m benchmarks.leaderboard`` makes the missing runs, then writes docs/benchmark.md.

A run is an algorithm, an id and a seed; ``--id --algorithm --seed --steps`` select some. Finished runs are kept in
results/<id>.json, so an interrupted call can be repeated.

All algorithms train on the same number of environment steps of the registered id, from glimpses only: 1 for the right class at
the last step. Their curves are measured on the validation split. At the end they are measured once on the test split: each
image once, by `glimpse_env.walk`, with the most likely class and the mean location.
"""

import argparse
import csv
import dataclasses
import pathlib
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
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
from agents import environments, files, ram
from agents.presets import preset
from benchmarks import evidence
from benchmarks.evidence import Evidence, Run
from benchmarks.machine import machine
from glimpse_env.sb3 import GlimpseExtractor, make_vec_env
from glimpse_env.wrappers import VectorDiscretizeAction

IDS = ("Glimpse-MNIST-v0", "Glimpse-ClutteredMNIST-v0")
SEEDS = (0, 1, 2)
STEPS = 500_000
PAGE = pathlib.Path("docs/benchmark.md")
NUM_POINTS = 10  # the points of a learning curve

_GRID = 7
_NUM_ENVS = 64
_GLIMPSES = {"canvas": None, "augmentation": 0.0, "short": 0.0}  # as the other algorithms: no canvas, no varied images
_REWARD: dict[str, Any] = {
    "hybrid": False,
    "credit": "reward",
    "gamma": 1.0,
    "scored": "last",
    "blind": 0.0,
    "entropy_coef": 0.02,
}


@dataclasses.dataclass(frozen=True)
class Trained:
    """The result of a run.

    Attributes:
        error: the error on the test split, in percent.
        seconds: the duration of the whole run, with its evaluations.
        curve: (environment steps, validation error in percent, seconds) at each point.
        parameters: the number of parameters of the networks.
    """

    error: float
    seconds: float
    curve: Sequence[tuple[int, float, float]]
    parameters: int


def ram_run(id: str, seed: int, steps: int, **changes: Any) -> Trained:
    """Train the bundled agent on glimpses only.

    Args:
        id: the id of the environment.
        seed: the seed of the run.
        steps: the number of environment steps.
        changes: other changes to the agent's config for this id.
    """
    T = _num_glimpses(id)
    config = dataclasses.replace(preset("best", id), seed=seed, num_episodes=max(1, steps // T), **{**_GLIMPSES, **changes})
    config = dataclasses.replace(config, num_validations=min(NUM_POINTS, config.num_updates))
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        result = ram.train(config, runs=pathlib.Path(folder))
        with open(result.folder / "metrics.csv", newline="") as file:
            rows = list(csv.DictReader(file))
    curve = [(int(row["episodes"]) * T, float(row["validation_error"]), float(row["seconds"])) for row in rows]
    parameters = sum(p.numel() for p in result.policy.model.parameters())
    return Trained(result.scores[config.looking][-1], time.perf_counter() - start, curve, parameters)


def ppo_run(id: str, seed: int, steps: int) -> Trained:
    """Train PPO of Stable-Baselines3 on all glimpses of the episode so far."""
    T = _num_glimpses(id)
    envs = VecFrameStack(make_vec_env(id, _NUM_ENVS, seed, grid=_GRID), T, channels_order=_CHANNELS)
    model = PPO("MultiInputPolicy", envs, policy_kwargs=_POLICY, seed=seed, **_ppo(T))
    return _learn(model, id, steps, _Stacked(model, T))


def recurrent_ppo_run(id: str, seed: int, steps: int) -> Trained:
    """Train recurrent PPO of sb3-contrib."""
    envs = make_vec_env(id, _NUM_ENVS, seed, grid=_GRID)
    policy = {**_POLICY, "enable_critic_lstm": False}
    model = RecurrentPPO("MultiInputLstmPolicy", envs, policy_kwargs=policy, seed=seed, **_ppo(_num_glimpses(id)))
    return _learn(model, id, steps, _Recurrent(model))


# name -> a function that trains it, and whether it reads labels.
ALGORITHMS: dict[str, tuple[Callable[..., Trained], bool]] = {
    "RAM, random fixations": (lambda *run: ram_run(*run, looking="random"), True),
    "RAM, central fixations": (lambda *run: ram_run(*run, looking="center"), True),
    "RAM, hybrid loss": (ram_run, True),
    "RAM, reward alone": (lambda *run: ram_run(*run, **_REWARD), False),
    "PPO, all glimpses so far (Stable-Baselines3)": (ppo_run, False),
    "recurrent PPO (sb3-contrib)": (recurrent_ppo_run, False),
}
_CHANNELS = {"glimpse": "first", "fixation": "last"}
_POLICY = {"features_extractor_class": GlimpseExtractor, "net_arch": []}


def _ppo(T: int) -> dict[str, Any]:
    """The hyperparameters of both kinds of PPO: whole episodes, and a reward at their end."""
    schedule = {"learning_rate": lambda left: 1e-3 * left, "n_steps": 4 * T, "batch_size": 32 * T, "n_epochs": 4}
    return {**schedule, "gamma": 1.0, "gae_lambda": 0.95, "ent_coef": 0.003, "device": "cpu"}


class _Stacked:
    """A policy that sees all glimpses of the episode, stacked as by `VecFrameStack`."""

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
    """A recurrent policy."""

    def __init__(self, model: BaseAlgorithm) -> None:
        self._model = model

    def begin(self, num_envs: int) -> None:
        self._state: Any = None
        self._begins = np.ones(num_envs, np.bool_)

    def __call__(self, observation: dict[str, Any]) -> Any:
        actions, self._state = self._model.predict(observation, self._state, self._begins, deterministic=True)
        self._begins = np.zeros_like(self._begins)
        return actions


def error(policy: Any, envs: VectorEnv[Any, Any, Any], split: str) -> float:
    """The error on the split's images, each once, after the last step, in percent.

    Args:
        policy: has ``begin(num_envs)``, called before episodes, and maps an observation to actions.
        envs: environments with autoreset disabled and the action space of the policy.
        split: the split of the environments; every evaluation has the same episodes.
    """
    wrong, total = 0, 0
    for observation, info, fresh in glimpse_env.walk(envs, environments.first_seed(split, 0)):
        policy.begin(envs.num_envs)
        ended = np.zeros(envs.num_envs, np.bool_)
        while not ended.any():
            observation, _, ended, _, info = envs.step(policy(observation))
        assert ended.all(), "episodes of different lengths"
        wrong, total = wrong + (~info["correct"][fresh]).sum(), total + fresh.sum()
    return 100 * float(wrong / total)


class _Watch(BaseCallback):
    """Measures the points of a learning curve, between updates."""

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
            self.curve.append((self.num_timesteps, self._measure(), time.perf_counter() - self._start))
            self._due = [due for due in self._due if due > self.num_timesteps]

    def _on_training_end(self) -> None:
        self._on_rollout_start()


def _learn(model: BaseAlgorithm, id: str, steps: int, policy: Any) -> Trained:
    """Train a model, and measure its curve on the validation split."""

    def measured(split: str) -> float:
        envs = gym.make_vec(id, num_envs=500, split=split, autoreset_mode=AutoresetMode.DISABLED)
        return error(policy, VectorDiscretizeAction(envs, _GRID), split)

    start, watch = time.perf_counter(), _Watch(steps, lambda: measured("validation"))
    model.learn(steps, callback=watch)
    parameters = sum(p.numel() for p in model.policy.parameters())
    return Trained(measured("test"), time.perf_counter() - start, watch.curve, parameters)


def _num_glimpses(id: str) -> int:
    return int(glimpse_env.TASKS[id]["num_glimpses"])  # type: ignore[call-overload, no-any-return]


def make_run(id: str, algorithm: str, seed: int, steps: int) -> None:
    """Make one run, unless it exists."""
    known = evidence.load(id)
    changes = {"steps": steps, "labels": ALGORITHMS[algorithm][1]}
    if any((run.name, run.seed) == (_name(algorithm, steps), seed) for run in known.runs):
        return
    print(f"{algorithm} on {id}, seed {seed}, {steps:,} steps", flush=True)
    torch.set_num_threads(1)
    commit, T = evidence.head(), _num_glimpses(id)
    trained = ALGORITHMS[algorithm][0](id, seed, steps)
    run = Run(
        name=_name(algorithm, steps),
        table="leaderboard",
        seed=seed,
        command=f"python -m benchmarks.leaderboard --id {id} --algorithm {algorithm!r} --seed {seed} --steps {steps}",
        preset=algorithm,
        changes=changes,
        scores={"own": [round(trained.error, 4)]},
        curve=[[steps // T, round(found, 4), round(seconds / 60, 2)] for steps, found, seconds in trained.curve],
        minutes=round(trained.seconds / 60, 2),
        parameters=trained.parameters,
        multiply_adds=None,
        commit=commit,
        machine=machine(),
    )
    evidence.save(evidence.load(id).with_run(run))


def _name(algorithm: str, steps: int) -> str:
    return f"{algorithm}, {steps:,} steps"


def page(found: Sequence[Evidence]) -> str:
    """Make the page of all finished runs, and draw its curves."""
    machines = sorted({run.machine for one in found for run in one.runs if run.table == "leaderboard"})
    lines = [
        "# Algorithms side by side",
        "",
        "<!-- made by python -m benchmarks.leaderboard; do not edit -->",
        "",
        "Each algorithm trains on the same number of environment steps of the registered id, whose reward is 1 for the right "
        "class at the last step. The error is measured on the test split: each image once, one rollout, no exploration. It is "
        "the mean over seeds with a 95 % interval (Student's t). Curves are measured on the validation split. Minutes are of "
        "one thread, with evaluations.",
        "",
        "An algorithm that reads labels learns from more than the reward: compare it only with others that do. Agents of "
        "commit 7bf594d see a canvas and augmented training images; PPO does not.",
        "",
    ]
    for one in found:
        rows = one.rows("leaderboard")
        if not rows:
            continue
        lines += [
            f"## {one.id}",
            "",
            "| algorithm | reads labels | error, % | seeds | minutes | commit |",
            "|---|---|---|---|---|---|",
        ]
        for name, runs in rows.items():
            labels = "yes" if runs[0].changes["labels"] else ""
            commits = ", ".join(f"`{commit}`" for commit in dict.fromkeys(run.commit for run in runs))
            minutes = statistics.fmean(run.minutes for run in runs)
            cells = [name, labels, evidence.interval([run.score for run in runs]), str(len(runs)), f"{minutes:.1f}", commits]
            lines.append("| " + " | ".join(cells) + " |")
        picture = evidence.picture("benchmark", one.id)
        evidence.draw_curves(rows, picture, f"{one.id}: algorithms", "error")
        lines += ["", f"![Error on {one.id} over episodes and minutes]({picture.parent.name}/{picture.name})", ""]
    return "\n".join([*lines, f"Measured on: {'; '.join(machines)}.", ""])


def main(arguments: list[str] | None = None) -> None:
    """Make runs, then write the page of all finished ones."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--id", nargs="*", choices=glimpse_env.TASKS, default=IDS, help="without an id, only write the page")
    parser.add_argument("--algorithm", nargs="+", choices=ALGORITHMS, default=tuple(ALGORITHMS))
    parser.add_argument("--seed", nargs="+", type=int, default=SEEDS)
    parser.add_argument("--steps", type=int, default=STEPS, help="steps of all environments together, for each run")
    options = parser.parse_args(arguments)
    for id in options.id:
        for seed in options.seed:
            for algorithm in options.algorithm:
                make_run(id, algorithm, seed, options.steps)
    files.write(PAGE, page(evidence.read_all()))


if __name__ == "__main__":
    main()
