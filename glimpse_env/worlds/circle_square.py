"""A circle or a square to find and name: a small probe of search and memory, without a dataset."""

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from glimpse_env import inputs
from glimpse_env.jit import jit
from glimpse_env.threads import in_threads
from glimpse_env.worlds.base import Task, World


class CircleSquareWorld(World):
    """B scenes, each with a white circle or a white square somewhere in it, to be named.

    The ground grows brighter toward the figure, so that even an agent that cannot see the figure can tell which way it
    lies. A circle's diameter is the square's side: only the corners tell them apart.

    ## Rewards
    1 for the right name at the last glimpse, otherwise 0.

    Args:
        num_envs: B.
        scene_size: (H, W) or one number for both, in pixels.
        figure_size: side of the square and diameter of the circle, in pixels, at least 3.
        cut: whether the figure's middle is any pixel, so that the scene's edge may cut it; otherwise all of it is visible. A
            figure of an even size then reaches half of it to each side of that pixel, and is a pixel wider.
        gradient: brightness of the ground beside the figure, in [0, 1]; it falls linearly with the distance, to 0 at the
            length of the scene's diagonal. With 0, nothing points to the figure.
        num_glimpses: T, the glimpses (and steps) of an episode. The action at the last step is the answer.
        num_threads: number of threads that compose scenes.

    Attributes:
        places: (B, 2) int64, the top-left pixel (x, y) of each figure, off the scene if that part is cut: for analysis; agents
            never see it.

    Raises:
        ValueError: an argument is out of range; the message names it.
    """

    still: ClassVar[bool] = True
    num_draws = 3  # which of the two, x, y

    def __init__(
        self,
        num_envs: int,
        *,
        scene_size: int | tuple[int, int] = 28,
        figure_size: int = 9,
        cut: bool = False,
        gradient: float = 0.4,
        num_glimpses: int = 8,
        num_threads: int = 1,
    ) -> None:
        H, W = inputs.scene_size(scene_size)
        self._figure_size = inputs.integer("figure_size", figure_size, 3)
        if self._figure_size > min(H, W):
            raise ValueError(f"figure_size={figure_size} does not fit into scene_size={scene_size}: enlarge the scene.")
        self._cut = inputs.flag("cut", cut)
        self._gradient = inputs.number("gradient", gradient, 0, 1)
        self._num_glimpses = inputs.integer("num_glimpses", num_glimpses, 1)
        self.task = Task(
            measure="error",
            num_glimpses=self._num_glimpses,
            action_names=("circle", "square"),
            best=1.0,
            goal="Find the figure, and name it.",
        )
        self._num_threads = num_threads
        self.scenes = np.zeros((num_envs, H, W, 1), np.uint8)
        self.places = np.zeros((num_envs, 2), np.int64)
        self._labels = np.zeros(num_envs, np.int64)
        self._steps = np.zeros(num_envs, np.int64)
        self._correct = np.zeros(num_envs, np.bool_)  # whether the latest step named the figure

    def reset(self, rows: npt.NDArray[np.int64], draws: npt.NDArray[np.float64], indices: npt.NDArray[np.int64] | None) -> None:
        """Begin a new episode in some rows, see `World.reset`."""
        H, W = self.scenes.shape[1:3]
        room, first = np.array([W, H]) - self._figure_size + 1, 0
        if self._cut:
            room, first = np.array([W, H]), self._figure_size // 2
        self._labels[rows] = 2 * draws[:, 0]
        self.places[rows] = (draws[:, 1:] * room).astype(np.int64) - first
        self._steps[rows] = 0
        middle = self._figure_size // 2 if self._cut else (self._figure_size - 1) / 2
        shared = (self.scenes[..., 0], self._labels, self.places, self._figure_size / 2, float(middle), 255 * self._gradient)
        in_threads(self._num_threads, _draw, rows, shared=shared)

    def step(
        self, actions: npt.NDArray[np.int64], playing: npt.NDArray[np.bool_]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
        """Score the figure named at the last step of each row that is playing, see `World.step`."""
        self._steps += playing
        self._correct = np.where(playing, actions == self._labels, self._correct)
        ended = playing & (self._steps >= self._num_glimpses)
        return (ended & self._correct).astype(np.float64), ended

    @property
    def targets(self) -> npt.NDArray[np.int64]:
        """The box of the figure's visible part, see `World.targets`."""
        H, W = self.scenes.shape[1:3]
        side = self._figure_size // 2 * 2 + 1 if self._cut else self._figure_size
        ends = np.minimum(self.places + side, (W, H))
        return np.column_stack([starts := np.maximum(self.places, 0), ends - starts])

    def info(self) -> dict[str, npt.NDArray[Any]]:
        """The figure of each scene: ``label`` (B,) int64, 0 for a circle, 1 for a square."""
        return {"label": self._labels}

    def final_info(self) -> dict[str, npt.NDArray[Any]]:
        """How each episode went: ``correct`` (B,) bool."""
        return {"correct": self._correct}


@jit
def _draw(
    rows: npt.NDArray[np.int64],
    scenes: npt.NDArray[np.uint8],
    labels: npt.NDArray[np.int64],
    places: npt.NDArray[np.int64],
    radius: float,
    middle: float,
    brightness: float,
) -> None:
    H, W = scenes.shape[1:]
    diagonal = np.hypot(H, W)
    for b in rows:
        middle_x, middle_y = places[b, 0] + middle, places[b, 1] + middle
        for i in range(H):
            for j in range(W):
                dx, dy = abs(j - middle_x), abs(i - middle_y)
                away = np.hypot(dx, dy)
                within = (away if labels[b] == 0 else max(dx, dy)) <= radius
                scenes[b, i, j] = 255 if within else np.uint8(brightness * (1 - away / diagonal))
