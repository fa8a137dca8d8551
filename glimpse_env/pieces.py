"""The kernels of a scene: which pieces of images it is made of, and how they are laid on it.

A piece is a box of an image, ``BOX`` numbers: its top row and left column there, its height and width, and the row and column
of the scene where its top-left pixel goes.
"""

import numpy as np
import numpy.typing as npt

from glimpse_env.jit import jit

BOX = 6
DRAWS_A_SCENE = 2  # where the image goes: x, y
DRAWS_A_PIECE = 5  # the image it is cut from, where it is cut (x, y), where it goes (x, y)


@jit
def choose(indices: npt.NDArray[np.int64], draws: npt.NDArray[np.float64], N: int, num_clutter: int) -> npt.NDArray[np.int64]:
    """Choose the images of each scene (b, 1 + num_clutter): its own, then the other one that each piece is cut from."""
    chosen = np.empty((len(indices), 1 + num_clutter), np.int64)
    for b in range(len(indices)):
        chosen[b, 0] = indices[b]
        for piece in range(num_clutter):
            other = int(draws[b, DRAWS_A_SCENE + DRAWS_A_PIECE * piece] * (N - 1))
            chosen[b, 1 + piece] = other + (other >= indices[b])
    return chosen


@jit
def cut(
    draws: npt.NDArray[np.float64],
    num_clutter: int,
    clutter_size: int,
    translate: bool,
    image: tuple[int, int],
    scene: tuple[int, int],
) -> npt.NDArray[np.int64]:
    """Draw the boxes of each scene (b, 1 + num_clutter, BOX): its whole image, (h, w), then the pieces of others."""
    (h, w), (H, W), size = image, scene, clutter_size
    boxes = np.empty((len(draws), 1 + num_clutter, BOX), np.int64)
    for b in range(len(draws)):
        if translate:
            left, top = int(draws[b, 0] * (W - w + 1)), int(draws[b, 1] * (H - h + 1))
        else:
            left, top = (W - w) // 2, (H - h) // 2
        boxes[b, 0] = 0, 0, h, w, top, left
        for piece in range(num_clutter):
            d = draws[b, DRAWS_A_SCENE + DRAWS_A_PIECE * piece :]
            cut_x, cut_y = int(d[1] * (w - size + 1)), int(d[2] * (h - size + 1))
            left, top = int(d[3] * (W - size + 1)), int(d[4] * (H - size + 1))
            boxes[b, 1 + piece] = cut_y, cut_x, size, size, top, left
    return boxes


@jit
def lay(
    rows: npt.NDArray[np.int64],
    slots: npt.NDArray[np.int64],
    boxes: npt.NDArray[np.int64],
    counts: npt.NDArray[np.int64],
    changes: npt.NDArray[np.float64],
    scenes: npt.NDArray[np.uint8],
    images: npt.NDArray[np.uint8],
    num_channels: int,
    times: int,
    limits: npt.NDArray[np.float64],
) -> None:
    """Make a new scene (H, W*C) in some rows of scenes, of the first pieces (b, n, BOX) of images (slots, h, w*C), added up.

    Images are shrunk so many times first. Of those whose changes (b, m, 7) are drawn, the first m, the pieces are whole images.
    """
    C = num_channels
    h, width = images.shape[1] // times, images.shape[2] // C // times * C
    small, varied = np.empty((h, width), np.uint8), np.empty((h, width), np.uint8)
    for b in range(len(rows)):
        scene = scenes[rows[b]]
        scene[:] = 0
        for n in range(counts[b]):
            if times > 1:
                _shrink(images[slots[b, n]], C, times, small)
                _put(scene, boxes[b, n], small, C, limits, changes[b], n, varied)
            else:
                _put(scene, boxes[b, n], images[slots[b, n]], C, limits, changes[b], n, varied)


@jit
def _put(scene, box, image, num_channels, limits, changes, n, varied):  # type: ignore[no-untyped-def]
    """Lay piece n on a scene, its image varied first if there are changes for it."""
    y, x, height, width, top, left = box
    C = num_channels
    if n < len(changes):
        _vary(image, C, limits, changes[n], varied)
        _add(scene, top, left * C, varied, y, x * C, height, width * C)
    else:
        _add(scene, top, left * C, image, y, x * C, height, width * C)


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
def _shrink(image, num_channels, times, small):  # type: ignore[no-untyped-def]
    """Fill a small image (h // times, w // times * C) with the means of an image (h, w*C), halves rounded up."""
    C = num_channels
    for i in range(small.shape[0]):
        for j in range(small.shape[1] // C):
            for c in range(C):
                total = 0
                for y in range(i * times, (i + 1) * times):
                    for x in range(j * times, (j + 1) * times):
                        total += int(image[y, x * C + c])
                small[i, j * C + c] = np.uint8((2 * total + times * times) // (2 * times * times))
