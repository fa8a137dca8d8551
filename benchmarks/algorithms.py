"""The rows that the leaderboard itself makes."""

import dataclasses
from collections.abc import Callable
from typing import Any

from agents.presets import preset
from benchmarks import learners, libraries
from benchmarks.learners import Budget, Trained
from glimpse_env import TASKS


@dataclasses.dataclass(frozen=True)
class Algorithm:
    """A row of the leaderboard.

    Attributes:
        track: see `benchmarks.entries.TRACKS`.
        run: trains it: (id, seed, budget) to the result.
        tuning: how its hyperparameters were chosen.
        tuning_runs: the number of short runs on the validation split that chose them.
    """

    track: str
    run: Callable[..., Trained]
    tuning: str
    tuning_runs: int


_LABELS: dict[str, Any] = {"gamma": 0.5}  # of the preset "modern"


def _moves(id: str) -> bool:
    return "location_mode" in TASKS[id]


def _ram(name: str, looking: str = "learned", **changes: Any) -> Callable[..., Trained]:
    """The bundled agent from a preset, with changes; from the task's own preset where a location is a move."""

    def run(id: str, seed: int, budget: Budget) -> Trained:
        if _moves(id):
            return learners.ram_run(id, seed, budget, "best", looking=looking, learn_from=preset(name).learn_from)
        return learners.ram_run(id, seed, budget, name, looking=looking, **changes)

    return run


def _single_file(id: str, seed: int, budget: Budget) -> Trained:
    return learners.single_file_run(id, seed, budget, **({"std": 1.0} if _moves(id) else {}))


def fits(algorithm: str, id: str) -> bool:
    """Whether an algorithm is for this task: a raster scan needs locations that are places of the scene, not moves."""
    return ALGORITHMS[algorithm] is not _RASTER or not _moves(id)


_BY_HAND = "by hand; on CircleSquare by more than 20 runs, against the rules"
_AS_LEARNED = "as RAM with labels"
_UNTUNED = "chosen without a run"
_TRIED = "by hand, by a trial on cluttered MNIST and runs of 4 minutes on MNIST"
_RASTER = Algorithm("labels allowed", _ram("modern", looking="raster", **_LABELS), _AS_LEARNED, 0)
ALGORITHMS: dict[str, Algorithm] = {
    "RAM, reward alone": Algorithm("reward alone", _ram("reward"), _BY_HAND, 3),
    "PPO in one file (examples/recurrent_ppo.py)": Algorithm("reward alone", _single_file, "by hand", 1),
    "PPO, stacked glimpses (Stable-Baselines3)": Algorithm("reward alone", libraries.ppo_run, _TRIED, 4),
    "recurrent PPO (sb3-contrib)": Algorithm("reward alone", libraries.recurrent_ppo_run, _TRIED, 5),
    "SAC, stacked glimpses (Stable-Baselines3)": Algorithm("reward alone", libraries.sac_run, _UNTUNED, 0),
    "CrossQ, stacked glimpses (sb3-contrib)": Algorithm("reward alone", libraries.crossq_run, _UNTUNED, 0),
    "RAM with labels": Algorithm("labels allowed", _ram("modern", **_LABELS), _BY_HAND, 10),
    "RAM with labels, random looks": Algorithm("labels allowed", _ram("modern", looking="random", **_LABELS), _AS_LEARNED, 0),
    "RAM with labels, raster looks": _RASTER,
    "RAM with labels, center looks": Algorithm("labels allowed", _ram("modern", looking="center", **_LABELS), _AS_LEARNED, 0),
    "four convolutions": Algorithm("whole scene", learners.scene_run, "none: the optimization of RAM with labels", 0),
}
