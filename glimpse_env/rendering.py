"""Pictures of what an agent sees: the scene, the path of its fixations, and the patches it was given."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from glimpse_env.retina import Retina

_SIDE = 360  # pixels of the longer side of a scene, about
_MARGIN = 12
_BACKGROUND = np.array((24, 26, 32), np.uint8)
_PATH = np.array((255, 176, 0))  # the colour-blind safe amber and blue of Okabe and Ito, brightened
_EYE = np.array((86, 180, 255))


def draw(
    scene: npt.NDArray[np.uint8],
    retina: Retina,
    path: Sequence[npt.NDArray[np.float32]],
    glimpse: npt.NDArray[np.float32],
) -> npt.NDArray[np.uint8]:
    """Draw one environment.

    Left, the scene with the fixations so far joined in amber, older ones darker, and in blue the squares that the retina
    sees now. Right, the patches of the latest glimpse, finest first.

    Args:
        scene: (H, W, C) uint8.
        retina: the glimpse sensor.
        path: the fixations so far, (2,) float32 in [-1, 1] each.
        glimpse: (K*C, G, G) float32 in [0, 1].

    Returns:
        (height, width, 3) uint8, always of the same size for the same scene size and retina.
    """
    H, W, _ = scene.shape
    scale = max(1, _SIDE // max(H, W))
    picture = _enlarge(_rgb(scene), scale)
    points = [((np.asarray(location, np.float64) + 1) / 2 * (W, H) * scale) for location in path]
    for n, (start, end) in enumerate(itertools.pairwise(points)):
        _line(picture, start, end, _PATH * (0.35 + 0.65 * (n + 1) / len(points)))
    for n, point in enumerate(points):
        _dot(picture, point, 4, _PATH * (0.35 + 0.65 * (n + 1) / len(points)))
    if path:
        for corner, size in zip(retina.corners(path[-1], H, W), retina.sizes, strict=True):
            _frame(picture, corner * scale, size * scale, _EYE)

    patches = glimpse.reshape(retina.num_scales, -1, *glimpse.shape[1:]).transpose(0, 2, 3, 1)  # (K, G, G, C)
    room = (picture.shape[0] - _MARGIN * (retina.num_scales - 1)) // retina.num_scales
    zoom = max(1, min(room, picture.shape[0] // 2) // retina.patch_size)
    tiles = [_enlarge(_rgb(np.rint(patch * 255).astype(np.uint8)), zoom) for patch in patches]
    side = len(tiles[0])
    height = max(picture.shape[0], len(tiles) * (side + _MARGIN) - _MARGIN)
    canvas = np.empty((height + 2 * _MARGIN, picture.shape[1] + side + 3 * _MARGIN, 3), np.uint8)
    canvas[:] = _BACKGROUND
    canvas[_MARGIN : _MARGIN + picture.shape[0], _MARGIN : _MARGIN + picture.shape[1]] = picture
    for k, tile in enumerate(tiles):
        top = _MARGIN + k * (side + _MARGIN)
        canvas[top : top + side, -_MARGIN - side : -_MARGIN] = tile
    return canvas


def _rgb(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Show one channel as grey, three as they are, other numbers of them by their mean."""
    if image.shape[2] == 3:
        return image
    return np.repeat(image.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)


def _enlarge(image: npt.NDArray[np.uint8], times: int) -> npt.NDArray[np.uint8]:
    return image.repeat(times, axis=0).repeat(times, axis=1)


def _paint(
    picture: npt.NDArray[np.uint8], rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64], colour: npt.NDArray[Any]
) -> None:
    """Colour the pixels that lie in the picture."""
    inside = (rows >= 0) & (rows < picture.shape[0]) & (columns >= 0) & (columns < picture.shape[1])
    picture[rows[inside], columns[inside]] = colour


def _dot(picture: npt.NDArray[np.uint8], point: npt.NDArray[np.float64], radius: int, colour: npt.NDArray[Any]) -> None:
    rows, columns = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disc = rows**2 + columns**2 <= radius**2
    _paint(picture, rows[disc] + int(point[1]), columns[disc] + int(point[0]), colour)


def _line(
    picture: npt.NDArray[np.uint8], start: npt.NDArray[np.float64], end: npt.NDArray[np.float64], colour: npt.NDArray[Any]
) -> None:
    steps = np.linspace(0, 1, int(np.abs(end - start).max()) + 2)[:, None]
    x, y = (start + (end - start) * steps).astype(np.int64).T
    for shift in (0, 1):
        _paint(picture, y + shift, x, colour)
        _paint(picture, y, x + shift, colour)


def _frame(picture: npt.NDArray[np.uint8], corner: npt.NDArray[np.int64], size: int, colour: npt.NDArray[Any]) -> None:
    along = np.arange(size)
    for thickness in (0, 1):
        near, far = np.full(size, thickness), np.full(size, size - 1 - thickness)
        for rows, columns in ((near, along), (far, along), (along, near), (along, far)):
            _paint(picture, rows + corner[1], columns + corner[0], colour)
