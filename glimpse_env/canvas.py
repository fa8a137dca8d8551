"""A picture of everything seen: each glimpse is painted where it was taken, and each pixel keeps its sharpest view.

A memory that needs no learning. It holds only what the episode's glimpses showed. It is a window that moves with the gaze, so
its cost does not depend on the size of the scene.
"""

import numpy as np
import numpy.typing as npt

from glimpse_env.inputs import SCENE
from glimpse_env.jit import jit
from glimpse_env.patches import corners
from glimpse_env.retina import RetinaLike


class Canvas:
    """B canvases of C + 1 channels: the pixels in [0, 1], and their sharpness, see `RetinaLike.project`.

    A new view replaces an older one that is not sharper.

    Args:
        num_envs: B.
        scene_shape: (H, W, C).
        retina: the glimpse sensor.
        size: S, the side of the window around the gaze, in scene pixels; or "scene" for the whole scene.
    """

    def __init__(self, num_envs: int, scene_shape: tuple[int, int, int], retina: RetinaLike, size: int | str) -> None:
        H, W, C = scene_shape
        self._scene_size = (H, W)
        self._follows = size != SCENE
        self._window = (int(size), int(size)) if self._follows else (H, W)
        self.shape = (C + 1, *self._window)
        self._retina = retina
        self._canvases = np.zeros((num_envs, *self.shape), np.float32)
        self._corners = np.zeros((num_envs, 2), np.int64)

    def clear(self, rows: npt.NDArray[np.int64]) -> None:
        """Clear some rows."""
        self._canvases[rows] = 0

    def paint(
        self, glimpses: npt.NDArray[np.float32], fixations: npt.NDArray[np.float32], **zooms: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float32]:
        """Move the windows to the gaze and paint the glimpses; painting one twice changes nothing.

        Args:
            glimpses: ``(B, *retina.shape(C))`` float32 in [0, 1].
            fixations: (B, 2) float32 in [-1, 1], where the glimpses were taken.
            zooms: if the retina zooms, ``zooms`` (B,) int64, at which the glimpses were taken.

        Returns:
            (B, C + 1, S, S) float32 in [0, 1], a new array; (B, C + 1, H, W) for the whole scene.
        """
        moved = self._corners
        if self._follows:
            moved = corners(fixations, np.array(self._window[:1]), *self._scene_size)[:, 0]
        shown = self._retina.project(glimpses, fixations, self._scene_size, moved, self._window, **zooms)
        _keep_the_sharpest(self._canvases, moved - self._corners, shown)
        self._canvases, self._corners = shown, moved
        return shown.copy()


@jit
def _keep_the_sharpest(canvases: npt.NDArray[np.float32], moves: npt.NDArray[np.int64], shown: npt.NDArray[np.float32]) -> None:
    """Copy the canvases into windows (B, C + 1, h, w), moved by (B, 2) pixels, where the canvases are sharper."""
    B, channels, height, width = shown.shape
    C = np.uintp(channels - 1)  # unsigned, like all inner indices: see `patches.look`
    lead = np.empty(width, np.float32)  # a loop that writes the row it compares would not be vectorized
    for b in range(np.uintp(B)):
        dx, dy = moves[b, 0], moves[b, 1]
        first, last = min(max(0, -dx), width), max(min(width, width - dx), 0)
        start, source, n = np.uintp(first), np.uintp(first + dx), np.uintp(max(0, last - first))
        for row in range(max(0, -dy), min(height, height - dy)):
            y, from_y = np.uintp(row), np.uintp(row + dy)
            for x in range(n):
                lead[x] = canvases[b, C, from_y, source + x] - shown[b, C, y, start + x]
            for c in range(np.uintp(channels)):
                for x in range(n):
                    old, new = canvases[b, c, from_y, source + x], shown[b, c, y, start + x]
                    shown[b, c, y, start + x] = old if lead[x] > 0 else new
