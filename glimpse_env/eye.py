"""Where agents look, and what they see."""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from glimpse_env import inputs
from glimpse_env.canvas import Canvas
from glimpse_env.gaze import Gaze
from glimpse_env.retina import RetinaLike
from glimpse_env.worlds import World

Observation: TypeAlias = dict[str, npt.NDArray[np.float32]]


class Eye:
    """B eyes, each looking at its scene; an optional canvas remembers what was seen.

    Args:
        world: holds the scenes.
        retina: the glimpse sensor.
        gaze: how the eyes move.
        canvas: the side of the canvas, "scene", or None for no canvas.
        num_threads: how many threads share a batch.

    Attributes:
        retina: the glimpse sensor.
        fixations: (B, 2) float32 in [-1, 1], where each looks.
        space: the space of one observation.
    """

    def __init__(self, world: World, retina: RetinaLike, gaze: Gaze, canvas: Any, num_threads: int) -> None:
        B, H, W, C = world.scenes.shape
        self.retina = retina
        self.fixations = np.zeros((B, 2), np.float32)
        self._world = world
        self._gaze = gaze
        self._canvas = None if canvas is None else Canvas(B, (H, W, C), retina, inputs.canvas_size(canvas))
        self._num_threads = num_threads
        self.space = spaces.Dict(
            glimpse=spaces.Box(0, 1, retina.shape(C), np.float32), fixation=spaces.Box(-1, 1, (2,), np.float32)
        )
        if self._canvas:
            self.space["canvas"] = spaces.Box(0, 1, self._canvas.shape, np.float32)
        if world.cues is not None:
            _, h, w, channels = world.cues.shape
            self.space["cue"] = spaces.Box(0, 1, (channels, h, w), np.float32)

    def begin(self, rows: npt.NDArray[np.int64], draws: npt.NDArray[np.float64]) -> None:
        """Set the first fixations of some rows (b,) and clear the canvas; draws are (b, 2), uniform in [0, 1)."""
        self.fixations[rows] = self._gaze.begin(draws)
        if self._canvas:
            self._canvas.clear(rows)

    def move(self, locations: npt.NDArray[np.float32], moving: npt.NDArray[np.bool_]) -> None:
        """Move the eyes of the rows that are moving; locations are (B, 2) float32 in [-1, 1]."""
        self._gaze.move(self.fixations, locations, moving)

    def look(self) -> npt.NDArray[np.float32]:
        """Take a glimpse (B, K*C, G, G) of each scene."""
        return self.retina(self._world.scenes, self.fixations, self._num_threads)

    def observe(self) -> Observation:
        """Take a glimpse, paint it on the canvas, and return the observation in new arrays."""
        observation = {"glimpse": self.look(), "fixation": self.fixations.copy()}
        if self._canvas:
            observation["canvas"] = self._canvas.paint(observation["glimpse"], self.fixations)
        if (cues := self._world.cues) is not None:
            observation["cue"] = cues.transpose(0, 3, 1, 2).astype(np.float32, order="C") / np.float32(255)
        return observation
