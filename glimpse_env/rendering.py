"""Pictures of an episode: the scene, the path of fixations, the latest patches, and the agent's belief."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from glimpse_env import ink
from glimpse_env.ink import Color, Picture
from glimpse_env.retina import RetinaLike
from glimpse_env.sight import outline

SIDE = 360  # approximate length of a scene's longer side, in pixels
_MARGIN = 12
_LINE = ink.LETTER[0] + 4  # of text
_BARS = 32  # height of the bar of probability 1
_MOST = 10  # the most classes that have a bar

_BACKGROUND = np.array((24, 26, 32), np.uint8)
_TEXT = np.array((214.0, 216, 222))
_PATH = np.array((255.0, 176, 0))  # the color-blind safe amber, blue and green of Okabe and Ito, brightened
_EYE = np.array((86.0, 180, 255))
_RIGHT = np.array((64.0, 214, 160))
_HALO = np.array((0.0, 0, 0))
_STOPS = ((150, 229, 253, 240), (30, 92, 170, 249), (160, 108, 50, 33))  # red, green and blue from violet to yellow
_SURE = np.stack([np.interp(np.linspace(0, 3, 101), range(4), stops) for stops in _STOPS], axis=1)  # of 0 to 100 percent
_TRACK = np.array((40.0, 43, 52))
_SCALE = "p(label) 0      1"  # the colors of the path are drawn between the figures


@dataclasses.dataclass(frozen=True)
class Layout:
    """The places of a picture's parts, in pixels; they depend only on these arguments.

    Args:
        height: H of the scene.
        width: W of the scene.
        retina: the glimpse sensor.
        num_actions: how many actions have a bar; 0 for no bars.
        side: approximate length of the scene's longer side, in pixels; a scene is enlarged by an integer.
        has_cue: whether a cue is drawn under the patches.
    """

    height: int
    width: int
    retina: RetinaLike
    num_actions: int = 0
    side: int = SIDE
    has_cue: bool = False

    @property
    def unit(self) -> int:
        """The factor by which margins, lines and letters are enlarged."""
        return max(1, self.side // SIDE)

    @property
    def scale(self) -> int:
        """The factor by which the scene is enlarged."""
        return max(1, round(self.side / max(self.height, self.width)))

    @property
    def scene(self) -> tuple[int, int, int, int]:
        """Left, top, width and height of the scene."""
        margin, line = _MARGIN * self.unit, _LINE * self.unit
        return margin, margin + line, self.width * self.scale, self.height * self.scale

    @property
    def tiles(self) -> list[tuple[int, int, int]]:
        """Left, top and side of the square for each patch, finest first, and for the cue, if there is one."""
        left, top, width, height = self.scene
        K, *sides = self.retina.shape(1)
        G, n, line = max(sides), K + self.has_cue, _LINE * self.unit
        room = (max(height, self.side // 2) - line * (n - 1)) // n
        side = G * max(1, min(room, self.side // 3) // G)
        return [(left + width + _MARGIN * self.unit, top + k * (side + line), side) for k in range(n)]

    @property
    def bars(self) -> int:
        """Top of the bars."""
        _, top, _, height = self.scene
        _, lowest, side = self.tiles[-1]
        return max(top + height, lowest + side) + _MARGIN * self.unit

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and colors of the picture."""
        left, _, side = self.tiles[-1]
        bars = (_BARS + _LINE) * self.unit + _MARGIN * self.unit // 2 if self.num_actions else 0
        return self.bars + bars, left + side + _MARGIN * self.unit, 3


def draw(
    scene: npt.NDArray[np.uint8],
    retina: RetinaLike,
    path: Sequence[npt.NDArray[np.float32]],
    glimpse: npt.NDArray[np.float32],
    *,
    cue: npt.NDArray[np.uint8] | None = None,
    names: Sequence[str] = (),
    beliefs: Sequence[npt.NDArray[Any] | None] = (),
    label: int | None = None,
    action: int | None = None,
    title: str = "",
    side: int = SIDE,
) -> Picture:
    """Draw one environment.

    Left: the scene, the path of fixations in amber, older ones darker, and the outline of what the retina sees now in blue.
    With beliefs and a label, the color of each fixation shows the probability of the right class after it. Right: the patches
    of the latest glimpse, finest first, and the cue. Below: the belief as bars, the right class in green, the latest action
    in amber; with more than ten classes, the ten most likely.

    Args:
        scene: (H, W, C) uint8.
        retina: the glimpse sensor.
        path: the fixations so far, (2,) float32 in [-1, 1] each.
        glimpse: (K*C, h, w) float32 in [0, 1].
        cue: (h, w, C) uint8, a picture of what to find; None for none.
        names: the names of the n actions; empty for no bars.
        beliefs: (n,) probabilities after each fixation, None where unknown; may be shorter than the path.
        label: the right class.
        action: the latest action.
        title: the text over the scene.
        side: approximate length of the scene's longer side, in pixels.

    Returns:
        (height, width, 3) uint8; the size depends only on the scene's size, the retina, side, the number of names, and whether
        there is a cue.
    """
    H, W, _ = scene.shape
    layout = Layout(H, W, retina, len(names), side, cue is not None)
    picture = _empty(*layout.shape)
    left, top, width, height = layout.scene
    within = picture[top : top + height, left : left + width]
    _enlarge(scene, within)
    sureness = [None if label is None or belief is None else float(belief[label]) for belief in beliefs]
    sureness += [None] * (len(path) - len(sureness))
    _draw_path(within, layout, path, sureness)
    _draw_patches(picture, layout, glimpse)
    if cue is not None:
        _draw_cue(picture, layout, cue)

    words = [(title, _TEXT)]
    if label is not None:
        words.append((f"label {_name(names, label)}", _RIGHT))
    if action is not None:
        words.append((f"{'move' if label is None else 'named'} {_name(names, action)}", _PATH))
    place, line = left, _MARGIN * layout.unit
    for phrase, color in words:
        place = ink.text(picture, place, line, phrase, color, layout.unit) + _MARGIN * layout.unit
    if any(sure is not None for sure in sureness):
        _draw_scale(picture, layout, place)
    if names:
        known = [belief for belief in beliefs if belief is not None]
        _draw_bars(picture, layout, names, known[-1] if known else None, label, action)
    return picture


def tile(frames: Sequence[Picture]) -> Picture:
    """Put frames of one size into a grid, with as many columns as rows or one more."""
    columns = math.ceil(math.sqrt(len(frames)))
    rows = math.ceil(len(frames) / columns)
    height, width, _ = frames[0].shape
    picture = _empty(rows * height, columns * width, 3)
    for n, frame in enumerate(frames):
        top, left = n // columns * height, n % columns * width
        picture[top : top + height, left : left + width] = frame
    return picture


def _draw_path(
    within: Picture, layout: Layout, path: Sequence[npt.NDArray[np.float32]], sureness: Sequence[float | None]
) -> None:
    """Draw the fixations and the lines between them, with a dark rim that is visible on any scene."""
    extent = (layout.width * layout.scale, layout.height * layout.scale)
    points = np.array([(np.asarray(location, np.float64) + 1) / 2 * extent for location in path]).reshape(-1, 2)
    colors = [
        _PATH * (0.35 + 0.65 * (n + 1) / len(points)) if sure is None else sure_color(sure) for n, sure in enumerate(sureness)
    ]
    for n in range(1, len(points)):
        ink.stroke(within, points[n - 1], points[n], 2.2 * layout.unit, _HALO)
        ink.stroke(within, points[n - 1], points[n], 1.0 * layout.unit, colors[n])
    for point, color in zip(points, colors, strict=True):
        ink.stroke(within, point, point, 5.2 * layout.unit, _HALO)
        ink.stroke(within, point, point, 4.0 * layout.unit, color)
    if path:
        outline(within, layout.retina, path[-1], layout.height, layout.width, _EYE, 2 * layout.unit)


def _draw_scale(picture: Picture, layout: Layout, taken: int) -> None:
    """Draw the scale of the path's colors, above the scene on the right, unless the text needs the room up to a column."""
    left, _, width, _ = layout.scene
    letter, top = ink.LETTER[1] * layout.unit, _MARGIN * layout.unit
    start = left + width - len(_SCALE) * letter
    if start < taken:
        return
    ink.text(picture, start, top, _SCALE, _TEXT, layout.unit)
    for n in range(20):
        place = start + 10 * letter + n * letter // 4 + letter // 2
        ink.box(picture, place, top + 5 * layout.unit, letter // 4, 8 * layout.unit, sure_color(n / 19))


def _draw_patches(picture: Picture, layout: Layout, glimpse: npt.NDArray[np.float32]) -> None:
    """Draw each patch, and above it the side of the square that it sees, in scene pixels."""
    for patch, size, (left, top, side) in zip(
        _patches(glimpse, layout.retina), layout.retina.sizes, layout.tiles, strict=False
    ):
        _enlarge_into(patch, picture[top : top + side, left : left + side])
        ink.text(picture, left, top - _LINE * layout.unit, f"{size} px", _EYE, layout.unit)


def _draw_cue(picture: Picture, layout: Layout, cue: npt.NDArray[np.uint8]) -> None:
    """Draw the cue under the patches, at most as large as they are."""
    left, top, side = layout.tiles[-1]
    every = math.ceil(max(cue.shape[:2]) / side)  # subsample a cue that is too large
    shown = cue[::every, ::every]
    _enlarge_into(shown, picture[top : top + side, left : left + side])
    ink.text(picture, left, top - _LINE * layout.unit, "cue", _RIGHT, layout.unit)


def _draw_bars(
    picture: Picture,
    layout: Layout,
    names: Sequence[str],
    belief: npt.NDArray[Any] | None,
    label: int | None,
    action: int | None,
) -> None:
    """Draw a bar and a name for each action."""
    weights = np.zeros(len(names)) if belief is None else np.array(belief, np.float64)
    marked = [mark for mark in (label, action) if mark is not None]
    ranks = weights.copy()
    ranks[marked] += 1
    shown = np.sort(np.argsort(-ranks, kind="stable")[:_MOST]).tolist()
    unit, left = layout.unit, layout.scene[0]
    cell = (picture.shape[1] - 2 * left) // len(shown)
    letters = max(1, cell // (ink.LETTER[1] * unit))
    base = layout.bars + _BARS * unit
    for n, k in enumerate(shown):
        color = _RIGHT if k == label else _PATH if k == action else _TEXT
        if belief is not None:
            ink.box(picture, left + n * cell + unit, base - _BARS * unit, cell - 2 * unit, _BARS * unit, _TRACK)
        tall = max(unit, round(weights[k] * _BARS * unit))
        ink.box(picture, left + n * cell + unit, base - tall, cell - 2 * unit, tall, color)
        name = names[k][:letters]
        place = left + n * cell + (cell - len(name) * ink.LETTER[1] * unit) // 2
        ink.text(picture, place, base + 2 * unit, name, color, unit)
        if k == action:
            width = len(name) * ink.LETTER[1] * unit
            ink.box(picture, place, base + (_LINE - 2) * unit, width, 2 * unit, _PATH)


def sure_color(probability: float) -> Color:
    """The color of a probability: from violet at 0 to yellow at 1, with increasing lightness, so that it also reads in gray."""
    color: Color = _SURE[round(min(max(probability, 0.0), 1.0) * (len(_SURE) - 1))]
    return color


def _empty(height: int, width: int, channels: int) -> Picture:
    """A picture of the background only."""
    row = np.tile(_BACKGROUND, width)
    return np.tile(row, (height, 1)).reshape(height, width, channels)


def _name(names: Sequence[str], k: int) -> str:
    return names[k] if k < len(names) else str(k)


def _patches(glimpse: npt.NDArray[np.float32], retina: RetinaLike) -> npt.NDArray[np.uint8]:
    """The patches of a glimpse as images (K, h, w, C)."""
    patches = glimpse.reshape(retina.shape(1)[0], -1, *glimpse.shape[1:]).transpose(0, 2, 3, 1)
    return np.rint(patches * 255).astype(np.uint8)


def _enlarge_into(image: npt.NDArray[np.uint8], square: Picture) -> None:
    """Draw an image at the top left of a square, enlarged as much as it fits."""
    height, width = np.array(image.shape[:2]) * (len(square) // max(image.shape[:2]))
    _enlarge(image, square[:height, :width])


def _enlarge(image: npt.NDArray[np.uint8], place: Picture) -> None:
    """Fill a place with an image (h, w, C), enlarged by an integer along each axis.

    One channel shows as gray and three as color; any other number is averaged.
    """
    if image.shape[2] not in (1, 3):
        image = image.mean(axis=2, keepdims=True).astype(np.uint8)
    height, width, _ = image.shape
    wide = image.repeat(place.shape[1] // width, axis=1).repeat(3 // image.shape[2], axis=2)
    place.reshape(height, -1, *wide.shape[1:])[:] = wide[:, np.newaxis]
