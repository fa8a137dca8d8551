"""Several images to read from left to right, as in Ba, Mnih and Kavukcuoglu (2015)."""

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from glimpse_env import datasets, inputs
from glimpse_env.scenes import VARIATIONS, changed, make_composer
from glimpse_env.worlds.base import Task, World


class SequenceWorld(World):
    """B scenes of several images each; the agent names their classes from left to right.

    Each answer takes some glimpses: the action at the last one is the answer, the others are ignored. The images' left edges
    tell their order. With a range of ``num_digits`` there is one more action, "end", the right answer after the last image.
    Answering it ends the episode, right or wrong. Reset's ``index`` chooses the leftmost image.

    ## Rewards
    1/n for each right answer, where n is the number of answers.

    Args:
        num_envs: B.
        dataset: the source of the images, see `ClassificationWorld`.
        split: see `ClassificationWorld`.
        num_classes: the number of classes of arrays or pairs; default: the largest label plus one.
        image_size: (h, w) or one number for both, to which images are fitted; default: the size of the first.
        scene_size: (H, W) or one number for both, in pixels.
        num_digits: the number of images in a scene, or the fewest and the most, drawn uniformly.
        overlap: whether images may share pixels, which add up: left edges are then a quarter of an image apart or more, so
            that their order can be seen. Otherwise no two images share a column.
        glimpses_per_answer: the glimpses of each answer.
        search_glimpses: additional glimpses of the first answer.
        rotation: rotates each image by up to this many degrees either way.
        scale: stretches or shrinks each axis by up to this factor.
        shear: slides the rows by up to this many pixels a row.
        shift: moves the image by up to this many pixels along each axis.
        contrast: dims the image by up to this share.
        noise: standard deviation of Gaussian noise on each pixel of the whole scene.
        num_threads: number of threads that compose scenes.

    Attributes:
        places: (B, n, 2) int64, the top-left pixel (x, y) of each of at most n images: for analysis; agents never see it.

    Raises:
        ValueError: an argument is out of range; the message names it.
    """

    still: ClassVar[bool] = True
    splits: ClassVar[tuple[str, ...]] = datasets.SPLITS
    changeable: ClassVar[tuple[str, ...]] = tuple(VARIATIONS)

    def __init__(
        self,
        num_envs: int,
        *,
        dataset: Any = "mnist",
        split: str | None = None,
        num_classes: int | None = None,
        image_size: int | tuple[int, int] | None = None,
        scene_size: int | tuple[int, int] = 100,
        num_digits: int | tuple[int, int] = 2,
        overlap: bool = False,
        glimpses_per_answer: int = 5,
        search_glimpses: int = 0,
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
            rotation=rotation,
            scale=scale,
            shear=shear,
            shift=shift,
            contrast=contrast,
            noise=noise,
        )
        H, W, (h, w, C) = self._composer.height, self._composer.width, self.dataset.shape
        ranged = not isinstance(num_digits, int | np.integer)
        ends: Any = num_digits if ranged else (num_digits, num_digits)
        if not isinstance(ends, tuple | list) or len(ends) != 2:
            raise ValueError(f"num_digits must be an integer, or two: the fewest and the most, got {num_digits!r}.")
        self._fewest = inputs.integer("num_digits", ends[0], 1)
        self._most = inputs.integer("num_digits", ends[1], self._fewest)
        self._apart = -(-w // 4) if inputs.flag("overlap", overlap) else w  # columns from one left edge to the next, at least
        if w + (self._most - 1) * self._apart > W:
            raise ValueError(
                f"num_digits={num_digits}: images of {w} pixels, {self._apart} or more from one to the next, do not fit into "
                f"{W}: enlarge scene_size{'' if overlap else ', or take overlap=True'}."
            )
        self._per_answer = inputs.integer("glimpses_per_answer", glimpses_per_answer, 1)
        self._search = inputs.integer("search_glimpses", search_glimpses, 0)
        self._room = np.array([W - w, H - h])
        self._end = self.dataset.num_classes if ranged else -1
        self._num_threads = num_threads
        self.task = Task(
            measure="error",
            num_glimpses=self._search + (self._most + ranged) * self._per_answer,
            action_names=(*self.dataset.names, *(["end"] if ranged else [])),
            splits=self.splits,
            num_images=len(self.dataset),
            best=1.0,
            goal="Name the images from left to right.",
        )

        self.scenes = np.zeros((num_envs, H, W, C), np.uint8)
        self.places = np.zeros((num_envs, self._most, 2), np.int64)
        self._labels = np.zeros((num_envs, self._most + ranged), np.int64)
        self._num_answers = np.ones(num_envs, np.int64)
        self._asked = np.zeros(num_envs, np.int64)  # the number of the answer that is asked for
        self._steps = np.zeros(num_envs, np.int64)
        self._hits = np.zeros(num_envs, np.int64)  # right answers

    def reset(self, rows: npt.NDArray[np.int64], draws: npt.NDArray[np.float64], indices: npt.NDArray[np.int64] | None) -> None:
        """Begin a new episode in some rows, see `World.reset`."""
        most, apart = self._most, self._apart
        chosen, places, varied = draws[:, 1 : 1 + most], draws[:, 1 + most : 1 + 3 * most], draws[:, 1 + 3 * most :]
        counts = self._fewest + (draws[:, 0] * (most - self._fewest + 1)).astype(np.int64)
        images = (chosen * len(self.dataset)).astype(np.int64)
        if indices is not None:
            images[:, 0] = indices
        # The gaps between images come from sorted draws; those of missing images come last.
        there = np.arange(most) < counts[:, None]
        images = np.where(there, images, images[:, :1])  # what is not laid is not decoded
        gaps = np.sort(np.where(there, places[:, :most], 1)) * (self._room[0] - (counts[:, None] - 1) * apart + 1)
        self.places[rows, :, 0] = gaps.astype(np.int64) + apart * np.arange(most)
        self.places[rows, :, 1] = places[:, most:] * (self._room[1] + 1)
        self._composer.lay(self.scenes, rows, self.dataset, images, self.places[rows], counts, varied, self._num_threads)
        self._labels[rows, :most] = np.where(there, self.dataset.labels[images], self._end)
        self._labels[rows, most:] = self._end
        self._num_answers[rows] = counts + (self._end >= 0)
        for counter in (self._asked, self._steps, self._hits):
            counter[rows] = 0

    def step(
        self, actions: npt.NDArray[np.int64], playing: npt.NDArray[np.bool_]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
        """Score the answers that are due in the rows that are playing, see `World.step`."""
        due = playing & self.info()["scored"]
        right = due & (actions == self.info()["label"])
        ended = due & ((self._asked + 1 >= self._num_answers) | (actions == self._end))
        self._steps += playing
        self._hits += right
        self._asked += due & ~ended
        return right / self._num_answers, ended

    def set_arguments(self, **changes: float) -> None:
        """Change how images and scenes vary, see `World.set_arguments`."""
        super().set_arguments(**changes)
        self._composer = changed(self._composer, self.dataset, changes)

    @property
    def num_draws(self) -> int:  # type: ignore[override]
        """The number of images, the images, their places, their variations, see `World`."""
        return 1 + 3 * self._most + self._composer.num_draws_laid(self._most)

    def info(self) -> dict[str, npt.NDArray[Any]]:
        """The next answer: ``label`` (B,) int64, the right one; ``scored`` (B,) bool, whether the next action gives it."""
        taken = self._steps + 1 - self._search
        scored = (taken > 0) & (taken % self._per_answer == 0)
        return {"label": self._labels[np.arange(len(self._labels)), self._asked], "scored": scored}

    def final_info(self) -> dict[str, npt.NDArray[Any]]:
        """``correct`` (B,) bool, whether all answers were right; ``mean_accuracy`` (B,) float64, the share of right ones."""
        return {"correct": self._hits == self._num_answers, "mean_accuracy": self._hits / self._num_answers}
