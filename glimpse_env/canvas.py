"""What was seen so far, as a picture: each glimpse painted where it was taken, the sharpest view of a pixel kept.

A memory that needs no learning. It holds nothing that earlier glimpses of the episode did not show, and it costs the same in
a scene of any size: it is a window of the scene around the gaze, and moves with it.
"""

import numpy as np
import numpy.typing as npt

from glimpse_env.jit import jit
from glimpse_env.retina import Retina, corners

SCENE = "scene"


class Canvas:
    """B canvases of C + 1 channels: the pixels in [0, 1], and how sharply each was seen.

    Sharpness is 1 for the finest scale, 1 over the side of a cell for coarser ones, and 0 for what was never seen. A view as
    sharp as an older one, or sharper, is painted over it.

    Args:
        num_envs: B.
        scene_shape: (H, W, C).
        retina: what takes the glimpses.
        size: S, the side of a window around the gaze, in pixels of the scene; or "scene", for the whole of it.
    """

    def __init__(self, num_envs: int, scene_shape: tuple[int, int, int], retina: Retina, size: int | str) -> None:
        H, W, C = scene_shape
        self._scene = (H, W)
        self._follows = size != SCENE
        window = (int(size), int(size)) if self._follows else (H, W)
        self.shape = (C + 1, *window)
        self._retina = retina
        self._sizes = np.array([*retina.sizes, window[0]])
        self._canvases = np.zeros((num_envs, *self.shape), np.float32)
        self._corners = np.zeros((num_envs, 2), np.int64)

    def clear(self, rows: npt.NDArray[np.int64]) -> None:
        """Forget what was seen in some rows."""
        self._canvases[rows] = 0

    def paint(self, glimpses: npt.NDArray[np.float32], fixations: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Move the windows to the gaze and add the glimpses; to add one twice changes nothing.

        Args:
            glimpses: (B, K*C, G, G) float32 in [0, 1].
            fixations: (B, 2) float32 in [-1, 1], where they were taken.

        Returns:
            (B, C + 1, S, S) float32 in [0, 1], a new array; (B, C + 1, H, W) for the whole scene.
        """
        found = corners(fixations, self._sizes, *self._scene)
        windows = found[:, -1] if self._follows else np.zeros_like(self._corners)
        painted = np.empty_like(self._canvases)
        _paint(
            self._canvases,
            windows - self._corners,
            glimpses,
            found[:, :-1] - windows[:, None],
            self._retina.scale_factor,
            painted,
        )
        self._canvases, self._corners = painted, windows
        return painted.copy()


@jit
def _paint(
    canvases: npt.NDArray[np.float32],
    moves: npt.NDArray[np.int64],
    glimpses: npt.NDArray[np.float32],
    corners: npt.NDArray[np.int64],
    scale_factor: int,
    painted: npt.NDArray[np.float32],
) -> None:
    """Fill painted from canvases, moved, and from glimpses whose squares have their corners (B, K, 2) in the new windows."""
    B, channels, height, width = painted.shape
    C = channels - 1
    K = corners.shape[1]
    G = glimpses.shape[2]
    wide = np.empty((C, width), np.float32)
    for b in range(B):
        dx, dy = moves[b, 0], moves[b, 1]
        first, last = min(max(0, -dx), width), max(min(width, width - dx), 0)
        for c in range(channels):
            for y in range(height):
                for x in range(width):
                    painted[b, c, y, x] = 0
                if 0 <= y + dy < height:
                    for x in range(first, last):
                        painted[b, c, y, x] = canvases[b, c, y + dy, x + dx]
        for k in range(K - 1, -1, -1):
            cell = scale_factor**k
            sharpness = np.float32(1 / cell)
            left, top = corners[b, k, 0], corners[b, k, 1]
            first, last = max(0, left), min(width, left + G * cell)
            for i in range(G):
                begin, end = max(0, top + i * cell), min(height, top + (i + 1) * cell)
                if begin >= end:
                    continue
                for c in range(C):  # a row of cells, as wide as their pixels
                    for j in range(G):
                        value = glimpses[b, k * C + c, i, j]
                        for x in range(max(first, left + j * cell), min(last, left + (j + 1) * cell)):
                            wide[c, x] = value
                for y in range(begin, end):
                    for c in range(C):
                        for x in range(first, last):
                            fresh = painted[b, C, y, x] <= sharpness
                            painted[b, c, y, x] = wide[c, x] if fresh else painted[b, c, y, x]
                    for x in range(first, last):
                        painted[b, C, y, x] = max(painted[b, C, y, x], sharpness)
