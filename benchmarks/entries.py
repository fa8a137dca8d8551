"""Entries of the leaderboard, ``results/leaderboard/<algorithm>.json``: what a file must have, and how it is ranked.

The rules are on one page, docs/benchmark_rules.md.
"""

import dataclasses
import itertools
import json
import math
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from agents import files
from agents.environments import task_of
from benchmarks import evidence

FOLDER = pathlib.Path("leaderboard")  # in results/
IDS = ("Glimpse-MNIST-v0", "Glimpse-ClutteredMNIST-v0", "Glimpse-CircleSquareRelative-v0")
SEEDS = (0, 1, 2)
TRACKS = ("reward alone", "labels allowed", "whole scene")
STEPS, MINUTES = 5_000_000, 20.0
TUNING_RUNS = 10
_SLACK = 1.05  # the update under way when the budget ends may be finished
_RESAMPLES = 2_000


@dataclasses.dataclass(frozen=True)
class Trial:
    """A training of an entry, measured once on the test split.

    Attributes:
        id: the id of the task.
        seed: the seed.
        error: the error on the test split after the last glimpse, greedy, in percent.
        steps: the environment steps of the training.
        minutes: the minutes of one core that it took, with its evaluations.
        ended_by: "steps" or "minutes": which part of the budget ended first; "itself": neither.
        parameters: the number of parameters of its networks.
        code: the repository and commit of the code.
        machine: the machine of the minutes.
        curve: (steps, validation error in percent, minutes) at some points of the training.
    """

    id: str
    seed: int
    error: float
    steps: int
    minutes: float
    ended_by: str
    parameters: int
    code: str
    machine: str
    curve: list[list[float]]


@dataclasses.dataclass(frozen=True)
class Entry:
    """An algorithm in the leaderboard: a submission.

    Attributes:
        algorithm: its name, unique.
        track: one of `TRACKS`.
        command: the command that makes its trials.
        tuning: how its hyperparameters were chosen.
        tuning_runs: the number of short runs, measured on the validation split, that chose them.
        trials: its trials.
    """

    algorithm: str
    track: str
    command: str
    tuning: str
    tuning_runs: int
    trials: tuple[Trial, ...] = ()

    @property
    def path(self) -> pathlib.Path:
        """Its file."""
        return evidence.RESULTS / FOLDER / f"{evidence.hyphenated(self.algorithm)}.json"

    def of(self, id: str) -> list[Trial]:
        """The trials of a task, by seed."""
        return sorted((trial for trial in self.trials if trial.id == id), key=lambda trial: trial.seed)

    @property
    def whole(self) -> bool:
        """Whether it has all seeds of all tasks."""
        return all({trial.seed for trial in self.of(id)} >= set(SEEDS) for id in IDS)

    def with_trial(self, trial: Trial) -> "Entry":
        """Add a trial; it replaces one of the same task and seed."""
        others = [other for other in self.trials if (other.id, other.seed) != (trial.id, trial.seed)]
        return dataclasses.replace(self, trials=(*others, trial))


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _whole(least: int, most: float = math.inf) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _number(least: float, most: float) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most


def _curve(value: Any) -> bool:
    within = (_number(0, STEPS * _SLACK), _number(0, 100), _number(0, MINUTES * _SLACK))
    points = isinstance(value, list) and len(value) > 0 and all(isinstance(point, list) and len(point) == 3 for point in value)
    if not points or not all(fits(number) for point in value for fits, number in zip(within, point, strict=True)):
        return False
    return all(a[0] < b[0] and a[2] <= b[2] for a, b in itertools.pairwise(value))


# field -> whether a value is right, and the words for it.
_OF_ENTRIES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "algorithm": (_text, "a text"),
    "track": (lambda value: value in TRACKS, f"one of {', '.join(map(repr, TRACKS))}"),
    "command": (_text, "a text"),
    "tuning": (_text, "a text"),
    "tuning_runs": (_whole(0, TUNING_RUNS), f"a whole number from 0 to {TUNING_RUNS}"),
    "trials": (lambda value: isinstance(value, list) and len(value) > 0, "a list of trials, at least one"),
}
_OF_TRIALS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "id": (lambda value: value in IDS, f"one of {', '.join(IDS)}"),
    "seed": (_whole(min(SEEDS), max(SEEDS)), f"one of {', '.join(map(str, SEEDS))}"),
    "error": (_number(0, 100), "a number of percent, from 0 to 100"),
    "steps": (_whole(1, STEPS * _SLACK), f"a whole number, at most {STEPS:,}"),
    "minutes": (_number(0, MINUTES * _SLACK), f"a number, at most {MINUTES:g}"),
    "ended_by": (lambda value: value in ("steps", "minutes", "itself"), "'steps', 'minutes' or 'itself'"),
    "parameters": (_whole(1), "a whole number, at least 1"),
    "code": (_text, "a text, the repository and the commit"),
    "machine": (_text, "a text"),
    "curve": (
        _curve,
        "a list of [steps, validation error in percent, minutes], at least one, in order and within the budget",
    ),
}


def read(path: pathlib.Path) -> Entry:
    """Read an entry, such as a submission.

    Raises:
        ValueError: the file breaks a rule; the message names the field.
        OSError: it cannot be read.
    """
    found = evidence.contents(path)
    _check_all(found, str(path))
    return Entry(**{**found, "trials": tuple(Trial(**trial) for trial in found["trials"])})


def read_all() -> list[Entry]:
    """Read all entries: by track, then the best first; those that lack trials last."""
    found = [read(path) for path in sorted((evidence.RESULTS / FOLDER).glob("*.json"))]
    return sorted(found, key=lambda one: (TRACKS.index(one.track), -iqm(scores(one)) if one.whole else math.inf, one.algorithm))


def save(entry: Entry) -> None:
    """Write an entry's file, with one line for each field.

    Raises:
        ValueError: it breaks a rule; the message names the field.
    """
    _check_all(json.loads(json.dumps(dataclasses.asdict(entry))), str(entry.path))
    trials = ",\n  ".join(evidence.lines(trial, "  ") for trial in entry.trials)
    fields = {name: value for name, value in dataclasses.asdict(entry).items() if name != "trials"}
    head = "".join(f" {json.dumps(name)}: {json.dumps(value)},\n" for name, value in fields.items())
    files.write(entry.path, f'{{\n{head} "trials": [\n  {trials}\n ]\n}}\n')


def scores(entry: Entry) -> list[list[float]]:
    """The scores of each task's trials: 0 for chance, 1 for no error."""
    chances = [1 / len(task_of(id).action_names) for id in IDS]
    right = [[1 - trial.error / 100 for trial in entry.of(id)] for id in IDS]
    return [[(share - chance) / (1 - chance) for share in shares] for chance, shares in zip(chances, right, strict=True)]


def iqm(of_tasks: Sequence[Sequence[float]]) -> float:
    """The interquartile mean of all trials of all tasks together (Agarwal et al. 2021)."""
    return float(stats.trim_mean(np.concatenate([np.asarray(one) for one in of_tasks]), 0.25))


def interval(of_tasks: Sequence[Sequence[float]]) -> tuple[float, float]:
    """The 95 % interval of the `iqm`, by a bootstrap that draws from each task's trials (Agarwal et al. 2021)."""
    rng = np.random.default_rng(0)
    drawn: list[npt.NDArray[np.float64]] = [rng.choice(np.asarray(one), (_RESAMPLES, len(one))) for one in of_tasks]
    low, high = np.percentile(stats.trim_mean(np.concatenate(drawn, axis=1), 0.25, axis=1), (2.5, 97.5))
    return float(low), float(high)


def _check_all(found: Any, where: str) -> None:
    """Raise an error that names the field of an entry that breaks a rule."""
    _check(found, _OF_ENTRIES, where)
    for n, trial in enumerate(found["trials"]):
        _check(trial, _OF_TRIALS, f"{where}, trials[{n}]")
    keys = [(trial["id"], trial["seed"]) for trial in found["trials"]]
    for n, key in enumerate(keys):
        if key in keys[:n]:
            raise ValueError(f"{where}, trials[{n}]: id and seed are those of trials[{keys.index(key)}].")


def _check(found: Any, fields: Mapping[str, tuple[Callable[[Any], bool], str]], where: str) -> None:
    """Raise an error that names the field that is missing, unknown or wrong."""
    evidence.check_fields(found, fields, where)
    for name, (right, words) in fields.items():
        if not right(found[name]):
            raise ValueError(f"{where}: {name} must be {words}, got {found[name]!r}.")
