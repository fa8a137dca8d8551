"""Draw smooth strokes, boxes and small text on a picture, clipped at its edges."""

import functools
import pathlib
import unicodedata

import numpy as np
import numpy.typing as npt

from glimpse_env.jit import jit

Picture = npt.NDArray[np.uint8]  # (height, width, 3)
Point = npt.NDArray[np.float64]  # (2,)
Color = npt.NDArray[np.float64]  # (3,), in [0, 255]

LETTER = (16, 8)  # height and width of a letter, in pixels
FIRST = ord(" ")  # of the letters


def stroke(picture: Picture, start: Point, end: Point, radius: float, color: Color) -> None:
    """Draw a round-ended line between two points, (x, y) in pixels; between a point and itself, a dot."""
    _stroke(picture, *start.tolist(), *end.tolist(), radius, *color.tolist())


def box(picture: Picture, left: int, top: int, width: int, height: int, color: Color, thickness: int = 0) -> None:
    """Draw a frame of some thickness inside a rectangle; thickness 0 fills the rectangle."""
    right, bottom = left + width, top + height
    t = thickness
    sides = [(left, top, right, bottom)]
    if t:
        sides = [(left, top, right, top + t), (left, bottom - t, right, bottom), (left, top, left + t, bottom)]
        sides.append((right - t, top, right, bottom))
    for x0, y0, x1, y1 in sides:
        picture[max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)] = color


def text(picture: Picture, left: int, top: int, words: str, color: Color, unit: int = 1) -> int:
    """Write a line with letters enlarged ``unit`` times; other letters than Latin, Greek and Cyrillic show as "?".

    Returns:
        The x coordinate of its end, in pixels.
    """
    share = _line(words, unit)
    place = picture[top : top + share.shape[0], left : left + share.shape[1]]
    place[:] = place + (color - place) * share[: place.shape[0], : place.shape[1]]
    return left + int(share.shape[1])


@functools.lru_cache(512)
def _line(words: str, unit: int) -> npt.NDArray[np.float64]:
    """The share of each pixel that a line of text covers: (height, width, 1) in [0, 1]."""
    letters = _letters()
    codes = np.array([ord(letter) - FIRST for letter in unicodedata.normalize("NFC", words)], np.int64)
    codes[(codes < 0) | (codes >= len(letters))] = ord("?") - FIRST
    share = np.concatenate([np.zeros((LETTER[0], 0)), *(letters[codes] / 255)], axis=1)
    return share.repeat(unit, axis=0).repeat(unit, axis=1)[..., np.newaxis]


@functools.cache
def _letters() -> npt.NDArray[np.uint8]:
    """The share, in [0, 255], of each pixel that the letters from `FIRST` on cover: (N, *LETTER) uint8."""
    letters: npt.NDArray[np.uint8] = np.load(pathlib.Path(__file__).parent / "data" / "font" / "letters.npy")
    return letters


@jit
def _stroke(
    picture: Picture, x0: float, y0: float, x1: float, y1: float, radius: float, red: float, green: float, blue: float
) -> None:
    """Blend each pixel by the distance of its middle to the line from (x0, y0) to (x1, y1)."""
    height, width, _ = picture.shape
    reach = radius + 0.5
    dx, dy = x1 - x0, y1 - y0
    squared = dx * dx + dy * dy
    for row in range(max(0, int(min(y0, y1) - reach)), min(height, int(max(y0, y1) + reach) + 1)):
        y = row + 0.5
        # Visit only the part of the line near this row, so that the cost is proportional to the length.
        near, far = 0.0, 1.0
        if abs(dy) > 1e-9:
            one, other = (y - reach - y0) / dy, (y + reach - y0) / dy
            near, far = max(0.0, min(one, other)), min(1.0, max(one, other))
        left, right = min(x0 + near * dx, x0 + far * dx) - reach, max(x0 + near * dx, x0 + far * dx) + reach
        for column in range(max(0, int(left)), min(width, int(right) + 1)):
            x = column + 0.5
            along = 0.0
            if squared > 0:
                along = min(1.0, max(0.0, ((x - x0) * dx + (y - y0) * dy) / squared))
            distance = np.hypot(x - x0 - along * dx, y - y0 - along * dy)
            share = min(1.0, max(0.0, reach - distance))
            if share > 0:
                pixel = picture[row, column]
                pixel[0] = np.uint8(pixel[0] + (red - pixel[0]) * share + 0.5)
                pixel[1] = np.uint8(pixel[1] + (green - pixel[1]) * share + 0.5)
                pixel[2] = np.uint8(pixel[2] + (blue - pixel[2]) * share + 0.5)
