"""How the eye moves: the first fixation of an episode, and each next one."""

import dataclasses

import numpy as np
import numpy.typing as npt

from glimpse_env import inputs
from glimpse_env.jit import jit

LOCATION_MODES = ("absolute", "relative", "glimpse")
NUM_DRAWS = 2  # of a first fixation: x, y
_STEPS = {"absolute": 2.0, "relative": 0.5, "glimpse": 1.0}  # the default of max_step


@dataclasses.dataclass(frozen=True)
class Gaze:
    """How a location of an action moves the eye.

    Args:
        initial_fixation: the first fixation: "random", "center", or a location (x, y).
        location_mode: "absolute": a location is where to look. "relative": location * max_step is added to the fixation,
            and the sum is clipped to [-1, 1]. "glimpse": the same, but in units of the latest glimpse: (-1, -1) is the top-left
            corner of its widest patch, (0, 0) the fixation; a patch wider than the scene counts as wide as the scene.
        max_step: the largest move along each axis, in (0, 2]; 2 spans the scene. Default: 0.5 with "relative", 1 with
            "glimpse", no limit with "absolute". With "absolute", the eye stops on its way to a farther location.

    Raises:
        ValueError: an argument is out of range; the message names it.
    """

    initial_fixation: str | tuple[float, float] = "random"
    location_mode: str = "absolute"
    max_step: float | None = None

    def __post_init__(self) -> None:
        """Check the arguments."""
        inputs.word("location_mode", self.location_mode, LOCATION_MODES)
        if self.max_step is not None and inputs.number("max_step", self.max_step, 0, 2) == 0:
            raise ValueError("max_step must be above 0, got 0: 2 spans the scene.")
        inputs.first_fixation(self.initial_fixation)

    def begin(self, draws: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
        """The first fixations (b, 2) of episodes with these draws (b, 2), uniform in [0, 1)."""
        given = inputs.first_fixation(self.initial_fixation)
        return (2 * draws - 1).astype(np.float32) if given is None else np.tile(given, (len(draws), 1))

    def move(
        self,
        fixations: npt.NDArray[np.float32],
        locations: npt.NDArray[np.float32],
        moving: npt.NDArray[np.bool_],
        spans: npt.NDArray[np.float64],
        levels: npt.NDArray[np.int64],
    ) -> None:
        """Move the eyes of the rows that are moving.

        Args:
            fixations: (B, 2) float32 in [-1, 1], changed in place.
            locations: (B, 2) float32 in [-1, 1].
            moving: (B,) bool.
            spans: (Z, 2), those of each level of zoom, see `spans`.
            levels: (B,) in [0, Z), the level of zoom of the latest glimpse.
        """
        if self.location_mode == "glimpse":
            locations = (locations * spans[levels]).astype(np.float32)
        reach = self.max_step or _STEPS[self.location_mode]
        _move(fixations, locations, moving, self.location_mode != "absolute", float(reach))


def spans(widths: npt.ArrayLike, height: int, width: int) -> npt.NDArray[np.float64]:
    """The units of locations with "glimpse": widest patches (n,) over the sides of the scene, at most 1: (n, 2)."""
    return np.minimum(np.divide.outer(np.asarray(widths, np.float64), (width, height)), 1)


@jit
def _move(
    fixations: npt.NDArray[np.float32],
    locations: npt.NDArray[np.float32],
    moving: npt.NDArray[np.bool_],
    relative: bool,
    reach: float,
) -> None:
    for b in range(len(fixations)):
        for axis in range(2):
            if moving[b]:
                here, there = np.float64(fixations[b, axis]), np.float64(locations[b, axis])
                target = here + reach * there if relative else min(max(there, here - reach), here + reach)
                fixations[b, axis] = np.float32(min(max(target, -1.0), 1.0))
