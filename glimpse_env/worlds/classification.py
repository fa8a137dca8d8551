"""A still scene with a class to name (Mnih et al. 2014, sections 3 and 4.1)."""

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from glimpse_env import datasets, inputs
from glimpse_env.jit import jit
from glimpse_env.scenes import VARIATIONS, changed, make_composer
from glimpse_env.worlds.base import Task, World

REWARDS = ("final", "every")
DECIDES = ("end", "anytime")


class ClassificationWorld(World):
    """B scenes; the answer is the class of the image in each.

    ## Rewards
    1 for the right class at the end of the episode, otherwise 0; with ``reward="every"``, 1/T at each step that names it.
    ``glimpse_cost`` is the price of each further glimpse.

    Args:
        num_envs: B.
        dataset: the name of a dataset, a pair (images, labels) of arrays, a folder of class folders, a Hugging Face dataset,
            a sequence of (image, label), or several of these by split: see ``datasets.load``.
        split: "train", "validation", "test" or "train+validation"; default: "train", or all images of your own dataset if it
            has no splits.
        num_classes: the number of classes of arrays or pairs; default: the largest label plus one.
        image_size: (h, w) or one number for both, to which images of a folder, a Hugging Face dataset or a sequence are fitted;
            default: the size of the first.
        scene_size: (H, W) or one number for both, in pixels; default: the images' own size.
        translate: whether the image lies at a random place rather than in the center.
        num_clutter: pieces of other images of the split, added at random places.
        clutter_size: their side, in pixels.
        rotation: rotates the image by up to this many degrees either way.
        scale: stretches or shrinks each axis by up to this factor, at least 1.
        shear: slides the rows by up to this many pixels a row, either way.
        shift: moves the image within its box by up to this many pixels along each axis, either way.
        contrast: dims the image by up to this share, in [0, 1].
        noise: standard deviation of Gaussian noise on each pixel of the whole scene, in [0, 1], where 1 is white.
        num_glimpses: T, the glimpses (and steps) of an episode.
        reward: "final": 1 for the right class at the last step. "every": each step's class is scored, 1/T each.
        decide: "end": the class named at step T counts. "anytime": there is one more action, the last, "look on"; naming
            a class ends the episode. Looking on at step T counts as wrong.
        glimpse_cost: with "anytime", subtracted from the reward for each further glimpse.
        num_threads: number of threads that compose scenes.

    Attributes:
        places: (B, 2) int64, the top-left pixel (x, y) where each scene's image lies: for analysis; agents never see it.

    Raises:
        ValueError: an argument is out of range; the message names it.
    """

    still: ClassVar[bool] = True
    splits: ClassVar[tuple[str, ...]] = datasets.SPLITS
    changeable: ClassVar[tuple[str, ...]] = ("translate", "num_clutter", "clutter_size", *VARIATIONS)

    def __init__(
        self,
        num_envs: int,
        *,
        dataset: Any = "mnist",
        split: str | None = None,
        num_classes: int | None = None,
        image_size: int | tuple[int, int] | None = None,
        scene_size: int | tuple[int, int] | None = None,
        translate: bool = False,
        num_clutter: int = 0,
        clutter_size: int = 8,
        rotation: float = 0.0,
        scale: float = 1.0,
        shear: float = 0.0,
        shift: float = 0.0,
        contrast: float = 0.0,
        noise: float = 0.0,
        num_glimpses: int = 6,
        reward: str = "final",
        decide: str = "end",
        glimpse_cost: float = 0.0,
        num_threads: int = 1,
    ) -> None:
        inputs.word("reward", reward, REWARDS)
        inputs.word("decide", decide, DECIDES)
        if decide == "anytime" and reward == "every":
            raise ValueError("reward='every' scores each step, decide='anytime' one answer: use reward='final'.")
        glimpse_cost = inputs.number("glimpse_cost", glimpse_cost, 0)
        if decide == "end" and glimpse_cost != 0:
            raise ValueError(f"glimpse_cost={glimpse_cost} needs decide='anytime': with 'end' all episodes are equally long.")
        num_glimpses = inputs.integer("num_glimpses", num_glimpses, 1)

        self.dataset = datasets.load(dataset, split, num_classes=num_classes, image_size=image_size)
        look_on = self.dataset.num_classes if decide == "anytime" else -1
        self.task = Task(
            measure="error" if decide == "end" else "return",
            num_glimpses=num_glimpses,
            action_names=(*self.dataset.names, *(["look on"] if decide == "anytime" else [])),
            splits=self.splits,
            num_images=len(self.dataset),
            best=1.0,
            goal="Name the class of the image.",
        )
        self._composer = make_composer(
            self.dataset,
            scene_size,
            translate=translate,
            num_clutter=num_clutter,
            clutter_size=clutter_size,
            rotation=rotation,
            scale=scale,
            shear=shear,
            shift=shift,
            contrast=contrast,
            noise=noise,
        )
        self._rules = (num_glimpses, reward == "every", look_on, glimpse_cost)
        self._num_threads = num_threads

        _, _, C = self.dataset.shape
        self.scenes = np.zeros((num_envs, self._composer.height, self._composer.width, C), np.uint8)
        self.places = np.zeros((num_envs, 2), np.int64)
        self._labels = np.zeros(num_envs, np.int64)
        self._steps = np.zeros(num_envs, np.int64)
        self._hits = np.zeros(num_envs, np.int64)  # steps whose class was right
        self._first_hits = np.zeros(num_envs, np.int64)  # the first such step, 0 for none
        self._correct = np.zeros(num_envs, np.bool_)  # whether the latest step's class was right

    def reset(self, rows: npt.NDArray[np.int64], draws: npt.NDArray[np.float64], indices: npt.NDArray[np.int64] | None) -> None:
        """Begin a new episode in some rows, see `World.reset`."""
        if indices is None:
            indices = (draws[:, 0] * len(self.dataset)).astype(np.int64)
        places = self._composer.compose(self.scenes, rows, self.dataset, indices, draws[:, 1:], self._num_threads)
        self.places[rows], self._labels[rows] = places, self.dataset.labels[indices]
        for counter in (self._steps, self._hits, self._first_hits):
            counter[rows] = 0

    def step(
        self, actions: npt.NDArray[np.int64], playing: npt.NDArray[np.bool_]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
        """Score the class named in each row that is playing, see `World.step`."""
        rewards, ended = np.zeros(len(actions)), np.zeros(len(actions), np.bool_)
        state = (self._labels, self._steps, self._hits, self._first_hits, self._correct)
        _score(actions, playing, *state, *self._rules, rewards, ended)
        return rewards, ended

    def set_arguments(self, **changes: Any) -> None:
        """Change how scenes are made, see `World.set_arguments`: the place, the clutter, and the variations."""
        super().set_arguments(**changes)
        self._composer = changed(self._composer, self.dataset, changes)

    @property
    def num_draws(self) -> int:  # type: ignore[override]
        """The image, its place, the clutter, their variations, see `World`."""
        return 1 + self._composer.num_draws

    @property
    def targets(self) -> npt.NDArray[np.int64]:
        """The box of the image, see `World.targets`."""
        h, w, _ = self.dataset.shape
        return np.column_stack([self.places, np.broadcast_to((w, h), self.places.shape)])

    def info(self) -> dict[str, npt.NDArray[Any]]:
        """The class of each scene: ``label`` (B,) int64."""
        return {"label": self._labels}

    def final_info(self) -> dict[str, npt.NDArray[Any]]:
        """How each episode went.

        ``correct`` (B,) bool; ``first_correct_glimpse`` (B,) int64, the first glimpse after which the right class was
        named, 0 for none; ``mean_accuracy`` (B,) float64, the share of steps that named it.
        """
        return {
            "correct": self._correct,
            "first_correct_glimpse": self._first_hits,
            "mean_accuracy": self._hits / np.maximum(self._steps, 1),
        }


@jit
def _score(
    actions: npt.NDArray[np.int64],
    playing: npt.NDArray[np.bool_],
    labels: npt.NDArray[np.int64],
    steps: npt.NDArray[np.int64],
    hits: npt.NDArray[np.int64],
    first_hits: npt.NDArray[np.int64],
    correct: npt.NDArray[np.bool_],
    num_glimpses: int,
    every: bool,
    look_on: int,
    glimpse_cost: float,
    rewards: npt.NDArray[np.float64],
    ended: npt.NDArray[np.bool_],
) -> None:
    """Score one step; ``look_on`` is the action that names no class, -1 where there is none."""
    for b in range(len(actions)):
        if not playing[b]:
            continue
        steps[b] += 1
        correct[b] = actions[b] == labels[b]
        if correct[b]:
            hits[b] += 1
            if first_hits[b] == 0:
                first_hits[b] = steps[b]
        named = look_on >= 0 and actions[b] != look_on
        ended[b] = named or steps[b] >= num_glimpses
        if every:
            rewards[b] = correct[b] / num_glimpses
        elif ended[b]:
            rewards[b] = correct[b]
        else:
            rewards[b] = 0.0 - glimpse_cost
