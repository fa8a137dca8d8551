"""The rows that the leaderboard itself makes."""

import dataclasses
from collections.abc import Callable
from typing import Any

from benchmarks import learners, libraries
from benchmarks.learners import Trained


@dataclasses.dataclass(frozen=True)
class Algorithm:
    """A row of the leaderboard.

    Attributes:
        track: see `benchmarks.entries.TRACKS`.
        run: trains it: (id, seed, budget) to the result.
        tuning: how its hyperparameters were chosen.
        tuning_runs: the number of short runs on the validation split that chose them.
        absolute: whether it needs locations that are places of the scene, not moves.
    """

    track: str
    run: Callable[..., Trained]
    tuning: str
    tuning_runs: int
    absolute: bool = False


# As the preset "modern", but on the scenes of the task alone, and smaller, to fit the minutes.
_LABELS: dict[str, Any] = {"augmentation": 0.0, "hidden_size": 256, "size": 256, "batch_size": 64, "gamma": 0.5}


def _looks(looking: str) -> Callable[..., Trained]:
    return lambda id, seed, budget: learners.ram_run(id, seed, budget, "modern", looking=looking, **_LABELS)


_AS_LEARNED = "as RAM with labels"
_DEFAULTS = "the library's defaults, but for whole episodes in a batch"
ALGORITHMS: dict[str, Algorithm] = {
    "RAM, reward alone": Algorithm("reward alone", learners.ram_run, "by hand", 0),
    "PPO in one file (examples/recurrent_ppo.py)": Algorithm("reward alone", learners.single_file_run, "by hand", 0),
    "PPO, stacked glimpses (Stable-Baselines3)": Algorithm("reward alone", libraries.ppo_run, _DEFAULTS, 0),
    "recurrent PPO (sb3-contrib)": Algorithm("reward alone", libraries.recurrent_ppo_run, _DEFAULTS, 0),
    "SAC, stacked glimpses (Stable-Baselines3)": Algorithm("reward alone", libraries.sac_run, _DEFAULTS, 0),
    "CrossQ, stacked glimpses (sb3-contrib)": Algorithm("reward alone", libraries.crossq_run, _DEFAULTS, 0),
    "RAM with labels": Algorithm("labels allowed", _looks("learned"), "by hand", 0),
    "RAM with labels, random looks": Algorithm("labels allowed", _looks("random"), _AS_LEARNED, 0),
    "RAM with labels, raster looks": Algorithm("labels allowed", _looks("raster"), _AS_LEARNED, 0, absolute=True),
    "RAM with labels, center looks": Algorithm("labels allowed", _looks("center"), _AS_LEARNED, 0),
}
