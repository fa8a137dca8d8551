"""How closely the eye looks: the zoom of each glimpse, which the agent chooses."""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from glimpse_env import inputs
from glimpse_env.retina import MAX_CELL, RetinaLike, ZoomingRetina
from glimpse_env.worlds import Task


@dataclasses.dataclass(frozen=True)
class Zoom:
    """The levels of zoom, and their price. An index in [0, Z) names a level.

    Args:
        zooms: the factor of each level, at least 1: the patches are this many times as wide. The first is that of an episode's
            first glimpse.
        zoom_cost: the price of a look at each level, at least 0; one number for all levels.

    Raises:
        ValueError: an argument is out of range; the message names it.
    """

    zooms: tuple[int, ...]
    zoom_cost: tuple[float, ...] | float = 0.0

    def __post_init__(self) -> None:
        """Check the arguments."""
        if not inputs.is_sequence(self.zooms) or not len(self.zooms):
            raise ValueError(f"zooms must be integers such as (1, 2, 4), got {self.zooms!r}.")
        factors = tuple(inputs.integer("each of zooms", factor, 1, MAX_CELL) for factor in self.zooms)
        if len(set(factors)) < len(factors):
            raise ValueError(f"zooms must differ from one another, got {self.zooms!r}.")
        given: Any = self.zoom_cost if inputs.is_sequence(self.zoom_cost) else [self.zoom_cost] * len(factors)
        if len(given) != len(factors):
            raise ValueError(f"zoom_cost must be a number, or one for each of zooms={factors}, got {self.zoom_cost!r}.")
        object.__setattr__(self, "zooms", factors)
        object.__setattr__(self, "zoom_cost", tuple(inputs.number("zoom_cost", cost, 0) for cost in given))

    @property
    def space(self) -> spaces.Box:
        """The space of the observation ``zoom_level``."""
        return spaces.Box(0, 1, (len(self.zooms),), np.float32)

    @property
    def action_space(self) -> spaces.Discrete:
        """The space of the action ``zoom``."""
        return spaces.Discrete(len(self.zooms))

    def factors(self, levels: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The factors (B,) of levels (B,)."""
        return np.array(self.zooms)[levels]

    def prices(self, levels: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """The prices (B,) of looks at levels (B,)."""
        return np.array(self.zoom_cost)[levels]

    def one_hot(self, levels: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """The observation ``zoom_level`` (B, Z) of levels (B,)."""
        return np.eye(len(self.zooms), dtype=np.float32)[levels]

    def check(self, levels: npt.NDArray[np.int64], playing: npt.NDArray[np.bool_], who: object = "Environment") -> None:
        """Check the levels (B,) of the rows that are playing.

        Raises:
            ValueError: a level is out of range.
        """
        bad = np.flatnonzero(playing & ((levels < 0) | (levels >= len(self.zooms))))
        if len(bad):
            row = f" {bad[0]}" if len(levels) > 1 else ""
            raise ValueError(
                f"{who}{row} got zoom={levels[bad[0]]}: a zoom must lie in [0, {len(self.zooms)}), the position of a factor in "
                f"zooms={self.zooms}."
            )


def make_zoom(zooms: Any, zoom_cost: Any, retina: RetinaLike, task: Task | None = None) -> Zoom | None:
    """Check the arguments of an environment; None if it does not zoom.

    Args:
        zooms: the levels, or None.
        zoom_cost: their prices, see `Zoom`.
        retina: the glimpse sensor.
        task: the task that the prices are part of; None for any.

    Raises:
        ValueError: an argument is out of range, or the retina or the task does not go with it.
    """
    if zooms is None:
        if not isinstance(zoom_cost, int | float) or zoom_cost != 0 or zoom_cost is False:
            raise ValueError(f"zoom_cost={zoom_cost!r} needs zooms, such as zooms=(1, 2, 4).")
        return None
    zoom = Zoom(zooms, zoom_cost)
    if not isinstance(retina, ZoomingRetina):
        raise ValueError(f"zooms={zooms!r} needs a retina that zooms, such as Retina, got {retina!r}.")
    for factor in zoom.zooms:
        retina.zoomed(factor)  # raises an error if it is too much
    if task is not None and task.measure == "error" and any(zoom.prices(np.arange(len(zoom.zooms)))):
        raise ValueError(
            f"zoom_cost={zoom_cost!r} needs a task whose score is the return, such as one with decide='anytime': an error has "
            "no price."
        )
    return zoom
