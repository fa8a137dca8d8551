"""Records and draws episodes; exists only with a render_mode."""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from glimpse_env.eye import Eye
from glimpse_env.ink import Picture
from glimpse_env.rendering import draw, tile
from glimpse_env.window import Window
from glimpse_env.worlds import World


@dataclasses.dataclass
class Trail:
    """What a picture shows of an episode besides its scene.

    Attributes:
        path: the fixations so far, (2,) float32 each.
        beliefs: the agent's probabilities (n,) of the actions after each fixation; None where unknown.
        action: the latest action; None before the first.
    """

    path: list[npt.NDArray[np.float32]] = dataclasses.field(default_factory=list)
    beliefs: list[npt.NDArray[Any] | None] = dataclasses.field(default_factory=list)
    action: int | None = None

    def look(self, location: npt.NDArray[np.float32]) -> None:
        """Note a fixation."""
        self.path.append(location.copy())
        self.beliefs.append(None)


class Recorder:
    """Follows B environments and draws them.

    Args:
        world: holds the scenes.
        eye: where the environments look.
        side: approximate length of a scene's longer side, in pixels.

    Attributes:
        trails: what the pictures of each environment show besides its scene.
    """

    def __init__(self, world: World, eye: Eye, side: int) -> None:
        self.trails = [Trail() for _ in eye.fixations]
        self._world = world
        self._eye = eye
        self._side = side
        self._window: Window | None = None

    def begin(self, rows: npt.NDArray[np.int64]) -> None:
        """Forget the last episode of some rows, and note the first fixation of the next."""
        for row in rows:
            self.trails[row] = Trail()
            self.trails[row].look(self._eye.fixations[row])

    def step(self, actions: npt.NDArray[np.int64], playing: npt.NDArray[np.bool_], moving: npt.NDArray[np.bool_]) -> None:
        """Note the actions (B,) of the rows that were playing, and the fixations of those whose eye has moved."""
        for row in np.flatnonzero(playing):
            self.trails[row].action = int(actions[row])
        for row in np.flatnonzero(moving):
            self.trails[row].look(self._eye.fixations[row])

    def believe(self, beliefs: npt.NDArray[np.float64]) -> None:
        """Record an agent's beliefs after the latest glimpse: (B, n) probabilities of the actions."""
        for trail, belief in zip(self.trails, beliefs, strict=True):
            if trail.beliefs:
                trail.beliefs[-1], trail.action = belief, None  # the action before the latest glimpse is outdated

    def frames(self) -> tuple[Picture, ...]:
        """Draw each environment, see `draw`: B pictures of one size."""
        glimpses, cues, labels = self._eye.look(), self._world.cues, self._world.info().get("label")
        return tuple(
            draw(
                self._world.scenes[row],
                self._eye.retina_of(row),
                trail.path,
                glimpses[row],
                cue=None if cues is None else cues[row],
                names=self._world.task.action_names,
                beliefs=trail.beliefs,
                label=None if labels is None else int(labels[row]),
                action=trail.action,
                title=f"glimpse {len(trail.path)}",
                side=self._side,
            )
            for row, trail in enumerate(self.trails)
        )

    def show(self, fps: float) -> None:
        """Show the frames side by side in the window, at most fps times a second."""
        self._window = self._window or Window("Glimpse", fps)
        self._window.show(tile(self.frames()))

    def close(self) -> None:
        """Close the window, if it is open."""
        if self._window:
            self._window.close()
            self._window = None
