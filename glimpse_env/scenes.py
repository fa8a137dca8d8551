"""Scenes made on the fly: an image on a black canvas, at its centre or anywhere, with pieces of other images strewn over it.

As in Mnih et al. (2014), section 4.1. All is batched and driven by uniform numbers given from outside (see ``streams``):
a scene is a pure function of the images, the index of its image and its draws.
"""

import dataclasses

import numba
import numpy as np
import numpy.typing as npt

from glimpse_env.threads import in_threads

_DRAWS_A_SCENE = 2  # where the image goes: x, y
_DRAWS_A_PIECE = 5  # the image it is cut from, where it is cut (x, y), where it goes (x, y)


@dataclasses.dataclass(frozen=True)
class Composer:
    """How a scene is made of images.

    Args:
        height: H of the scene, at least the images' height.
        width: W of the scene, at least the images' width.
        translate: whether the image lies anywhere within the scene, or in its centre.
        num_clutter: the pieces of other images added to the scene.
        clutter_size: the pixels a side of a piece, at most the images' height and width.
    """

    height: int
    width: int
    translate: bool = False
    num_clutter: int = 0
    clutter_size: int = 8

    @property
    def num_draws(self) -> int:
        """How many uniform numbers a scene takes."""
        return _DRAWS_A_SCENE + _DRAWS_A_PIECE * self.num_clutter

    def compose(
        self,
        scenes: npt.NDArray[np.uint8],
        rows: npt.NDArray[np.int64],
        images: npt.NDArray[np.uint8],
        indices: npt.NDArray[np.int64],
        draws: npt.NDArray[np.float64],
        num_threads: int = 1,
    ) -> None:
        """Make a new scene in some rows.

        Pieces and image add up, and clip at 255. A piece is cut at a random place of a random image other than the
        scene's own, and lands, whole, at a random place.

        Args:
            scenes: (B, H, W, C) uint8, written over in those rows.
            rows: (b,) int64, which of the B.
            images: (N, h, w, C) uint8.
            indices: (b,) int64, the image of each, in [0, N).
            draws: (b, num_draws) float64, uniform in [0, 1).
            num_threads: how many threads share the batch; the result does not depend on it.
        """
        B, H, W, C = scenes.shape
        N, h, w, _ = images.shape
        shared = (
            scenes.reshape(B, H, W * C),
            images.reshape(N, h, w * C),
            C,
            self.translate,
            self.num_clutter,
            self.clutter_size,
        )
        in_threads(num_threads, _compose, rows, indices, draws, shared=shared)


@numba.njit(cache=True, nogil=True)
def _add(scene, top, left, image, y, x, height, width):  # type: ignore[no-untyped-def]
    """Add image[y : y + height, x : x + width] to the scene at (top, left), clipped at 255."""
    for i in range(np.uintp(height)):
        for n in range(np.uintp(width)):
            value = image[np.uintp(y) + i, np.uintp(x) + n]
            old = scene[np.uintp(top) + i, np.uintp(left) + n]
            scene[np.uintp(top) + i, np.uintp(left) + n] = old + min(value, np.uint8(255) - old)


@numba.njit(cache=True, nogil=True)
def _compose(
    rows: npt.NDArray[np.int64],
    indices: npt.NDArray[np.int64],
    draws: npt.NDArray[np.float64],
    scenes: npt.NDArray[np.uint8],
    images: npt.NDArray[np.uint8],
    C: int,
    translate: bool,
    num_clutter: int,
    clutter_size: int,
) -> None:
    N, h = images.shape[:2]
    w = images.shape[2] // C
    H, W = scenes.shape[1], scenes.shape[2] // C
    for b in range(len(rows)):
        scene = scenes[rows[b]]
        scene[:] = 0
        if translate:
            left, top = int(draws[b, 0] * (W - w + 1)), int(draws[b, 1] * (H - h + 1))
        else:
            left, top = (W - w) // 2, (H - h) // 2
        _add(scene, top, left * C, images[indices[b]], 0, 0, h, w * C)
        for piece in range(num_clutter):
            d = draws[b, _DRAWS_A_SCENE + _DRAWS_A_PIECE * piece :]
            other = int(d[0] * (N - 1))
            if other >= indices[b]:
                other += 1
            cut_x, cut_y = int(d[1] * (w - clutter_size + 1)), int(d[2] * (h - clutter_size + 1))
            left, top = int(d[3] * (W - clutter_size + 1)), int(d[4] * (H - clutter_size + 1))
            _add(scene, top, left * C, images[other], cut_y, cut_x * C, clutter_size, clutter_size * C)
