"""Scenes made on the fly: an image on a black ground, at its center or anywhere, with pieces of other images as clutter.

As in Mnih et al. (2014), section 4.1. The caller gives the random numbers (see ``streams``), so a scene is a pure function of
the images, the index of its image and its draws.
"""

import dataclasses
import functools
import statistics
from typing import Any

import numpy as np
import numpy.typing as npt

from glimpse_env import inputs, pieces
from glimpse_env.datasets import Dataset
from glimpse_env.streams import add_noise
from glimpse_env.threads import in_threads

_NOISES = 4096  # equally likely values of a pixel's noise; the last draw of a scene is the key of their stream
VARIATIONS = {
    "rotation": (0, 180),
    "scale": (1, 4),
    "shear": (0, 1),
    "shift": (0, np.inf),
    "contrast": (0, 1),
    "noise": (0, 1),
}
"""The arguments of a composer that vary images and scenes, and their ranges."""


@dataclasses.dataclass(frozen=True)
class Composer:
    """Makes scenes of images.

    Args:
        height: H of the scene, at least the images' height.
        width: W of the scene, at least the images' width.
        translate: whether the image lies at a random place rather than in the center.
        num_clutter: the number of pieces of other images added to the scene.
        clutter_size: the side of a piece in pixels, at most the images' height and width.
        rotation: rotates the image by up to this many degrees either way.
        scale: stretches or shrinks each axis by up to this factor, at least 1.
        shear: slides the rows by up to this many pixels a row, either way.
        shift: moves the image within its box by up to this many pixels along each axis, either way.
        contrast: dims the image by up to this share, in [0, 1].
        noise: standard deviation of Gaussian noise on each value of the whole scene, in [0, 1], where 1 is white.
        shrink: the factor by which images are first shrunk, by averaging.
    """

    height: int
    width: int
    translate: bool = False
    num_clutter: int = 0
    clutter_size: int = 8
    rotation: float = 0.0
    scale: float = 1.0
    shear: float = 0.0
    shift: float = 0.0
    contrast: float = 0.0
    noise: float = 0.0
    shrink: int = 1

    @property
    def varies(self) -> bool:
        """Whether an image is altered before it is placed."""
        return (self.rotation, self.scale, self.shear, self.shift, self.contrast) != (0, 1, 0, 0, 0)

    @property
    def num_draws(self) -> int:
        """The number of draws that a scene takes."""
        return pieces.DRAWS_A_SCENE + pieces.DRAWS_A_PIECE * self.num_clutter + self.num_draws_laid(1)

    def num_draws_laid(self, n: int) -> int:
        """The number of draws that a scene of n images at given places takes."""
        return pieces.DRAWS_A_CHANGE * self.varies * n + (self.noise > 0)

    @functools.cached_property
    def _noises(self) -> npt.NDArray[np.int16]:
        """The noise of values in [0, 255]: quantiles of a normal distribution."""
        return np.rint(255 * self.noise * _normal_quantiles()).astype(np.int16)

    @functools.cached_property
    def _limits(self) -> npt.NDArray[np.float64]:
        return np.array([np.radians(self.rotation), np.log(self.scale), self.shear, self.shift, self.contrast])

    def compose(
        self,
        scenes: npt.NDArray[np.uint8],
        rows: npt.NDArray[np.int64],
        dataset: Dataset,
        indices: npt.NDArray[np.int64],
        draws: npt.NDArray[np.float64],
        num_threads: int = 1,
    ) -> npt.NDArray[np.int64]:
        """Make a new scene in some rows.

        The image and the pieces are added and clipped at 255. Each piece is cut at a random place from a random other image,
        and lies wholly in the scene at a random place. Rotation, scale and other variations of the image are drawn uniformly
        (scale on a logarithmic axis), and pixels are interpolated linearly. Noise comes last, clipped to [0, 255].

        Args:
            scenes: (B, H, W, C) uint8, changed in those rows.
            rows: (b,) int64, the rows to change.
            dataset: N images, (h, w, C) each.
            indices: (b,) int64, the image of each scene, in [0, N).
            draws: (b, num_draws) float64, uniform in [0, 1).
            num_threads: number of threads that share the batch; it does not change the result.

        Returns:
            (b, 2) int64, the top-left pixel (x, y) where each image was placed.
        """
        clutter = self.num_clutter, self.clutter_size, self.translate
        sizes = *self._small(dataset), self.height, self.width
        chosen = np.empty((len(indices), 1 + self.num_clutter), np.int64)
        boxes = np.empty((*chosen.shape, pieces.BOX), np.int64)
        pieces.choose(indices, draws, len(dataset), *clutter, *sizes, chosen, boxes)
        rest = draws[:, pieces.DRAWS_A_SCENE + pieces.DRAWS_A_PIECE * self.num_clutter :]
        self._make(scenes, rows, dataset, chosen, boxes, rest, int(self.varies), num_threads)
        places: npt.NDArray[np.int64] = boxes[:, 0, :3:-1]
        return places

    def lay(
        self,
        scenes: npt.NDArray[np.uint8],
        rows: npt.NDArray[np.int64],
        dataset: Dataset,
        indices: npt.NDArray[np.int64],
        places: npt.NDArray[np.int64],
        counts: npt.NDArray[np.int64],
        draws: npt.NDArray[np.float64],
        num_threads: int = 1,
    ) -> None:
        """Make a new scene in some rows: several images at given places, each varied independently.

        Args:
            scenes: (B, H, W, C) uint8, changed in those rows.
            rows: (b,) int64, the rows to change.
            dataset: N images, (h, w, C) each.
            indices: (b, n) int64, the images, in [0, N).
            places: (b, n, 2) int64, the top-left pixel (x, y) of each image, which lies wholly in the scene.
            counts: (b,) int64, how many of the n images to lay, from the first.
            draws: (b, num_draws_laid(n)) float64, uniform in [0, 1).
            num_threads: number of threads that share the batch; it does not change the result.
        """
        boxes = pieces.whole(places, counts, *self._small(dataset))
        self._make(scenes, rows, dataset, indices, boxes, draws, int(self.varies) * indices.shape[1], num_threads)

    def _make(
        self,
        scenes: npt.NDArray[np.uint8],
        rows: npt.NDArray[np.int64],
        dataset: Dataset,
        chosen: npt.NDArray[np.int64],
        boxes: npt.NDArray[np.int64],
        draws: npt.NDArray[np.float64],
        num_varied: int,
        num_threads: int,
    ) -> None:
        """Lay boxes of the chosen images, vary the first num_varied, and add noise."""
        batched, shared = (rows, chosen, boxes, draws), (_flat(scenes), dataset, num_varied)
        in_threads(num_threads, self._make_some, *batched, shared=shared)

    def _make_some(
        self,
        rows: npt.NDArray[np.int64],
        chosen: npt.NDArray[np.int64],
        boxes: npt.NDArray[np.int64],
        draws: npt.NDArray[np.float64],
        scenes: npt.NDArray[np.uint8],
        dataset: Dataset,
        num_varied: int,
    ) -> None:
        """Make scenes (B, H, W*C), with no more images in memory than the dataset reads at once."""
        for start in range(0, len(rows), dataset.at_once):
            some = slice(start, start + dataset.at_once)
            images, slots = dataset.take(chosen[some])
            parts = rows[some], slots, boxes[some], draws[some]
            pieces.lay(*parts, scenes, _flat(images), images.shape[3], self.shrink, num_varied, self._limits)
        if self.noise:
            add_noise(rows, draws[:, -1], scenes, self._noises)

    def _small(self, dataset: Dataset) -> tuple[int, int]:
        """Height and width of the shrunk images."""
        return dataset.shape[0] // self.shrink, dataset.shape[1] // self.shrink


def make_composer(dataset: Dataset, scene_size: int | tuple[int, int] | None, **arguments: Any) -> Composer:
    """Check arguments and make a composer for these images.

    Args:
        dataset: N images, (h, w, C) each.
        scene_size: (H, W) or one number for both; None for the images' own size.
        arguments: the other arguments of `Composer`.

    Raises:
        ValueError: an argument is out of range; the message names it.
    """
    times = inputs.integer("shrink", arguments.get("shrink", 1), 1)
    h, w = dataset.shape[0] // times, dataset.shape[1] // times
    if not h or not w:
        raise ValueError(f"shrink={times} leaves no pixel of images of {dataset.shape[:2]}: use a smaller factor.")
    H, W = (h, w) if scene_size is None else inputs.scene_size(scene_size)
    if h > H or w > W:
        raise ValueError(f"scene_size={scene_size} is smaller than the images ({h}, {w}): enlarge it or shrink them.")
    for name, least in (("num_clutter", 0), ("clutter_size", 1)):
        if name in arguments:
            arguments[name] = inputs.integer(name, arguments[name], least)
    if "translate" in arguments:
        arguments["translate"] = inputs.flag("translate", arguments["translate"])
    for name, ends in VARIATIONS.items():
        if name in arguments:
            arguments[name] = inputs.number(name, arguments[name], *ends)
    composer = Composer(H, W, **arguments)
    if composer.num_clutter and composer.clutter_size > min(h, w):
        size = composer.clutter_size
        raise ValueError(f"clutter_size must lie in [1, {min(h, w)}], the images' smaller side, got {size}.")
    if composer.num_clutter and len(dataset) < 2:
        raise ValueError(f"num_clutter={composer.num_clutter} needs other images, but there is only one: use num_clutter=0.")
    return composer


def changed(composer: Composer, dataset: Dataset, changes: dict[str, Any]) -> Composer:
    """Return a composer with some arguments changed, checked as in `make_composer`.

    Args:
        composer: a composer for the dataset.
        dataset: N images, (h, w, C) each.
        changes: argument -> its new value.

    Raises:
        ValueError: an argument is out of range; the message names it.
    """
    arguments = dataclasses.asdict(composer) | changes
    return make_composer(dataset, (arguments.pop("height"), arguments.pop("width")), **arguments)


def _flat(scenes: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """View scenes or images (n, H, W, C) as (n, H, W*C)."""
    return scenes.reshape(len(scenes), scenes.shape[1], -1)


@functools.cache
def _normal_quantiles() -> npt.NDArray[np.float64]:
    return np.array([statistics.NormalDist().inv_cdf((n + 0.5) / _NOISES) for n in range(_NOISES)])
