"""The glimpse sensor: scenes and locations in, foveated patches out (Mnih et al. 2014, section 3.1).

The pixel arithmetic, in one place. A location (x, y) in [-1, 1]^2 falls on the point ((x + 1) / 2 * W, (y + 1) / 2 * H) of
the scene, measured in pixels from the outer corner of its top-left pixel: (-1, -1) is that corner, (0, 0) the middle of the
scene, (1, 1) the outer corner of its bottom-right pixel. Scale k looks at a square of ``size = patch_size * scale_factor**k``
pixels whose top-left corner is the pixel corner nearest to ``point - size / 2`` (halves go right and down). So an even
patch is centered on the pixel corner nearest to the point, an odd one on the pixel that holds the point. Each square is
averaged over cells of ``scale_factor**k`` pixels a side, down to patch_size x patch_size. Pixels outside the scene are 0. At a
zoom of z, all squares and cells are z times as wide.
"""

import dataclasses
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from glimpse_env import inputs, patches
from glimpse_env.threads import in_threads

_UINT8, _UINT16, _INT64, _FLOAT32 = map(np.dtype, (np.uint8, np.uint16, np.int64, np.float32))  # compared at each look
_MAX_SIZE = 2**15  # the largest patch_size, num_scales and scale_factor
MAX_CELL = 256  # a column of cell pixels is summed in uint16: 256 * 255 < 2**16


@runtime_checkable
class RetinaLike(Protocol):
    """The interface of a glimpse sensor, for ``retina=``: `Retina`, `LogPolarRetina`, or your own.

    A glimpse is K patches of h x w values for each of the C channels of a scene. Each value is the mean of some pixels of the
    scene, around the location where the glimpse was taken. A retina keeps no state, and can be pickled and copied.
    """

    @property
    def sizes(self) -> Sequence[int]:
        """The side of the square that each patch sees, in scene pixels: (K,), finest first."""

    def shape(self, num_channels: int) -> tuple[int, int, int]:
        """The shape (K*C, h, w) of a glimpse of scenes of C channels, patch by patch."""

    def __call__(
        self, scenes: npt.NDArray[np.uint8], locations: npt.NDArray[np.float32], num_threads: int = 1
    ) -> npt.NDArray[np.float32]:
        """Look at scenes (B, H, W, C) at locations (B, 2): glimpses (B, *shape(C)) in [0, 1], see `Retina`."""

    def project(
        self,
        glimpses: npt.NDArray[np.float32],
        locations: npt.NDArray[np.float32],
        scene_size: tuple[int, int],
        corners: npt.NDArray[np.int64],
        window: tuple[int, int],
    ) -> npt.NDArray[np.float32]:
        """Paint glimpses back onto windows of their scenes, for canvases and pictures.

        Args:
            glimpses: ``(B, *shape(C))`` float32 in [0, 1].
            locations: (B, 2) float32 in [-1, 1], where the glimpses were taken.
            scene_size: (H, W) of the scenes.
            corners: (B, 2) int64, the top-left pixel (x, y) of each window, which may reach beyond the scene.
            window: (h, w) of the windows.

        Returns:
            (B, C + 1, h, w) float32 in [0, 1], a new array. The first C channels hold the value of each pixel in the sharpest
            patch that contains it; the last holds its sharpness: 1 over the side of a square with the area that the value
            averages. Pixels that no patch contains are 0 in all channels.
        """


@runtime_checkable
class ZoomingRetina(RetinaLike, Protocol):
    """A glimpse sensor that zooms, for ``zooms=``, such as `Retina`.

    ``__call__`` and ``project`` also take ``zooms`` (B,) int64, the zoom of each glimpse.
    """

    def zoomed(self, zoom: int) -> RetinaLike:
        """The same sensor with all squares ``zoom`` times as wide, averaged to as many values."""


@dataclasses.dataclass(frozen=True)
class Retina:
    """K concentric square patches, each scale_factor times as wide as the one before, averaged to patch_size x patch_size.

    Args:
        patch_size: G, the pixels a side of each patch, at least 1.
        num_scales: K, the number of patches, at least 1. The finest shows the scene at full resolution.
        scale_factor: the ratio of the widths of successive patches, at least 2.
        zoom: the pixels a side of the finest cells, at least 1: all patches are this many times as wide.

    Raises:
        ValueError: a size is below its minimum or above 32,768, or the coarsest cell has more than 256 pixels a side.
    """

    patch_size: int = 8
    num_scales: int = 1
    scale_factor: int = 2
    zoom: int = 1

    def __post_init__(self) -> None:
        """Check the sizes."""
        for name, least in (("patch_size", 1), ("num_scales", 1), ("scale_factor", 2), ("zoom", 1)):
            object.__setattr__(self, name, inputs.integer(name, getattr(self, name), least, _MAX_SIZE))
        cell = self.zoom * self.scale_factor ** min(self.num_scales - 1, 9)  # the ninth power is always above 256
        if cell > MAX_CELL:
            zoomed, remedy = (f" and zoom={self.zoom}", ", or smaller zooms") if self.zoom > 1 else ("", "")
            raise ValueError(
                f"num_scales={self.num_scales} with scale_factor={self.scale_factor}{zoomed} averages cells of {cell} or more "
                f"pixels a side, above the limit of {MAX_CELL}: use fewer scales or a smaller scale_factor{remedy}."
            )

    @property
    def sizes(self) -> list[int]:
        """The side of the square that each scale sees, in scene pixels, finest first."""
        return [self.patch_size * self.zoom * self.scale_factor**k for k in range(self.num_scales)]

    def zoomed(self, zoom: int) -> "Retina":
        """The same retina with all squares ``zoom`` times as wide; errors as in the class."""
        return dataclasses.replace(self, zoom=self.zoom * inputs.integer("zoom", zoom, 1, _MAX_SIZE))

    def shape(self, num_channels: int) -> tuple[int, int, int]:
        """The shape (K*C, G, G) of a glimpse of scenes of C channels."""
        return self.num_scales * num_channels, self.patch_size, self.patch_size

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
        found: npt.NDArray[np.int64] = patches.corners(locations, np.array(self.sizes), height, width).squeeze(0)
        return found

    def __call__(
        self,
        scenes: npt.NDArray[np.uint8],
        locations: npt.NDArray[np.float32],
        num_threads: int = 1,
        zooms: npt.NDArray[np.int64] | None = None,
        sums: npt.NDArray[np.uint16] | None = None,
    ) -> npt.NDArray[np.float32]:
        """Look at each scene once.

        Args:
            scenes: (B, H, W, C) uint8, C-contiguous.
            locations: (B, 2) float32, (x, y) in [-1, 1].
            num_threads: number of threads that share the batch; it does not change the result.
            zooms: (B,) int64, at least 1, the zoom of each glimpse, see `zoomed`; None for 1.
            sums: (B, H + 1, W*C) uint16, those of the scenes' columns, see `sums.ColumnSums`; they do not change the result.

        Returns:
            (B, K*C, G, G) float32 in [0, 1], finest scale first, a new array.

        Raises:
            ValueError: an array has the wrong shape or dtype, or a zoom is below 1 or makes cells above 256 pixels.
        """
        check_look(scenes, locations)
        B, H, W, C = scenes.shape
        if sums is not None and (sums.shape != (B, H + 1, W * C) or sums.dtype != _UINT16):
            raise ValueError(f"sums must be {(B, H + 1, W * C)} uint16, got {sums.shape} {sums.dtype}: see sums.ColumnSums.")
        glimpses = np.empty((B, *self.shape(C)), np.float32)
        rows = scenes.reshape(B, H, W * C)
        batched = rows, locations, self._finest(B, zooms), sums, glimpses
        in_threads(num_threads, patches.look, *batched, shared=(self.num_scales, self.scale_factor))
        return glimpses

    def _finest(self, B: int, zooms: npt.NDArray[np.int64] | None) -> npt.NDArray[np.int64] | None:
        """Check the zooms: the pixels a side of the finest cells of each glimpse, (B,) int64, or None for 1."""
        if zooms is None:
            return None if self.zoom == 1 else np.full(B, self.zoom, np.int64)
        if zooms.shape != (B,) or zooms.dtype != _INT64:
            raise ValueError(f"zooms must be ({B},) int64, one a glimpse, got {zooms.shape} {zooms.dtype}: convert them.")
        most = MAX_CELL // (self.zoom * self.scale_factor ** (self.num_scales - 1))
        if not patches.within(zooms, 1, most):
            raise ValueError(
                f"zooms must lie in [1, {most}], where no cell of {self} has more than {MAX_CELL} pixels a side, got "
                f"{zooms.tolist()}."
            )
        return zooms if self.zoom == 1 else self.zoom * zooms

    def project(
        self,
        glimpses: npt.NDArray[np.float32],
        locations: npt.NDArray[np.float32],
        scene_size: tuple[int, int],
        corners: npt.NDArray[np.int64],
        window: tuple[int, int],
        zooms: npt.NDArray[np.int64] | None = None,
    ) -> npt.NDArray[np.float32]:
        """Paint glimpses back onto windows of their scenes, see `RetinaLike.project`; zooms and errors as in `__call__`."""
        shown = np.zeros((len(glimpses), glimpses.shape[1] // self.num_scales + 1, *window), np.float32)
        finest = self._finest(len(glimpses), zooms)
        patches.project(glimpses, locations, finest, *scene_size, corners, self.scale_factor, shown)
        return shown


def make_retina(retina: RetinaLike | None, scene_size: tuple[int, int], **sizes: int) -> RetinaLike:
    """Return the given retina, or the paper's with these sizes if it is None.

    Raises:
        ValueError: a size is out of range, a patch is bigger than the scene, or ``retina`` is not a retina.
    """
    if retina is None:
        retina = Retina(**sizes)
        if (size := retina.patch_size) > max(scene_size):
            raise ValueError(f"patch_size={size} is bigger than scene_size={scene_size}: make it smaller, or the scene larger.")
    if isinstance(retina, type) or not isinstance(retina, RetinaLike):
        raise ValueError(f"retina must be a Retina, a LogPolarRetina, or an object with their methods, got {retina!r}.")
    return retina


def check_look(scenes: npt.NDArray[np.uint8], locations: npt.NDArray[np.float32]) -> None:
    """Check arrays that a kernel would otherwise misread.

    Raises:
        ValueError: the shapes are not (B, H, W, C) and (B, 2), or the dtypes not uint8 and float32.
    """
    if scenes.ndim != 4 or scenes.dtype != _UINT8 or locations.shape != (len(scenes), 2) or locations.dtype != _FLOAT32:
        raise ValueError(
            f"scenes must be (B, H, W, C) uint8 and locations (B, 2) float32, got {scenes.shape} {scenes.dtype} "
            f"and {locations.shape} {locations.dtype}: convert them."
        )
