"""Measure whether memory grows: ``python -m tools.soak --minutes 30 [--csv soak.csv]``.

Works on all native ids in turn. For each, it makes a vector environment, plays it with random actions and closes it; trains the
best agent of the id in a permanent environment; measures it on the validation split; and writes and reads its checkpoint. After
each turn it samples the resident memory. Prints the memory over time, and its slope after the warm-up.
"""

import argparse
import csv
import dataclasses
import io
import itertools
import os
import pathlib
import tempfile
import time
from collections.abc import Iterator

import gymnasium as gym
import numpy as np
import torch
from scipy import stats

from agents import checkpoints, environments, evaluation, files, models, parallel, ram, training
from agents.config import Config
from agents.policy import Policy
from agents.presets import preset
from benchmarks.machine import machine, table
from glimpse_env import TASKS

WARM_UP = 0.25  # share of the time in which kernels are loaded and memory pools grow
NUM_ENVS = 256
_NUM_STEPS = 100  # steps of the environments in a turn
_NUM_UPDATES = 10
_NUM_LINES = 12  # lines of the table


@dataclasses.dataclass(frozen=True)
class Sample:
    """The work done and the memory used so far."""

    minutes: float
    steps: int
    updates: int
    mebibytes: float


class Load:
    """The repeated work of one id.

    Args:
        id: the id of the environment.
        num_threads: the number of threads of the network and of the environments.
        folder: the folder for its checkpoints.
    """

    def __init__(self, id: str, num_threads: int, folder: pathlib.Path) -> None:
        config = preset("best", id)
        self._id, self._num_threads, self._folder = id, num_threads, folder / id
        self._config: Config = dataclasses.replace(config, num_threads=num_threads, num_test_episodes=NUM_ENVS)
        self._envs = environments.make_envs(self._config, config.batch_size, "train", **config.variation)
        self._model = models.make_model(self._config, self._envs)
        self._policy = Policy(self._model, self._envs.single_action_space, config.looking)
        self._optimizer = torch.optim.AdamW(self._model.parameters(), weight_decay=config.weight_decay)
        self._ranks = parallel.Ranks(torch.device("cpu"))
        self._update = config.num_updates // 2  # all losses are in use

    def turn(self) -> tuple[int, int]:
        """Do the work once; return the numbers of steps and updates."""
        envs = gym.make_vec(self._id, NUM_ENVS, num_threads=self._num_threads, autoreset_mode="SameStep")
        envs.reset(seed=self._update)
        envs.action_space.seed(self._update)
        for _ in range(_NUM_STEPS):
            envs.step(envs.action_space.sample())
        envs.close()
        for _ in range(_NUM_UPDATES):
            ram.train_step(self._model, self._optimizer, self._envs, self._config, self._update, self._ranks)
            self._update = (self._update + 1) % self._config.num_updates
        validation = environments.make_envs(self._config, NUM_ENVS, "validation")
        evaluation.evaluate(self._policy, validation, "validation", 0, self._config.num_test_episodes)
        state = {"model": self._policy.model.state_dict(), "optimizer": self._optimizer.state_dict()}
        checkpoints.save(self._folder, {"config": {}, "update": self._update, **state})
        checkpoints.load(self._folder)
        return NUM_ENVS * _NUM_STEPS, _NUM_UPDATES


def resident() -> float:
    """Resident memory of this process in MiB.

    Raises:
        OSError: this system has no /proc to read it from.
    """
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def soak(minutes: float, num_threads: int) -> Iterator[Sample]:
    """Work for some minutes, and yield a sample after each turn of an id."""
    torch.set_num_threads(num_threads)
    start, steps, updates = time.monotonic(), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        loads = [Load(id, num_threads, pathlib.Path(folder)) for id in TASKS]
        for load in itertools.cycle(loads):
            played, made = load.turn()
            steps, updates = steps + played, updates + made
            yield Sample((time.monotonic() - start) / 60, steps, updates, resident())
            if time.monotonic() - start > 60 * minutes:
                return


def after_warm_up(samples: list[Sample]) -> list[Sample]:
    """The samples after the warm-up, without the first turn of each id."""
    return [sample for sample in samples[len(TASKS) :] if sample.minutes >= WARM_UP * samples[-1].minutes]


def slope(samples: list[Sample]) -> tuple[float, float]:
    """The slope of memory, in MiB an hour, and its standard error, from a straight line.

    Raises:
        ValueError: there are too few samples.
    """
    if len(samples) < 3:
        raise ValueError("Too few samples after the warm-up for a slope: give more --minutes.")
    line = stats.linregress([sample.minutes / 60 for sample in samples], [sample.mebibytes for sample in samples])
    return float(line.slope), float(line.stderr)


def main(arguments: list[str] | None = None) -> None:
    """Work, and print the memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--num-threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--csv", type=pathlib.Path, help="a file for all samples")
    flags = parser.parse_args(arguments)
    print(f"{machine()}\n\n{', '.join(TASKS)}\n")
    samples = []
    for sample in soak(flags.minutes, flags.num_threads):
        samples.append(sample)
        if flags.csv:
            files.write(flags.csv, _as_csv(samples))
    shown = sorted(set(np.linspace(0, len(samples) - 1, _NUM_LINES).astype(int).tolist()))
    rows = [(f"{s.minutes:.1f}", f"{s.steps:,}", f"{s.updates:,}", f"{s.mebibytes:.1f}") for s in (samples[n] for n in shown)]
    table(("minutes", "steps", "updates", "resident MiB"), rows)
    with training.plain_errors("tools.soak"):
        warm = after_warm_up(samples)
        growth, error = slope(warm)
    first = warm[0].minutes
    print(f"After {first:.1f} minutes: {growth:+.1f} +- {error:.1f} MiB an hour (a straight line, and its standard error).")


def _as_csv(samples: list[Sample]) -> str:
    content = io.StringIO(newline="")
    writer = csv.DictWriter(content, [field.name for field in dataclasses.fields(Sample)])
    writer.writeheader()
    writer.writerows(map(dataclasses.asdict, samples))
    return content.getvalue()


if __name__ == "__main__":
    main()
