"""Find the image that a cue shows among several in a scene."""

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from glimpse_env import datasets, inputs
from glimpse_env.jit import jit
from glimpse_env.scenes import VARIATIONS, changed, make_composer
from glimpse_env.worlds.base import Task, World


class SearchWorld(World):
    """B scenes of several images each; the cue shows the target, the one to find.

    An action names a cell of a grid over the scene, row by row; the last one counts. Images do not overlap: each is placed
    uniformly where earlier ones leave room, the target first. Reset's ``index`` chooses the target; the others are random
    images of the split. The cue shows the target without noise or variation.

    ## Rewards
    At the last glimpse max(0, 1 - d / radius), where d is the distance in pixels from the center of the named cell to the
    target's; before, 0.

    Args:
        num_envs: B.
        dataset: the source of the images, see `ClassificationWorld`.
        split: see `ClassificationWorld`.
        num_classes: the number of classes of arrays or pairs; the task does not use it.
        image_size: (h, w) or one number for both, to which images are fitted; default: the size of the first.
        scene_size: (H, W) or one number for both, in pixels.
        shrink: the factor by which images and cues are smaller than in the dataset.
        num_distractors: the number of other images in a scene.
        grid: the cells of the grid along each axis.
        radius: the distance, in pixels, at which the reward is 0; default: a quarter of the scene's shorter side.
        num_glimpses: T, the glimpses (and steps) of an episode.
        rotation: rotates each image by up to this many degrees either way.
        scale: stretches or shrinks each axis by up to this factor.
        shear: slides the rows by up to this many pixels a row.
        shift: moves the image by up to this many pixels along each axis.
        contrast: dims the image by up to this share.
        noise: standard deviation of Gaussian noise on each pixel of the whole scene.
        num_threads: number of threads that compose scenes.

    Attributes:
        cues: (B, h // shrink, w // shrink, C) uint8.
        places: (B, 1 + num_distractors, 2) int64, the top-left pixel (x, y) of each image, the target first: for analysis;
            agents never see it.

    Raises:
        ValueError: an argument is out of range; the message names it.
    """

    still: ClassVar[bool] = True
    splits: ClassVar[tuple[str, ...]] = datasets.SPLITS
    changeable: ClassVar[tuple[str, ...]] = tuple(VARIATIONS)
    cues: npt.NDArray[np.uint8]

    def __init__(
        self,
        num_envs: int,
        *,
        dataset: Any = "mnist",
        split: str | None = None,
        num_classes: int | None = None,
        image_size: int | tuple[int, int] | None = None,
        scene_size: int | tuple[int, int] = 48,
        shrink: int = 2,
        num_distractors: int = 3,
        grid: int = 8,
        radius: float | None = None,
        num_glimpses: int = 6,
        rotation: float = 0.0,
        scale: float = 1.0,
        shear: float = 0.0,
        shift: float = 0.0,
        contrast: float = 0.0,
        noise: float = 0.0,
        num_threads: int = 1,
    ) -> None:
        self.dataset = datasets.load(dataset, split, num_classes=num_classes, image_size=image_size)
        self._composer = make_composer(
            self.dataset,
            scene_size,
            shrink=shrink,
            rotation=rotation,
            scale=scale,
            shear=shear,
            shift=shift,
            contrast=contrast,
            noise=noise,
        )
        H, W, C = self._composer.height, self._composer.width, self.dataset.shape[2]
        h, w = self.dataset.shape[0] // shrink, self.dataset.shape[1] // shrink
        self._cutter = make_composer(self.dataset, (h, w), shrink=shrink)  # of cues
        self._count = 1 + inputs.integer("num_distractors", num_distractors, 0)
        # An image blocks 2w - 1 columns of places: of places that far apart, it blocks at most one.
        surely = ((W - w) // (2 * w - 1) + 1) * ((H - h) // (2 * h - 1) + 1)
        if self._count > surely:
            raise ValueError(
                f"num_distractors={num_distractors}: only {surely} images of ({h}, {w}) are sure to fit into a scene of "
                f"({H}, {W}): enlarge scene_size or shrink, or use at most {surely - 1}."
            )
        self.grid = inputs.integer("grid", grid, 1, min(H, W))
        self._radius = min(H, W) / 4 if radius is None else inputs.number("radius", radius, 0)
        if self._radius == 0:
            raise ValueError("radius must be above 0, got 0: half the shorter side rewards almost any answer.")
        self._num_threads = num_threads
        self._num_glimpses = inputs.integer("num_glimpses", num_glimpses, 1)
        self.task = Task(
            measure="reward, % of the highest",
            num_glimpses=self._num_glimpses,
            action_names=tuple(f"{x},{y}" for y in range(1, self.grid + 1) for x in range(1, self.grid + 1)),
            splits=self.splits,
            num_images=len(self.dataset),
            best=1.0,
            grid=(self.grid, self.grid),
            goal="Find the image that is shown on the right.",
        )

        self.scenes = np.zeros((num_envs, H, W, C), np.uint8)
        self.cues = np.zeros((num_envs, h, w, C), np.uint8)
        self.places = np.zeros((num_envs, self._count, 2), np.int64)
        self._steps = np.zeros(num_envs, np.int64)
        self._distances = np.zeros(num_envs)  # of the cell named last

    def reset(self, rows: npt.NDArray[np.int64], draws: npt.NDArray[np.float64], indices: npt.NDArray[np.int64] | None) -> None:
        """Begin a new episode in some rows, see `World.reset`."""
        n, (_, h, w, _) = self._count, self.cues.shape
        images = (draws[:, :n] * len(self.dataset)).astype(np.int64)
        if indices is not None:
            images[:, 0] = indices
        places = np.empty((len(rows), n, 2), np.int64)
        _strew(places, draws[:, n : 2 * n], h, w, *self.scenes.shape[1:3])
        counts, varied = np.full(len(rows), n), draws[:, 2 * n :]
        self._composer.lay(self.scenes, rows, self.dataset, images, places, counts, varied, self._num_threads)
        self._cutter.lay(self.cues, rows, self.dataset, images[:, :1], np.zeros_like(places[:, :1]), counts // n, draws[:, :0])
        self.places[rows], self._steps[rows] = places, 0

    def step(
        self, actions: npt.NDArray[np.int64], playing: npt.NDArray[np.bool_]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
        """Score the cell named at the last step of each row that is playing, see `World.step`."""
        size = np.array(self.scenes.shape[2:0:-1])
        cells = np.stack([actions % self.grid, actions // self.grid], axis=1)
        away = np.linalg.norm((cells + 0.5) / self.grid * size - self._middles(), axis=1)
        self._distances = np.where(playing, away, self._distances)
        self._steps += playing
        ended = playing & (self._steps >= self._num_glimpses)
        return np.where(ended, np.maximum(0, 1 - away / self._radius), 0), ended

    def set_arguments(self, **changes: float) -> None:
        """Change how images and scenes vary, see `World.set_arguments`."""
        super().set_arguments(**changes)
        self._composer = changed(self._composer, self.dataset, changes)

    @property
    def num_draws(self) -> int:  # type: ignore[override]
        """The images, their places, their variations, see `World`."""
        return 2 * self._count + self._composer.num_draws_laid(self._count)

    @property
    def targets(self) -> npt.NDArray[np.int64]:
        """The box of the image to find, see `World.targets`."""
        _, h, w, _ = self.cues.shape
        return np.column_stack([self.places[:, 0], np.broadcast_to((w, h), self.places[:, 0].shape)])

    def info(self) -> dict[str, npt.NDArray[Any]]:
        """The right answer: ``label`` (B,) int64, the cell that contains the target's center."""
        cells = (self._middles() * self.grid / self.scenes.shape[2:0:-1]).astype(np.int64)
        return {"label": cells[:, 1] * self.grid + cells[:, 0]}

    def final_info(self) -> dict[str, npt.NDArray[Any]]:
        """How each episode went: ``distance`` (B,) float64, in pixels, from the named cell's center to the target's."""
        return {"distance": self._distances}

    def _middles(self) -> npt.NDArray[np.float64]:
        """The centers (B, 2) of the targets, (x, y) in pixels."""
        _, h, w, _ = self.cues.shape
        middles: npt.NDArray[np.float64] = self.places[:, 0] + np.array([w, h]) / 2
        return middles


@jit
def _strew(places: npt.NDArray[np.int64], draws: npt.NDArray[np.float64], h: int, w: int, H: int, W: int) -> None:
    """Draw places for images that do not overlap, each uniformly from those that earlier ones leave; one must be left.

    Args:
        places: (b, n, 2) int64, filled with the top-left pixel (x, y) of each image.
        draws: (b, n) float64, uniform in [0, 1).
        h: height of an image.
        w: width of an image.
        H: height of the scene.
        W: width of the scene.
    """
    B, n, _ = places.shape
    free = np.empty((H - h + 1, W - w + 1), np.bool_)
    for b in range(B):
        free[:] = True
        for k in range(n):
            left_over = int(draws[b, k] * free.sum())
            for at in range(free.size):
                y, x = divmod(at, free.shape[1])
                if free[y, x]:
                    left_over -= 1
                    if left_over < 0:
                        break
            places[b, k] = x, y
            free[max(0, y - h + 1) : y + h, max(0, x - w + 1) : x + w] = False
