"""Scenes made on the fly: an image on a black canvas, at its centre or anywhere, with pieces of other images strewn over it.

As in Mnih et al. (2014), section 4.1. All is batched and driven by uniform numbers given from outside (see ``streams``):
a scene is a pure function of the images, the index of its image and its draws.
"""

import dataclasses
import functools

import numba
import numpy as np
import numpy.typing as npt

from glimpse_env.datasets import Dataset
from glimpse_env.threads import in_threads

_DRAWS_A_SCENE = 2  # where the image goes: x, y
_DRAWS_A_PIECE = 5  # the image it is cut from, where it is cut (x, y), where it goes (x, y)
_DRAWS_A_VARIATION = 7  # angle, scale (x, y), shear, shift (x, y), contrast; after all others


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

    @property
    def varies(self) -> bool:
        """Whether an image is altered before it is placed."""
        return (self.rotation, self.scale, self.shear, self.shift, self.contrast) != (0, 1, 0, 0, 0)

    @property
    def num_draws(self) -> int:
        """How many uniform numbers a scene takes."""
        return _DRAWS_A_SCENE + _DRAWS_A_PIECE * self.num_clutter + _DRAWS_A_VARIATION * self.varies

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
        """Compose some rows of the images chosen, of which no more are in memory than the dataset takes at once."""
        B, H, W, C = scenes.shape
        for start in range(0, len(rows), dataset.at_once):
            some = slice(start, start + dataset.at_once)
            images, slots = dataset.take(chosen[some])
            _compose(
                rows[some],
                slots,
                draws[some],
                places[some],
                scenes.reshape(B, H, W * C),
                images.reshape(*images.shape[:2], -1),
                C,
                self.translate,
                self.num_clutter,
                self.clutter_size,
                self.varies,
                self._limits,
            )


@numba.njit(cache=True, nogil=True)
def _add(scene, top, left, image, y, x, height, width):  # type: ignore[no-untyped-def]
    """Add image[y : y + height, x : x + width] to the scene at (top, left), clipped at 255."""
    for i in range(np.uintp(height)):
        for n in range(np.uintp(width)):
            value = image[np.uintp(y) + i, np.uintp(x) + n]
            old = scene[np.uintp(top) + i, np.uintp(left) + n]
            scene[np.uintp(top) + i, np.uintp(left) + n] = old + min(value, np.uint8(255) - old)


@numba.njit(cache=True, nogil=True)
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


@numba.njit(cache=True, nogil=True)
def _choose(indices: npt.NDArray[np.int64], draws: npt.NDArray[np.float64], N: int, num_clutter: int) -> npt.NDArray[np.int64]:
    """The images of each scene (b, 1 + num_clutter): its own, then the other one that each piece is cut from."""
    chosen = np.empty((len(indices), 1 + num_clutter), np.int64)
    for b in range(len(indices)):
        chosen[b, 0] = indices[b]
        for piece in range(num_clutter):
            other = int(draws[b, _DRAWS_A_SCENE + _DRAWS_A_PIECE * piece] * (N - 1))
            chosen[b, 1 + piece] = other + (other >= indices[b])
    return chosen


@numba.njit(cache=True, nogil=True)
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
