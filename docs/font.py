"""Draw the letters of ``glimpse_env/ink.py`` from DejaVu Sans Mono, which matplotlib brings: ``python docs/font.py``."""

import pathlib

import matplotlib
import numpy as np
from matplotlib.ft2font import FT2Font
from PIL import Image, ImageDraw, ImageFont

from glimpse_env.ink import FIRST, LETTER

FONT = pathlib.Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSansMono.ttf"
LAST = 0x52F  # of Cyrillic


def main() -> None:
    """Draw each letter from the space on into a cell of its own; "?" for those that the font lacks."""
    font = ImageFont.truetype(str(FONT), 13)
    known = FT2Font(str(FONT)).get_charmap()
    cells = []
    for code in range(FIRST, LAST + 1):
        cell = Image.new("L", LETTER[::-1])
        ImageDraw.Draw(cell).text((0, 0), chr(code) if code in known else "?", fill=255, font=font)
        cells.append(np.asarray(cell))
    path = pathlib.Path(__file__).parents[1] / "glimpse_env" / "data" / "font" / "letters.npy"
    np.save(path, np.stack(cells))
    print(path, np.stack(cells).shape)


if __name__ == "__main__":
    main()
