"""Kernels that compose a scene: choose pieces of images, and lay them on it.

A piece is a box of an image, stored as ``BOX`` numbers: its top row, left column, height and width in the image, and the row
and column of the scene where its top-left pixel goes.
"""

import numpy as np
import numpy.typing as npt

from glimpse_env.jit import jit

BOX = 6
DRAWS_A_SCENE = 2  # where the image goes: x, y
DRAWS_A_PIECE = 5  # the image it is cut from, where it is cut (x, y), where it goes (x, y)
DRAWS_A_CHANGE = 7  # how an image varies: angle, scale (x, y), shear, shift (x, y), contrast


@jit(inline="always")
def _fill(boxes, b, n, y, x, height, width, top, left):  # type: ignore[no-untyped-def]
    """Set a box number by number, which is faster than by a tuple."""
    boxes[b, n, 0], boxes[b, n, 1] = y, x
    boxes[b, n, 2], boxes[b, n, 3] = height, width
    boxes[b, n, 4], boxes[b, n, 5] = top, left


@jit
def choose(
    indices: npt.NDArray[np.int64],
    draws: npt.NDArray[np.float64],
    N: int,
    num_clutter: int,
    size: int,
    translate: bool,
    h: int,
    w: int,
    H: int,
    W: int,
    chosen: npt.NDArray[np.int64],
    boxes: npt.NDArray[np.int64],
) -> None:
    """Choose the pieces of scenes H x W: a whole image h x w, then clutter, which is squares cut from other images.

    Args:
        indices: (b,) int64, the image of each scene.
        draws: (b, DRAWS_A_SCENE + DRAWS_A_PIECE * num_clutter or more) float64, uniform in [0, 1).
        N: the number of images.
        num_clutter: the number of pieces of clutter in a scene.
        size: the side of a piece of clutter.
        translate: whether the image lies at a random place rather than in the center.
        h: height of an image.
        w: width of an image.
        H: height of a scene.
        W: width of a scene.
        chosen: (b, 1 + num_clutter) int64, filled with the image of each piece.
        boxes: (b, 1 + num_clutter, BOX) int64, filled with the box of each piece.
    """
    for b in range(len(indices)):
        if translate:
            left, top = int(draws[b, 0] * (W - w + 1)), int(draws[b, 1] * (H - h + 1))
        else:
            left, top = (W - w) // 2, (H - h) // 2
        chosen[b, 0] = indices[b]
        _fill(boxes, b, 0, 0, 0, h, w, top, left)
        for piece in range(num_clutter):
            d = draws[b, DRAWS_A_SCENE + DRAWS_A_PIECE * piece :]
            other = int(d[0] * (N - 1))
            cut_x, cut_y = int(d[1] * (w - size + 1)), int(d[2] * (h - size + 1))
            left, top = int(d[3] * (W - size + 1)), int(d[4] * (H - size + 1))
            chosen[b, 1 + piece] = other + (other >= indices[b])
            _fill(boxes, b, 1 + piece, cut_y, cut_x, size, size, top, left)


@jit
def whole(places: npt.NDArray[np.int64], counts: npt.NDArray[np.int64], h: int, w: int) -> npt.NDArray[np.int64]:
    """The boxes (b, n, BOX) of whole images h x w at places (b, n, 2); 0 beyond the first counts (b,)."""
    boxes = np.zeros((*places.shape[:2], BOX), np.int64)
    for b in range(len(places)):
        for n in range(counts[b]):
            _fill(boxes, b, n, 0, 0, h, w, places[b, n, 1], places[b, n, 0])
    return boxes


@jit
def lay(
    rows: npt.NDArray[np.int64],
    slots: npt.NDArray[np.int64],
    boxes: npt.NDArray[np.int64],
    draws: npt.NDArray[np.float64],
    scenes: npt.NDArray[np.uint8],
    images: npt.NDArray[np.uint8],
    num_channels: int,
    times: int,
    num_varied: int,
    limits: npt.NDArray[np.float64],
) -> None:
    """Make a new scene (H, W*C) in some rows of scenes: the sum of pieces (b, n, BOX) of images (slots, h, w*C).

    Images are first shrunk by the factor ``times``. The first num_varied pieces are whole images, each varied by
    DRAWS_A_CHANGE draws.
    """
    C = num_channels
    h, width = images.shape[1] // times, images.shape[2] // C // times * C
    small, varied = np.empty((h, width), np.uint8), np.empty((h, width), np.uint8)
    for b in range(len(rows)):
        scene = scenes[rows[b]]
        scene[:] = 0
        for n in range(boxes.shape[1]):
            slot, y, x = slots[b, n], boxes[b, n, 0], boxes[b, n, 1] * C
            height, across, top, left = boxes[b, n, 2], boxes[b, n, 3] * C, boxes[b, n, 4], boxes[b, n, 5] * C
            if height == 0:
                continue  # no piece
            if times > 1:
                _shrink(images[slot], C, times, small)
            if n < num_varied:
                if times > 1:
                    _vary(small, C, limits, draws[b, DRAWS_A_CHANGE * n :], varied)
                else:
                    _vary(images[slot], C, limits, draws[b, DRAWS_A_CHANGE * n :], varied)
                _add(scene, top, left, varied, y, x, height, across)
            elif times > 1:
                _add(scene, top, left, small, y, x, height, across)
            else:
                _add(scene, top, left, images[slot], y, x, height, across)


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
    """Rotate, stretch, shear, shift and dim an image (h, w*C); fill varied, black where no pixel comes from the image."""
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
            # Find where this pixel comes from: undo the changes in reverse order.
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
def _shrink(image, num_channels, times, small):  # type: ignore[no-untyped-def]
    """Fill a small image (h // times, w // times * C) with the means of an image (h, w*C), halves rounded up."""
    C = num_channels
    for i in range(small.shape[0]):
        for j in range(small.shape[1] // C):
            for c in range(C):
                total = np.int64(0)
                for y in range(i * times, (i + 1) * times):
                    for x in range(j * times, (j + 1) * times):
                        total += np.int64(image[y, x * C + c])
                small[i, j * C + c] = np.uint8((2 * total + times * times) // (2 * times * times))
