"""Figures of what an agent does."""

import pathlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def save_tiles(
    frames: Sequence[npt.NDArray[np.uint8]], labels: Sequence[int], named: Sequence[int], path: pathlib.Path
) -> None:
    """Draw episodes side by side, each under its true class and the one that was named; wrong ones in vermilion.

    Args:
        frames: of `GlimpseVectorEnv.render`, at the end of the episodes.
        labels: the true classes.
        named: the classes named.
        path: of the picture.
    """
    from matplotlib.figure import Figure

    columns = 4
    rows = -(-len(frames) // columns)
    figure = Figure(figsize=(16, 3.2 * rows), facecolor="white", layout="constrained")
    for n, (frame, label, name) in enumerate(zip(frames, labels, named, strict=True)):
        axes = figure.add_subplot(rows, columns, n + 1)
        axes.imshow(frame)
        axes.set_axis_off()
        axes.set_title(f"{label} read as {name}", color="black" if label == name else "#D55E00")
    figure.savefig(path, dpi=100)
