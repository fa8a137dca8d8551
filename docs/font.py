"""Draw the letters of ``glimpse_env/ink.py`` from DejaVu Sans Mono, which matplotlib brings: ``python docs/font.py``."""

import pathlib

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from glimpse_env.ink import LETTER

FONT = pathlib.Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSansMono.ttf"


def main() -> None:
    """Draw each printable letter of ASCII into a cell of its own."""
    font = ImageFont.truetype(str(FONT), 13)
    cells = []
    for code in range(32, 127):
        cell = Image.new("L", LETTER[::-1])
        ImageDraw.Draw(cell).text((0, 0), chr(code), fill=255, font=font)
        cells.append(np.asarray(cell))
    path = pathlib.Path(__file__).parents[1] / "glimpse_env" / "data" / "font" / "letters.npy"
    np.save(path, np.stack(cells))
    print(path, np.stack(cells).shape)


if __name__ == "__main__":
    main()
