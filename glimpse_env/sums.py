"""Sums along the columns of still scenes, made once an episode, so that a glimpse need not read all pixels of wide patches.

``sums[b, y]`` are the sums of the first y rows of scene b. The sum of a column from row y to row z is the difference of two
numbers, so a coarse scale reads G + 1 rows of a scene rather than all of them. A sum is kept modulo 2**16: a difference over at
most 256 rows of bytes is exact.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from glimpse_env.jit import jit
from glimpse_env.patches import SUMMED
from glimpse_env.retina import Retina, RetinaLike
from glimpse_env.threads import in_threads
from glimpse_env.worlds import Scenery

_LARGE = 2**16  # pixels of a scene: smaller ones stay in a cache, where reading is cheap
_TIMES_READ = 2, 10  # how often the pixels of a large scene, or of a smaller one, are read in the time that its sums take


class ColumnSums:
    """The sums of a batch of scenes.

    Args:
        scenes: (B, H, W, C) uint8.
        num_threads: the number of threads that share the batch.

    Attributes:
        sums: (B, H + 1, W*C) uint16.
    """

    def __init__(self, scenes: npt.NDArray[np.uint8], num_threads: int) -> None:
        B, H, W, C = scenes.shape
        self.sums = np.zeros((B, H + 1, W * C), np.uint16)
        self._scenes = scenes  # not a view: a copy of an environment keeps the identity of objects
        self._num_threads = num_threads

    def update(self, rows: npt.NDArray[np.int64]) -> None:
        """Sum some scenes (b,) anew."""
        B, H, width = self.sums.shape[0], self._scenes.shape[1], self.sums.shape[2]
        in_threads(self._num_threads, _add_up, rows, shared=(self._scenes.reshape(B, H, width), self.sums))


def make_sums(world: Scenery, retina: RetinaLike, zooms: Sequence[int], num_threads: int) -> ColumnSums | None:
    """Make the sums of a world's scenes, if they save time; otherwise return None. Glimpses are the same.

    Args:
        world: the scenes.
        retina: the glimpse sensor.
        zooms: the zooms of its glimpses, used equally often.
        num_threads: the number of threads that share the batch.
    """
    _, H, W, _ = world.scenes.shape
    if not (world.still and isinstance(retina, Retina)):
        return None
    scales = [(size, size // retina.patch_size) for zoom in zooms for size in retina.zoomed(zoom).sizes]
    pixels = sum(min(size, H) * min(size, W) for size, cell in scales if cell >= SUMMED) / len(zooms)
    saves = pixels * (world.task.num_glimpses or 0) > _TIMES_READ[H * W < _LARGE] * H * W
    return ColumnSums(world.scenes, num_threads) if saves else None


@jit
def _add_up(rows: npt.NDArray[np.int64], scenes: npt.NDArray[np.uint8], sums: npt.NDArray[np.uint16]) -> None:
    """Fill some rows of sums (B, H + 1, W*C) from scenes (B, H, W*C)."""
    _, H, width = scenes.shape
    total = np.empty(width, np.uint16)  # a loop that reads the array that it writes would not be vectorized
    for row in rows:
        total[:] = 0
        for y in range(np.uintp(H)):
            below = sums[row, y + np.uintp(1)]
            for x in range(np.uintp(width)):
                total[x] = np.uint16((np.int64(total[x]) + np.int64(scenes[row, y, x])) & 0xFFFF)
                below[x] = total[x]
