"""The glimpse sensor: scenes and locations in, foveated patches out (Mnih et al. 2014, section 3.1).

The pixel arithmetic, in one place. A location (x, y) in [-1, 1]^2 falls on the point ((x + 1) / 2 * W, (y + 1) / 2 * H) of
the scene, measured in pixels from the outer corner of its top-left pixel: (-1, -1) is that corner, (0, 0) the middle of the
scene, (1, 1) the outer corner of its bottom-right pixel. Scale k looks at a square of ``size = patch_size * scale_factor**k``
pixels whose top-left corner is the pixel corner nearest to ``point - size / 2`` (halves go right and down). So an even
patch is centred on the pixel corner nearest to the point, an odd one on the pixel that holds the point. Each square is
averaged over cells of ``scale_factor**k`` pixels a side, down to patch_size x patch_size. Outside the scene all is 0.
"""

import dataclasses

import numpy as np
import numpy.typing as npt

from glimpse_env.jit import jit
from glimpse_env.threads import in_threads

_UINT8, _FLOAT32 = np.dtype(np.uint8), np.dtype(np.float32)  # compared at each look: made once
_MAX_SIZE = 2**15  # of a patch; and of whatever else is counted here
_MAX_CELL = 256  # a column of cell pixels is summed in uint16: 256 * 255 < 2**16


@dataclasses.dataclass(frozen=True)
class Retina:
    """K concentric square patches, each scale_factor times as wide as the one before, all at patch_size x patch_size.

    Args:
        patch_size: G, the pixels a side of each patch, at least 1.
        num_scales: K, the number of patches, at least 1. The finest shows the scene at full resolution.
        scale_factor: how many times wider each next patch is, at least 2.

    Raises:
        ValueError: a size below its minimum or above 32,768, or a coarsest cell of more than 256 pixels a side.
    """

    patch_size: int
    num_scales: int = 1
    scale_factor: int = 2

    def __post_init__(self) -> None:
        """Refuse sizes that make no retina."""
        for name, least in (("patch_size", 1), ("num_scales", 1), ("scale_factor", 2)):
            value = getattr(self, name)
            if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < least:
                raise ValueError(f"{name} must be an integer of at least {least}, got {value!r}.")
            if value > _MAX_SIZE:
                raise ValueError(f"{name} must be at most {_MAX_SIZE}, got {value}.")
            object.__setattr__(self, name, int(value))  # NumPy's overflow
        cell = self.scale_factor ** min(self.num_scales - 1, 9)  # at most 256 by the eighth
        if cell > _MAX_CELL:
            raise ValueError(
                f"The coarsest of num_scales={self.num_scales} averages cells of {cell} or more pixels a side by "
                f"scale_factor={self.scale_factor}, the most is {_MAX_CELL}: take fewer scales or a smaller scale_factor."
            )

    @property
    def sizes(self) -> list[int]:
        """The side of the square that each scale sees, in scene pixels, finest first."""
        return [self.patch_size * self.scale_factor**k for k in range(self.num_scales)]

    def corners(self, location: npt.ArrayLike, height: int, width: int) -> npt.NDArray[np.int64]:
        """Find the top-left pixel (x, y) of each scale's square.

        Args:
            location: (2,) float, (x, y) in [-1, 1].
            height: H of the scene, in pixels.
            width: W of the scene, in pixels.

        Returns:
            (K, 2) int64, finest scale first; may lie outside the scene.
        """
        locations = np.asarray(location, np.float32)[np.newaxis]
        found: npt.NDArray[np.int64] = corners(locations, np.array(self.sizes), height, width).squeeze(0)
        return found

    def __call__(
        self, scenes: npt.NDArray[np.uint8], locations: npt.NDArray[np.float32], num_threads: int = 1
    ) -> npt.NDArray[np.float32]:
        """Look at each scene once.

        Args:
            scenes: (B, H, W, C) uint8, C-contiguous.
            locations: (B, 2) float32, (x, y) in [-1, 1].
            num_threads: how many threads share the batch; the result does not depend on it.

        Returns:
            (B, K*C, G, G) float32 in [0, 1], finest scale first, a new array.

        Raises:
            ValueError: arrays of other shapes or dtypes.
        """
        if scenes.ndim != 4 or scenes.dtype != _UINT8 or locations.shape != (len(scenes), 2) or locations.dtype != _FLOAT32:
            raise ValueError(
                f"scenes must be (B, H, W, C) uint8 and locations (B, 2) float32, got {scenes.shape} {scenes.dtype} "
                f"and {locations.shape} {locations.dtype}: convert them."
            )
        B, H, W, C = scenes.shape
        glimpses = np.empty((B, self.num_scales * C, self.patch_size, self.patch_size), np.float32)
        rows = scenes.reshape(B, H, W * C)
        in_threads(num_threads, _look, rows, locations, glimpses, shared=(self.num_scales, self.scale_factor))
        return glimpses


@jit
def _corner(coordinate: float, extent: int, size: int) -> int:
    """Pixel corner nearest to the edge of a span of size pixels around a coordinate in [-1, 1] of an extent."""
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


@jit(inline="always")
def _average(columns, patch_row, channel, num_channels, cell, norm):  # type: ignore[no-untyped-def]
    """Average cells of column sums into one row of a patch."""
    for j in range(np.uintp(len(patch_row))):
        total = np.uint32(0)
        for m in range(np.uintp(cell)):
            total += columns[(j * np.uintp(cell) + m) * np.uintp(num_channels) + np.uintp(channel)]
        patch_row[j] = np.float32(total) / norm


@jit(error_model="numpy")
def _look(
    scenes: npt.NDArray[np.uint8],
    locations: npt.NDArray[np.float32],
    glimpses: npt.NDArray[np.float32],
    num_scales: int,
    scale_factor: int,
) -> None:
    """Fill glimpses (B, K*C, G, G) from scenes (B, H, W*C): sum the rows of a cell, then its columns.

    Indices are unsigned so that no check for negative ones keeps the loops from being vectorised.
    """
    B, H, WC = scenes.shape
    C = glimpses.shape[1] // num_scales
    G = glimpses.shape[2]
    W = WC // C
    columns = np.empty(G * scale_factor ** (num_scales - 1) * C, np.uint16)
    for b in range(np.uintp(B)):
        cell = 1
        for k in range(num_scales):
            size = G * cell
            left = _corner(locations[b, 0], W, size)
            top = _corner(locations[b, 1], H, size)
            # The part of the square's width that lies in the scene: [start, start + width) of its row of size * C values.
            inside = min(max(0, -left), size)
            start = np.uintp(inside * C)
            width = np.uintp(max(0, min(W - left, size) - inside) * C)
            source = np.uintp((left + inside) * C)
            norm = np.float32(255 * cell * cell)
            for i in range(np.uintp(G)):
                for n in range(np.uintp(size * C)):
                    columns[n] = 0
                first = top + np.intp(i) * cell
                for y in range(np.uintp(max(0, first)), np.uintp(max(0, min(H, first + cell)))):  # type: ignore[arg-type]
                    for n in range(width):
                        columns[start + n] += scenes[b, y, source + n]
                for c in range(C):
                    row = glimpses[b, np.uintp(k * C + c), i]
                    # The usual cells as constants, so that their sums are unrolled.
                    if cell == 1:
                        _average(columns, row, c, C, 1, norm)
                    elif cell == 2:
                        _average(columns, row, c, C, 2, norm)
                    elif cell == 4:
                        _average(columns, row, c, C, 4, norm)
                    else:
                        _average(columns, row, c, C, cell, norm)
            cell *= scale_factor
