"""Figures of what an agent does."""

import pathlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def save_tiles(
    frames: Sequence[npt.NDArray[np.uint8]], titles: Sequence[str], good: Sequence[bool], path: pathlib.Path
) -> None:
    """Draw episodes side by side, each under its title, in vermilion where it went wrong.

    Args:
        frames: of `GlimpseVectorEnv.render`, at the end of the episodes.
        titles: one each.
        good: whether each went well.
        path: of the picture.
    """
    from matplotlib.figure import Figure

    columns = 4
    rows = -(-len(frames) // columns)
    figure = Figure(figsize=(16, 3.2 * rows), facecolor="white", layout="constrained")
    for n, (frame, title, well) in enumerate(zip(frames, titles, good, strict=True)):
        axes = figure.add_subplot(rows, columns, n + 1)
        axes.imshow(frame)
        axes.set_axis_off()
        axes.set_title(title, color="black" if well else "#D55E00")
    figure.savefig(path, dpi=100)
