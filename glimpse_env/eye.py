"""Where agents look, and what they see."""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from glimpse_env import inputs
from glimpse_env.canvas import Canvas
from glimpse_env.gaze import Gaze, spans
from glimpse_env.retina import RetinaLike
from glimpse_env.sums import make_sums
from glimpse_env.worlds import Scenery
from glimpse_env.zoom import Zoom

Observation: TypeAlias = dict[str, npt.NDArray[np.float32]]

OBSERVED = ("glimpse", inputs.SCENE)  # what an observation shows of a scene, and the name of its entry


class Eye:
    """B eyes, each looking at its scene; an optional canvas remembers what was seen.

    Args:
        world: holds the scenes.
        retina: the glimpse sensor.
        gaze: how the eyes move.
        zoom: how closely they can look; None if they do not zoom.
        canvas: the side of the canvas, "scene", or None for no canvas.
        observe: "glimpse", or "scene" to observe the whole scenes in place of glimpses.
        num_threads: how many threads share a batch.

    Attributes:
        retina: the glimpse sensor.
        zoom: as given.
        zooms: the factors of the levels of zoom; (1,) if they do not zoom.
        fixations: (B, 2) float32 in [-1, 1], where each looks.
        levels: (B,) int64 in [0, Z), the level of zoom of each; 0 if they do not zoom.
        space: the space of one observation.
    """

    def __init__(
        self, world: Scenery, retina: RetinaLike, gaze: Gaze, zoom: Zoom | None, canvas: Any, observe: str, num_threads: int
    ) -> None:
        B, H, W, C = world.scenes.shape
        self.retina, self.zoom = retina, zoom
        self.levels = np.zeros(B, np.int64)
        self.zooms = zoom.zooms if zoom else (1,)
        self._factors = np.full(B, self.zooms[0], np.int64)  # (B,), that of each level
        self._zoomed: dict[str, Any] = {"zooms": self._factors} if zoom else {}  # arguments of a retina that zooms
        self._observed = inputs.word("observe", observe, OBSERVED)
        self._whole = self._observed == inputs.SCENE
        looks = canvas is not None or not self._whole
        self._sums = make_sums(world, retina, self.zooms, num_threads) if looks else None
        self._how = self._zoomed | ({"sums": self._sums.sums} if self._sums else {})  # arguments of the retina
        self._spans = spans(retina.sizes[-1] * np.array(self.zooms), H, W)  # (Z, 2)
        self.fixations = np.zeros((B, 2), np.float32)
        self._world = world
        self._gaze = gaze
        self._canvas = None if canvas is None else Canvas(B, (H, W, C), retina, inputs.canvas_size(canvas))
        self._num_threads = num_threads
        seen = spaces.Box(0, 1, (C, H, W) if self._whole else retina.shape(C), np.float32)
        self.space = spaces.Dict([(self._observed, seen), ("fixation", spaces.Box(-1, 1, (2,), np.float32))])
        if zoom:
            self.space["zoom_level"] = zoom.space
        if self._canvas:
            self.space["canvas"] = spaces.Box(0, 1, self._canvas.shape, np.float32)
        if world.cues is not None:
            _, h, w, channels = world.cues.shape
            self.space["cue"] = spaces.Box(0, 1, (channels, h, w), np.float32)

    def begin(self, rows: npt.NDArray[np.int64], draws: npt.NDArray[np.float64]) -> None:
        """Set the first fixations of some rows (b,) and clear the canvas; draws are (b, 2), uniform in [0, 1)."""
        self.fixations[rows] = self._gaze.begin(draws)
        if self.zoom:
            self.levels[rows], self._factors[rows] = 0, self.zooms[0]
        if self._sums:
            self._sums.update(rows)
        if self._canvas:
            self._canvas.clear(rows)

    def check(self, levels: npt.NDArray[np.int64] | None, playing: npt.NDArray[np.bool_], who: object = "Environment") -> None:
        """Check the levels of zoom (B,) of the rows that are playing, see `Zoom.check`; None if they do not zoom."""
        if self.zoom and levels is not None:
            self.zoom.check(levels, playing, who)

    def move(
        self, locations: npt.NDArray[np.float32], levels: npt.NDArray[np.int64] | None, moving: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.float64] | None:
        """Move and zoom the eyes of the rows that are moving.

        Args:
            locations: (B, 2) float32 in [-1, 1].
            levels: (B,) int64 in [0, Z), the levels of zoom; None if they do not zoom.
            moving: (B,) bool.

        Returns:
            The price of the looks, (B,); None if they do not zoom.
        """
        self._gaze.move(self.fixations, locations, moving, self._spans, self.levels)
        if not self.zoom or levels is None:
            return None
        self.levels[moving] = levels[moving]
        self._factors[:] = self.zoom.factors(self.levels)
        return self.zoom.prices(self.levels) * moving

    def retina_of(self, row: int) -> RetinaLike:
        """The retina of one row, at its zoom."""
        return self.retina.zoomed(self.zoom.zooms[self.levels[row]]) if self.zoom else self.retina  # type: ignore[attr-defined]

    def look(self) -> npt.NDArray[np.float32]:
        """Take a glimpse (B, K*C, G, G) of each scene."""
        return self.retina(self._world.scenes, self.fixations, self._num_threads, **self._how)

    def observe(self) -> Observation:
        """Take a glimpse, paint it on the canvas, and return the observation in new arrays."""
        seen = _in_floats(self._world.scenes) if self._whole else self.look()
        observation = {self._observed: seen, "fixation": self.fixations.copy()}
        if self.zoom:
            observation["zoom_level"] = self.zoom.one_hot(self.levels)
        if self._canvas:
            glimpses = self.look() if self._whole else seen
            observation["canvas"] = self._canvas.paint(glimpses, self.fixations, **self._zoomed)
        if (cues := self._world.cues) is not None:
            observation["cue"] = _in_floats(cues)
        return observation


def _in_floats(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Images (B, h, w, C) uint8 as (B, C, h, w) float32 in [0, 1]."""
    return images.transpose(0, 3, 1, 2).astype(np.float32, order="C") / np.float32(255)
