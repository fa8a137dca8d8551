"""Kernels for square patches: place them, look through them, and paint them back. `retina` explains the arithmetic."""

import numpy as np
import numpy.typing as npt

from glimpse_env.jit import jit

_LINE = 64  # bytes of a cache line
_CACHED = 2**21  # bytes of scenes that stay in a cache
SUMMED = 8  # cells of this many pixels a side or more are read from sums along columns, if there are any


@jit
def _corner(coordinate: float, extent: int, size: int) -> int:
    """The pixel corner nearest to the start of a span of size pixels around a coordinate in [-1, 1] of an axis."""
    return int(np.floor((np.float64(coordinate) + 1.0) * 0.5 * extent - 0.5 * size + 0.5))


@jit
def corners(locations: npt.NDArray[np.float32], sizes: npt.NDArray[np.int64], height: int, width: int) -> npt.NDArray[np.int64]:
    """Find the top-left pixels (x, y) of squares around locations (B, 2), of n sizes (n,) in pixels: (B, n, 2) int64."""
    found = np.empty((len(locations), len(sizes), 2), np.int64)
    for b in range(len(locations)):
        for n in range(len(sizes)):
            found[b, n, 0] = _corner(locations[b, 0], width, sizes[n])
            found[b, n, 1] = _corner(locations[b, 1], height, sizes[n])
    return found


@jit
def within(values: npt.NDArray[np.int64], least: int, most: int) -> bool:
    """Whether all values (B,) lie in [least, most]."""
    return bool(np.all((values >= least) & (values <= most)))


@jit(inline="always")
def _average(columns, patch_row, channel, num_channels, cell, norm):  # type: ignore[no-untyped-def]
    """Average cells of column sums into one row of a patch."""
    for j in range(np.uintp(len(patch_row))):
        total = np.uint32(0)
        for m in range(np.uintp(cell)):
            total += columns[(j * np.uintp(cell) + m) * np.uintp(num_channels) + np.uintp(channel)]
        patch_row[j] = np.float32(total) / norm


@jit(inline="always")
def _touch(values, top, bottom, step, start, stop):  # type: ignore[no-untyped-def]
    """Read a bit of each cache line in every step-th row: memory then delivers them at once, rather than one after another."""
    seen = np.int64(0)
    last = len(values) - 1
    for y in range(top, bottom + 1, step):
        row = values[np.uintp(min(max(y, 0), last))]
        for n in range(start, stop, np.uintp(_LINE // values.itemsize)):
            seen ^= np.int64(row[n])
        if stop > start:
            seen ^= np.int64(row[stop - np.uintp(1)])
    return seen


@jit(inline="always")
def _add_rows(columns, start, scene, above, below, source, width):  # type: ignore[no-untyped-def]
    """Add rows [above, below) of a scene (H, W*C) to columns[start : start + width]."""
    for y in range(above, below):
        for n in range(width):
            columns[start + n] += scene[y, source + n]


@jit(error_model="numpy")
def look(
    scenes: npt.NDArray[np.uint8],
    locations: npt.NDArray[np.float32],
    zooms: npt.NDArray[np.int64] | None,
    sums: npt.NDArray[np.uint16] | None,
    glimpses: npt.NDArray[np.float32],
    num_scales: int,
    scale_factor: int,
) -> None:
    """Fill glimpses (B, K*C, G, G) from scenes (B, H, W*C): sum the rows of a cell, then its columns.

    The finest cells of scene b have zooms[b] pixels a side; None for 1. Sums are those of `sums.ColumnSums`, or None. What is
    None is compiled without its code, so `is None` stands alone. Indices are unsigned: checks for negative ones would keep the
    loops from being vectorized.
    """
    B, H, WC = scenes.shape
    C = glimpses.shape[1] // num_scales
    G = glimpses.shape[2]
    W = WC // C
    widest = G * scale_factor ** (num_scales - 1)
    if zooms is not None:
        widest *= zooms.max()
    columns = np.empty(widest * C, np.uint16)
    touched = np.empty(1, np.int64)  # keeps the compiler from leaving out what is read for nothing
    far = scenes.size > _CACHED
    for b in range(np.uintp(B)):
        around = False  # whether the pixels around the location are in the cache
        for k in range(num_scales - 1, -1, -1):  # the widest first: it brings what the others read
            cell = scale_factor**k
            if zooms is not None:
                cell *= zooms[b]
            summed = False
            if sums is not None:
                summed = cell >= SUMMED
            size = G * cell
            left = _corner(locations[b, 0], W, size)
            top = _corner(locations[b, 1], H, size)
            # The part of the square's width that lies in the scene: [start, start + width) of its row of size * C values.
            inside = min(max(0, -left), size)
            start = np.uintp(inside * C)
            width = np.uintp(max(0, min(W - left, size) - inside) * C)
            source = np.uintp((left + inside) * C)
            norm = np.float32(255 * cell * cell)
            if far and not (around or summed):
                touched[0] = _touch(scenes[b], top, top + size - 1, 1, source, source + width)
                around = True
            if sums is not None:  # noqa: SIM102
                if far and summed:
                    touched[0] = _touch(sums[b], top, top + size, cell, source, source + width)
            for i in range(np.uintp(G)):
                for n in range(np.uintp(size * C)):
                    columns[n] = 0
                first = top + np.intp(i) * cell
                above, below = np.uintp(max(0, first)), np.uintp(max(0, min(H, first + cell)))
                if sums is None:  # noqa: SIM114
                    _add_rows(columns, start, scenes[b], above, below, source, width)
                elif not summed:
                    _add_rows(columns, start, scenes[b], above, below, source, width)
                else:
                    above = min(above, below)  # where the cell lies below the scene
                    for n in range(width):
                        difference = np.int64(sums[b, below, source + n]) - np.int64(sums[b, above, source + n])
                        columns[start + n] = np.uint16(difference & 0xFFFF)
                for c in range(C):
                    row = glimpses[b, np.uintp(k * C + c), i]
                    # Constants for the usual cells let the compiler unroll their sums.
                    if cell == 1:
                        _average(columns, row, c, C, 1, norm)
                    elif cell == 2:
                        _average(columns, row, c, C, 2, norm)
                    elif cell == 4:
                        _average(columns, row, c, C, 4, norm)
                    else:
                        _average(columns, row, c, C, cell, norm)


@jit
def project(
    glimpses: npt.NDArray[np.float32],
    locations: npt.NDArray[np.float32],
    zooms: npt.NDArray[np.int64] | None,
    H: int,
    W: int,
    corners: npt.NDArray[np.int64],
    scale_factor: int,
    shown: npt.NDArray[np.float32],
) -> None:
    """Fill windows (B, C + 1, h, w) of zeros at corners (B, 2) of scenes H x W; finer patches cover coarser ones."""
    B, channels, height, width = shown.shape
    C, G = channels - 1, glimpses.shape[2]
    K = glimpses.shape[1] // C
    for b in range(B):
        for k in range(K - 1, -1, -1):
            cell = scale_factor**k
            if zooms is not None:
                cell *= zooms[b]
            left = _corner(locations[b, 0], W, G * cell) - corners[b, 0]
            top = _corner(locations[b, 1], H, G * cell) - corners[b, 1]
            first, last = max(0, left), min(width, left + G * cell)
            if first >= last:
                continue
            for i in range(G):
                begin, end = max(0, top + i * cell), min(height, top + (i + 1) * cell)
                if begin >= end:
                    continue
                for c in range(C):  # fill one row of pixels, then copy it to the others
                    for j in range(G):
                        value = glimpses[b, k * C + c, i, j]
                        for x in range(max(first, left + j * cell), min(last, left + (j + 1) * cell)):
                            shown[b, c, begin, x] = value
                for x in range(first, last):
                    shown[b, C, begin, x] = np.float32(1 / cell)
                for c in range(channels):
                    for y in range(begin + 1, end):
                        for x in range(first, last):
                            shown[b, c, y, x] = shown[b, c, begin, x]
