"""What is out there: worlds compose scenes, keep their state and give the reward. They know nothing of eyes or Gymnasium."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt


class World(Protocol):
    """B episodes side by side; what `GlimpseVectorEnv` asks of a world.

    Attributes:
        scenes: (B, H, W, C) uint8, as they stand now.
        num_actions: the environment actions are 0 to num_actions - 1.
        action_names: a short name each, for people.
        num_draws: uniform numbers that the start of an episode takes.
        num_images: how many images (or levels) an episode can be asked for by index; 0 where there is no choice.

    A world that shows something besides its scene has ``cues``, (B, h, w, C) uint8, as well: it is the observation's entry
    ``cue``. One with a fixed number of glimpses has ``num_glimpses``. One whose scenes can be made otherwise from one episode
    to the next has a method ``set_arguments(**changes)``, which changes nothing of the episodes that are going on, and nothing
    at all where it raises a ValueError.
    """

    scenes: npt.NDArray[np.uint8]
    num_actions: int
    action_names: Sequence[str]
    num_draws: int
    num_images: int

    def reset(self, rows: npt.NDArray[np.int64], draws: npt.NDArray[np.float64], indices: npt.NDArray[np.int64] | None) -> None:
        """Begin a new episode in some rows.

        Args:
            rows: (b,) int64, which of the B.
            draws: (b, num_draws) float64, uniform in [0, 1), all the randomness there is.
            indices: (b,) int64 in [0, num_images), the image of each, or None to draw it.
        """

    def step(
        self, actions: npt.NDArray[np.int64], playing: npt.NDArray[np.bool_]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
        """Take one environment action in each row that is playing.

        Args:
            actions: (B,) int64, in [0, num_actions) where playing.
            playing: (B,) bool.

        Returns:
            rewards (B,) float64 and ended (B,) bool, new arrays; 0 and False where not playing.
        """

    def info(self) -> dict[str, npt.NDArray[Any]]:
        """What an info tells at each step: name -> (B,) array."""

    def final_info(self) -> dict[str, npt.NDArray[Any]]:
        """What an info tells at the end of an episode besides: name -> (B,) array."""


def has_splits(world: Callable[..., World]) -> bool:
    """Whether a world makes its scenes of the images of a split."""
    return "split" in inspect.signature(world).parameters
