"""Pictures of what one glimpse shows of a scene, from `RetinaLike.project`."""

import numpy as np
import numpy.typing as npt

from glimpse_env.ink import Color, Picture
from glimpse_env.retina import RetinaLike

_UNSEEN = 56


def foveate(
    glimpse: npt.NDArray[np.float32], retina: RetinaLike, location: npt.NDArray[np.float32], height: int, width: int
) -> npt.NDArray[np.uint8]:
    """Paint a glimpse where it was taken: what an agent sees of the scene.

    Args:
        glimpse: (K*C, h, w) float32 in [0, 1].
        retina: the glimpse sensor.
        location: (2,) float32 in [-1, 1], where it was taken.
        height: H of the scene.
        width: W of the scene.

    Returns:
        (H, W, C) uint8; dark gray where nothing is seen.
    """
    shown = _project(retina, glimpse, location, height, width)
    return np.where(shown[..., -1:] > 0, np.rint(shown[..., :-1] * 255), _UNSEEN).astype(np.uint8)


def outline(
    within: Picture,
    retina: RetinaLike,
    location: npt.NDArray[np.float32],
    height: int,
    width: int,
    color: Color,
    thickness: int,
    sharpest: bool = False,
) -> None:
    """Draw lines around what a retina sees: wherever its sharpness changes, on the sharper side.

    Args:
        within: the scene, enlarged by a whole number.
        retina: the glimpse sensor.
        location: (2,) float32 in [-1, 1], where it looks.
        height: H of the scene.
        width: W of the scene.
        color: the color of the lines.
        thickness: the thickness of the lines, in pixels of the picture.
        sharpest: outline only what the retina sees most sharply.
    """
    scale = len(within) // height
    rim = -(-thickness // scale)  # in scene pixels, around the scene: lines show at its edges too
    blank = np.zeros(retina.shape(1), np.float32)
    sharpness = _project(retina, blank, location, height, width, rim)[..., -1]
    if sharpest:
        sharpness = np.where(sharpness == sharpness.max(), sharpness, 0)
    sharpness = sharpness.repeat(scale, axis=0).repeat(scale, axis=1)
    line = np.zeros(sharpness.shape, np.bool_)
    for away in range(1, thickness + 1):
        for here, there in ((slice(away, None), slice(-away)), (slice(-away), slice(away, None))):
            line[here] |= sharpness[here] > sharpness[there]
            line[:, here] |= sharpness[:, here] > sharpness[:, there]
    within[line[rim * scale : -rim * scale, rim * scale : -rim * scale]] = color


def _project(
    retina: RetinaLike,
    glimpse: npt.NDArray[np.float32],
    location: npt.NDArray[np.float32],
    height: int,
    width: int,
    rim: int = 0,
) -> npt.NDArray[np.float32]:
    """Paint a glimpse onto the scene and a rim around it: values and sharpness, (H + 2 rim, W + 2 rim, C + 1)."""
    locations, corner = np.asarray(location, np.float32)[np.newaxis], np.full((1, 2), -rim)
    window = (height + 2 * rim, width + 2 * rim)
    shown: npt.NDArray[np.float32] = retina.project(glimpse[np.newaxis], locations, (height, width), corner, window)[0]
    return shown.transpose(1, 2, 0)
