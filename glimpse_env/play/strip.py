"""Text under and over a picture: lines that wrap, and a panel of help."""

import textwrap
from collections.abc import Sequence

import numpy as np

from glimpse_env import ink
from glimpse_env.ink import Color, Picture

Line = tuple[str, Color]

_GAP = 4  # between lines, in pixels
_DIM = 0.18  # of a picture under a panel


def under(picture: Picture, lines: Sequence[tuple[Line, int]], margin: int, unit: int) -> Picture:
    """Put lines of text under a picture.

    Args:
        picture: (height, width, 3).
        lines: each with the number of rows that it may fill; it takes the place of so many rows even if it is short.
        margin: the space at the left, in pixels.
        unit: the factor by which letters are enlarged.

    Returns:
        (height + the rows', width, 3).
    """
    row = ink.LETTER[0] * unit + _GAP * unit
    strip = np.empty((sum(rows for _, rows in lines) * row + margin, *picture.shape[1:]), np.uint8)
    strip[:] = picture[0, 0]
    top = 0
    for (words, color), rows in lines:
        for n, part in enumerate(wrapped(words, picture.shape[1] - 2 * margin, unit)[:rows]):
            ink.text(strip, margin, top + n * row, part, color, unit)
        top += rows * row
    return np.concatenate([picture, strip])


def panel(picture: Picture, lines: Sequence[Line], margin: int, unit: int) -> None:
    """Dim a picture, and write lines over it."""
    picture[:] = (picture * _DIM).astype(np.uint8)
    top = 2 * margin
    for words, color in lines:
        for part in wrapped(words, picture.shape[1] - 4 * margin, unit) or [""]:
            ink.text(picture, 2 * margin, top, part, color, unit)
            top += ink.LETTER[0] * unit + _GAP * unit


def wrapped(words: str, width: int, unit: int) -> list[str]:
    """Lines of at most a width, in pixels."""
    return textwrap.wrap(words, max(1, width // (ink.LETTER[1] * unit)))
