"""A retina like that of the eye: rings and wedges around the fixation, finer toward its center.

After Schwartz, *Computational anatomy and functional architecture of striate cortex*, Vision Research 20 (1980): the cortex
maps the world by the logarithm of the distance from the fixation, and by the angle. Scaling or rotating a scene around the
fixation shifts such a glimpse along its axes.

The cell of a pixel. The fixation is the pixel corner nearest to the location (halves go right and down, as in `Retina`). A
pixel belongs to the cell that contains its center. With distances r in pixels, ring 0 is r < fovea, and ring n > 0 ends at
``fovea * (radius / fovea) ** (n / (num_rings - 1))``, so the last ring ends at the radius. Wedge 0 begins on the right; the
wedges go clockwise, 360 degrees / num_wedges each. A pixel center on a border (to 1e-9) belongs to the outer ring or the next
wedge. The value of a cell is the mean of its pixels; pixels outside the scene are 0. A cell that contains no pixel center
takes the pixel at its own center: halfway between its two radii and its two angles.
"""

import dataclasses
import functools

import numpy as np
import numpy.typing as npt

from glimpse_env import inputs, patches
from glimpse_env.jit import jit
from glimpse_env.retina import check_look
from glimpse_env.threads import in_threads

_MOST = 2**10  # the largest num_rings, num_wedges and radius
_SLACK = 1e-9  # points this close to a border lie on it, in pixels


@dataclasses.dataclass(frozen=True)
class LogPolarRetina:
    """One patch of num_rings x num_wedges cells around the location; its rows are rings, innermost first.

    Args:
        num_rings: R, at least 2.
        num_wedges: V, at least 1.
        radius: the radius of the outermost ring, in scene pixels, at least 1.
        fovea: the radius of the innermost ring, a disc, in scene pixels; above 0 and below ``radius``.

    Raises:
        ValueError: an argument is out of range; the message names it.
    """

    num_rings: int
    num_wedges: int
    radius: int
    fovea: float = 1.0

    def __post_init__(self) -> None:
        """Check the arguments."""
        for name, least in (("num_rings", 2), ("num_wedges", 1), ("radius", 1)):
            object.__setattr__(self, name, inputs.integer(name, getattr(self, name), least, _MOST))
        object.__setattr__(self, "fovea", inputs.number("fovea", self.fovea, 0, self.radius))
        if self.fovea in (0, self.radius):
            raise ValueError(f"fovea must be above 0 and below radius={self.radius}, got {self.fovea}.")

    @property
    def sizes(self) -> list[int]:
        """The side of the square around all rings, in scene pixels."""
        return [2 * self.radius]

    def shape(self, num_channels: int) -> tuple[int, int, int]:
        """The shape (C, R, V) of a glimpse of scenes of C channels."""
        return num_channels, self.num_rings, self.num_wedges

    def __call__(
        self, scenes: npt.NDArray[np.uint8], locations: npt.NDArray[np.float32], num_threads: int = 1
    ) -> npt.NDArray[np.float32]:
        """Look at each scene once.

        Args:
            scenes: (B, H, W, C) uint8, C-contiguous.
            locations: (B, 2) float32, (x, y) in [-1, 1].
            num_threads: number of threads that share the batch; it does not change the result.

        Returns:
            (B, C, R, V) float32 in [0, 1], a new array.

        Raises:
            ValueError: an array has the wrong shape or dtype.
        """
        check_look(scenes, locations)
        glimpses = np.empty((len(scenes), *self.shape(scenes.shape[3])), np.float32)
        corners = self._corners(locations, *scenes.shape[1:3])
        in_threads(num_threads, _look, scenes, corners, glimpses, shared=self._cells)
        return glimpses

    def project(
        self,
        glimpses: npt.NDArray[np.float32],
        locations: npt.NDArray[np.float32],
        scene_size: tuple[int, int],
        corners: npt.NDArray[np.int64],
        window: tuple[int, int],
    ) -> npt.NDArray[np.float32]:
        """Paint glimpses back, see `RetinaLike.project`; all cells of a ring are equally sharp."""
        shown = np.zeros((len(glimpses), glimpses.shape[1] + 1, *window), np.float32)
        _project(glimpses, self._corners(locations, *scene_size) - corners, self._cells[0], self._sharpness, shown)
        return shown

    def _corners(self, locations: npt.NDArray[np.float32], height: int, width: int) -> npt.NDArray[np.int64]:
        """The top-left pixels (x, y) of the squares around all rings: (B, 2)."""
        found: npt.NDArray[np.int64] = patches.corners(locations, np.array(self.sizes), height, width)[:, 0]
        return found

    @functools.cached_property
    def _edges(self) -> npt.NDArray[np.float64]:
        """The outer radius of each ring: (R,)."""
        return np.geomspace(self.fovea, self.radius, self.num_rings)

    @functools.cached_property
    def _sharpness(self) -> npt.NDArray[np.float32]:
        """1 over the side of a square with the area of a cell of each ring, at most 1: (R,)."""
        areas = np.pi * np.diff(self._edges**2, prepend=0) / self.num_wedges
        return (1 / np.sqrt(np.maximum(areas, 1))).astype(np.float32)

    @functools.cached_property
    def _cells(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Assign pixels to cells.

        Returns:
            The cell of each pixel (2 radius, 2 radius), -1 for none; the number of pixels of each cell (R*V,); and the row and
            column of the pixel that the cell takes if it has none (R*V, 2).
        """
        R, V, radius = self.num_rings, self.num_wedges, self.radius
        y, x = np.mgrid[: 2 * radius, : 2 * radius] + 0.5 - radius
        rings = np.searchsorted(self._edges, np.hypot(x, y) + _SLACK, side="right")
        wedges = np.floor(np.arctan2(y, x) / (2 * np.pi) % 1 * V + _SLACK).astype(np.int64) % V
        cells = np.where(rings < R, rings * V + wedges, -1)
        counts = np.bincount(cells[cells >= 0], minlength=R * V)
        middles = (self._edges + np.concatenate([[0], self._edges[:-1]])) / 2
        angles = (np.arange(V) + 0.5) / V * 2 * np.pi
        points = np.stack([np.outer(middles, np.sin(angles)), np.outer(middles, np.cos(angles))], axis=-1).reshape(-1, 2)
        return cells, counts, np.floor(points + radius + _SLACK).astype(np.int64)


@jit
def _look(
    scenes: npt.NDArray[np.uint8],
    corners: npt.NDArray[np.int64],
    glimpses: npt.NDArray[np.float32],
    cells: npt.NDArray[np.int64],
    counts: npt.NDArray[np.int64],
    alone: npt.NDArray[np.int64],
) -> None:
    """Fill glimpses (B, C, R, V) from scenes (B, H, W, C); corners (B, 2) are those of the squares around all rings."""
    B, H, W, C = scenes.shape
    V = glimpses.shape[3]
    side = len(cells)
    totals = np.empty((len(counts), C), np.int64)
    for b in range(B):
        left, top = corners[b, 0], corners[b, 1]
        totals[:] = 0
        for i in range(max(0, -top), min(side, H - top)):
            for j in range(max(0, -left), min(side, W - left)):
                cell = cells[i, j]
                if cell >= 0:
                    for c in range(C):
                        totals[cell, c] += scenes[b, top + i, left + j, c]
        for cell in range(len(counts)):
            count, y, x = counts[cell], top + alone[cell, 0], left + alone[cell, 1]
            for c in range(C):
                total = totals[cell, c]
                if count == 0 and 0 <= y < H and 0 <= x < W:
                    total = np.int64(scenes[b, y, x, c])
                glimpses[b, c, cell // V, cell % V] = total / (255 * max(count, 1))


@jit
def _project(
    glimpses: npt.NDArray[np.float32],
    corners: npt.NDArray[np.int64],
    cells: npt.NDArray[np.int64],
    sharpness: npt.NDArray[np.float32],
    shown: npt.NDArray[np.float32],
) -> None:
    """Fill windows (B, C + 1, h, w) of zeros; corners (B, 2) place the squares around all rings in them."""
    B, channels, height, width = shown.shape
    V, side = glimpses.shape[3], len(cells)
    for b in range(B):
        left, top = corners[b, 0], corners[b, 1]
        for i in range(max(0, -top), min(side, height - top)):
            for j in range(max(0, -left), min(side, width - left)):
                cell = cells[i, j]
                if cell >= 0:
                    for c in range(channels - 1):
                        shown[b, c, top + i, left + j] = glimpses[b, c, cell // V, cell % V]
                    shown[b, channels - 1, top + i, left + j] = sharpness[cell // V]
