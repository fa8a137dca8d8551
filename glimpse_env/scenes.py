"""Scenes made on the fly: an image on a black canvas, at its centre or anywhere, with pieces of other images strewn over it.

As in Mnih et al. (2014), section 4.1. All is batched and driven by uniform numbers given from outside (see ``streams``):
a scene is a pure function of the images, the index of its image and its draws.
"""

import dataclasses
import functools
import statistics
from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from glimpse_env import inputs
from glimpse_env.datasets import Dataset
from glimpse_env.jit import jit
from glimpse_env.streams import philox
from glimpse_env.threads import in_threads

_DRAWS_A_SCENE = 2  # where the image goes: x, y
_DRAWS_A_PIECE = 5  # the image it is cut from, where it is cut (x, y), where it goes (x, y)
_DRAWS_A_VARIATION = 7  # angle, scale (x, y), shear, shift (x, y), contrast; after all others
_NOISES = 4096  # values of a pixel's noise, each as likely; their stream is keyed by the last draw of a scene
VARIATIONS = {
    "rotation": (0, 180),
    "scale": (1, 4),
    "shear": (0, 1),
    "shift": (0, np.inf),
    "contrast": (0, 1),
    "noise": (0, 1),
}
"""Arguments of a composer that say how images and scenes vary, and their ranges."""


@dataclasses.dataclass(frozen=True)
class Composer:
    """How a scene is made of images.

    Args:
        height: H of the scene, at least the images' height.
        width: W of the scene, at least the images' width.
        translate: whether the image lies anywhere within the scene, or in its centre.
        num_clutter: the pieces of other images added to the scene.
        clutter_size: the pixels a side of a piece, at most the images' height and width.
        rotation: the image is turned by up to so many degrees, either way.
        scale: each of its axes is stretched or shrunk by up to this factor, at least 1.
        shear: its rows slide by up to this many pixels a row, either way.
        shift: it moves within its box by up to so many pixels along each axis, either way.
        contrast: it is dimmed by up to this share, in [0, 1].
        noise: standard deviation of Gaussian noise on each value of the whole scene, in [0, 1], where 1 is white.
        shrink: how many times smaller images are laid at given places, by means over so many rows and columns.
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
        """How many uniform numbers a scene takes."""
        return _DRAWS_A_SCENE + _DRAWS_A_PIECE * self.num_clutter + self.num_draws_laid(1)

    def num_draws_laid(self, n: int) -> int:
        """How many uniform numbers a scene of n images takes that are laid at given places."""
        return _DRAWS_A_VARIATION * self.varies * n + (self.noise > 0)

    @functools.cached_property
    def _noises(self) -> npt.NDArray[np.int16]:
        """What is added to a value of 0 to 255, evenly from the quantiles of a normal distribution; empty without noise."""
        return np.rint(255 * self.noise * _normal_quantiles()).astype(np.int16) if self.noise else np.empty(0, np.int16)

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

        Pieces and image add up, and clip at 255. A piece is cut at a random place of a random image other than the
        scene's own, and lands, whole, at a random place. What varies of an image (rotation, scale ...) is drawn uniformly,
        its scale so that half as large is as likely as twice; its pixels are interpolated linearly between their neighbours.
        Noise comes last, and what leaves 0 to 255 by it is clipped.

        Args:
            scenes: (B, H, W, C) uint8, written over in those rows.
            rows: (b,) int64, which of the B.
            dataset: N images, (h, w, C) each.
            indices: (b,) int64, the image of each, in [0, N).
            draws: (b, num_draws) float64, uniform in [0, 1).
            num_threads: how many threads share the batch; the result does not depend on it.

        Returns:
            (b, 2) int64, the top-left pixel (x, y) where each image was placed.
        """
        places = np.empty((len(rows), 2), np.int64)
        chosen = _choose(indices, draws, len(dataset), self.num_clutter)
        in_threads(num_threads, self._paint, rows, chosen, draws, places, shared=(scenes, dataset))
        return places

    def _paint(
        self,
        rows: npt.NDArray[np.int64],
        chosen: npt.NDArray[np.int64],
        draws: npt.NDArray[np.float64],
        places: npt.NDArray[np.int64],
        scenes: npt.NDArray[np.uint8],
        dataset: Dataset,
    ) -> None:
        """Compose some rows of the images chosen."""
        for some, slots, images in _taken(dataset, chosen):
            _compose(
                rows[some],
                slots,
                draws[some],
                places[some],
                _flat(scenes),
                images,
                scenes.shape[3],
                self.translate,
                self.num_clutter,
                self.clutter_size,
                self.varies,
                self._limits,
                self._noises,
            )

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
        """Make a new scene in some rows: several images, each varied by itself, at given places.

        Args:
            scenes: (B, H, W, C) uint8, written over in those rows.
            rows: (b,) int64, which of the B.
            dataset: N images, (h, w, C) each.
            indices: (b, n) int64, the images, in [0, N).
            places: (b, n, 2) int64, the top-left pixel (x, y) of each, from where the whole image is in the scene.
            counts: (b,) int64, how many of the n are laid, the first ones.
            draws: (b, num_draws_laid(n)) float64, uniform in [0, 1).
            num_threads: how many threads share the batch; the result does not depend on it.
        """
        in_threads(num_threads, self._lay, rows, indices, places, counts, draws, shared=(scenes, dataset))

    def _lay(
        self,
        rows: npt.NDArray[np.int64],
        indices: npt.NDArray[np.int64],
        places: npt.NDArray[np.int64],
        counts: npt.NDArray[np.int64],
        draws: npt.NDArray[np.float64],
        scenes: npt.NDArray[np.uint8],
        dataset: Dataset,
    ) -> None:
        for some, slots, images in _taken(dataset, indices):
            parts = rows[some], slots, places[some], counts[some], draws[some]
            _lay(*parts, _flat(scenes), images, scenes.shape[3], self.shrink, self.varies, self._limits, self._noises)


def make_composer(dataset: Dataset, scene_size: int | tuple[int, int] | None, **arguments: Any) -> Composer:
    """Check how scenes are to be made of these images.

    Args:
        dataset: N images, (h, w, C) each.
        scene_size: (H, W) or one number for both; None for the images' own size.
        arguments: of `Composer`, but for height and width.

    Raises:
        ValueError: an argument out of its range; the message names it.
    """
    times = inputs.integer("shrink", arguments.get("shrink", 1), 1)
    h, w = dataset.shape[0] // times, dataset.shape[1] // times
    if not h or not w:
        raise ValueError(f"shrink={times} leaves nothing of images of {dataset.shape[:2]}: shrink them less.")
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
        raise ValueError(f"num_clutter={composer.num_clutter} cuts pieces from other images, and there is but one image.")
    return composer


def changed(composer: Composer, dataset: Dataset, changes: dict[str, Any], names: Collection[str] = VARIATIONS) -> Composer:
    """The composer with some arguments changed, and checked as `make_composer` does.

    Args:
        composer: of scenes made of the dataset.
        dataset: N images, (h, w, C) each.
        changes: argument -> its new value.
        names: which arguments can be changed.

    Raises:
        ValueError: another argument, or one out of its range; the message names it.
    """
    if unknown := changes.keys() - set(names):
        raise ValueError(f"Scenes have no arguments {sorted(unknown)} to set: use {', '.join(map(repr, names))}.")
    arguments = dataclasses.asdict(composer) | changes
    return make_composer(dataset, (arguments.pop("height"), arguments.pop("width")), **arguments)


def _taken(
    dataset: Dataset, chosen: npt.NDArray[np.int64]
) -> Iterator[tuple[slice, npt.NDArray[np.int64], npt.NDArray[np.uint8]]]:
    """The images chosen (b, n), of which no more are in memory than the dataset takes at once.

    Yields:
        some of the rows, their slots (rows, n), and the images in them, rows of pixels: (slots, h, w*C).
    """
    for start in range(0, len(chosen), dataset.at_once):
        some = slice(start, start + dataset.at_once)
        images, slots = dataset.take(chosen[some])
        yield some, slots, images.reshape(*images.shape[:2], -1)


def _flat(scenes: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Scenes (B, H, W, C) as rows of pixels: (B, H, W*C), the same memory."""
    return scenes.reshape(*scenes.shape[:2], -1)


@functools.cache
def _normal_quantiles() -> npt.NDArray[np.float64]:
    return np.array([statistics.NormalDist().inv_cdf((n + 0.5) / _NOISES) for n in range(_NOISES)])


@jit
def _disturb(scene, noises, draw):  # type: ignore[no-untyped-def]
    """Add noise to a scene (H, W*C): eight values from each four words of the stream that a draw is the key of."""
    key, values = np.uint64(draw * 2.0**53), scene.reshape(-1)
    words = np.empty(4, np.uint64)
    for start in range(0, len(values), 8):
        words[:] = philox(
            np.uint64(start // 8), np.uint64(0), np.uint64(0), np.uint64(0), key & np.uint64(0xFFFFFFFF), key >> np.uint64(32)
        )
        for n in range(min(8, len(values) - start)):
            which = (words[n // 2] >> np.uint64(16 * (n % 2))) % np.uint64(_NOISES)
            values[start + n] = min(max(np.int16(values[start + n]) + noises[which], 0), 255)


@jit
def _add(scene, top, left, image, y, x, height, width):  # type: ignore[no-untyped-def]
    """Add image[y : y + height, x : x + width] to the scene at (top, left), clipped at 255."""
    for i in range(np.uintp(height)):
        for n in range(np.uintp(width)):
            value = image[np.uintp(y) + i, np.uintp(x) + n]
            old = scene[np.uintp(top) + i, np.uintp(left) + n]
            scene[np.uintp(top) + i, np.uintp(left) + n] = old + min(value, np.uint8(255) - old)


@jit
def _vary(image, num_channels, limits, draws, varied):  # type: ignore[no-untyped-def]
    """Turn, stretch, shear, shift and dim an image (h, w*C) into another, black where nothing of it comes to lie."""
    h, C = image.shape[0], num_channels
    w = image.shape[1] // C
    angle = (2 * draws[0] - 1) * limits[0]
    scale_x, scale_y = np.exp((2 * draws[1] - 1) * limits[1]), np.exp((2 * draws[2] - 1) * limits[1])
    shear = (2 * draws[3] - 1) * limits[2]
    shift_x, shift_y = (2 * draws[4] - 1) * limits[3], (2 * draws[5] - 1) * limits[3]
    gain = 1 - draws[6] * limits[4]
    cos, sin = np.cos(angle), np.sin(angle)
    middle_x, middle_y = (w - 1) / 2, (h - 1) / 2
    for i in range(h):
        for j in range(w):
            # Where this pixel comes from: the changes undone one after the other, from the last.
            x, y = j - middle_x - shift_x, i - middle_y - shift_y
            x, y = cos * x + sin * y, cos * y - sin * x
            x -= shear * y
            x, y = x / scale_x + middle_x, y / scale_y + middle_y
            left, top = int(np.floor(x)), int(np.floor(y))
            right_share, bottom_share = x - left, y - top
            for c in range(C):
                total = 0.0
                for row, row_share in ((top, 1 - bottom_share), (top + 1, bottom_share)):
                    if 0 <= row < h:
                        if 0 <= left < w:
                            total += row_share * (1 - right_share) * image[row, left * C + c]
                        if 0 <= left + 1 < w:
                            total += row_share * right_share * image[row, (left + 1) * C + c]
                varied[i, j * C + c] = np.uint8(gain * total + 0.5)


@jit
def _shrunk(image, num_channels, times, small):  # type: ignore[no-untyped-def]
    """Fill a small image (h // times, w // times * C) with the means of an image (h, w*C), halves rounded up."""
    C = num_channels
    for i in range(small.shape[0]):
        for j in range(small.shape[1] // C):
            for c in range(C):
                total = 0
                for y in range(i * times, (i + 1) * times):
                    for x in range(j * times, (j + 1) * times):
                        total += image[y, x * C + c]
                small[i, j * C + c] = np.uint8((2 * total + times * times) // (2 * times * times))


@jit
def _choose(indices: npt.NDArray[np.int64], draws: npt.NDArray[np.float64], N: int, num_clutter: int) -> npt.NDArray[np.int64]:
    """The images of each scene (b, 1 + num_clutter): its own, then the other one that each piece is cut from."""
    chosen = np.empty((len(indices), 1 + num_clutter), np.int64)
    for b in range(len(indices)):
        chosen[b, 0] = indices[b]
        for piece in range(num_clutter):
            other = int(draws[b, _DRAWS_A_SCENE + _DRAWS_A_PIECE * piece] * (N - 1))
            chosen[b, 1 + piece] = other + (other >= indices[b])
    return chosen


@jit
def _compose(
    rows: npt.NDArray[np.int64],
    slots: npt.NDArray[np.int64],
    draws: npt.NDArray[np.float64],
    places: npt.NDArray[np.int64],
    scenes: npt.NDArray[np.uint8],
    images: npt.NDArray[np.uint8],
    C: int,
    translate: bool,
    num_clutter: int,
    clutter_size: int,
    varies: bool,
    limits: npt.NDArray[np.float64],
    noises: npt.NDArray[np.int16],
) -> None:
    h = images.shape[1]
    w = images.shape[2] // C
    H, W = scenes.shape[1], scenes.shape[2] // C
    varied = np.empty((h, w * C), np.uint8)
    for b in range(len(rows)):
        scene = scenes[rows[b]]
        scene[:] = 0
        if translate:
            left, top = int(draws[b, 0] * (W - w + 1)), int(draws[b, 1] * (H - h + 1))
        else:
            left, top = (W - w) // 2, (H - h) // 2
        places[b] = left, top
        if varies:
            _vary(images[slots[b, 0]], C, limits, draws[b, _DRAWS_A_SCENE + _DRAWS_A_PIECE * num_clutter :], varied)
            _add(scene, top, left * C, varied, 0, 0, h, w * C)
        else:
            _add(scene, top, left * C, images[slots[b, 0]], 0, 0, h, w * C)
        for piece in range(num_clutter):
            d = draws[b, _DRAWS_A_SCENE + _DRAWS_A_PIECE * piece :]
            cut_x, cut_y = int(d[1] * (w - clutter_size + 1)), int(d[2] * (h - clutter_size + 1))
            left, top = int(d[3] * (W - clutter_size + 1)), int(d[4] * (H - clutter_size + 1))
            _add(scene, top, left * C, images[slots[b, 1 + piece]], cut_y, cut_x * C, clutter_size, clutter_size * C)
        if len(noises):
            _disturb(scene, noises, draws[b, -1])


@jit
def _lay(
    rows: npt.NDArray[np.int64],
    slots: npt.NDArray[np.int64],
    places: npt.NDArray[np.int64],
    counts: npt.NDArray[np.int64],
    draws: npt.NDArray[np.float64],
    scenes: npt.NDArray[np.uint8],
    images: npt.NDArray[np.uint8],
    C: int,
    times: int,
    varies: bool,
    limits: npt.NDArray[np.float64],
    noises: npt.NDArray[np.int16],
) -> None:
    h = images.shape[1] // times
    width = images.shape[2] // C // times * C
    small, varied = np.empty((h, width), np.uint8), np.empty((h, width), np.uint8)
    for b in range(len(rows)):
        scene = scenes[rows[b]]
        scene[:] = 0
        for n in range(counts[b]):
            left, top = places[b, n]
            _shrunk(images[slots[b, n]], C, times, small)
            if varies:
                _vary(small, C, limits, draws[b, _DRAWS_A_VARIATION * n :], varied)
            _add(scene, top, left * C, varied if varies else small, 0, 0, h, width)
        if len(noises):
            _disturb(scene, noises, draws[b, -1])


@jit
def strew(places: npt.NDArray[np.int64], draws: npt.NDArray[np.float64], h: int, w: int, H: int, W: int) -> None:
    """Draw places for images that do not overlap, each evenly from those that earlier ones leave free: there must be one.

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
