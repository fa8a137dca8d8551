"""A task as a game: pygame's events in, pictures and words out."""

from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from glimpse_env import ink
from glimpse_env.ink import Picture
from glimpse_env.play import strip
from glimpse_env.play.hands import CLASS_KEYS, Hands
from glimpse_env.play.session import Session
from glimpse_env.rendering import SIDE, Layout, draw
from glimpse_env.sight import foveate, outline
from glimpse_env.window import load_pygame

_GRID = 80
_DARK = 16  # of 255: the mean of a scene of few bright pixels
_SMALLEST, _LARGEST, _ZOOM = 90, 2880, 1.25
_AMBER, _GREEN = np.array((255.0, 176, 0)), np.array((64.0, 214, 160))
_WHITE, _GRAY = np.array((214.0, 216, 222)), np.array((140.0, 144, 152))


class Game(Session):
    """A task that a person plays: handles pygame's events and draws pictures.

    Args:
        env: the task, native or in a `GlimpseWrapper`.
        seed: the seed of the first episode.
        size: approximate length of the scene's longer side, in pixels.
        agent: the score of the shipped agent, in percent; None if there is none.

    Raises:
        ValueError: there are no keys for the task's actions.
    """

    def __init__(self, env: gym.Env[Any, Any], seed: int = 0, size: int = SIDE, agent: float | None = None) -> None:
        super().__init__(env, seed)
        task = self._eye.task
        self._agent = agent
        self._goal: str = task.goal or f"Play {self._eye.unwrapped.spec.id}: earn as much as you can."
        self._grid = task.grid  # None unless the answer is a place
        self._hands = Hands(self._names, self._eye.action_space["action"]) if self._moves else None
        if not (self._moves or self._grid or len(self._names) <= len(CLASS_KEYS)):
            raise ValueError(f"{len(self._names)} classes are more than there are keys, {len(CLASS_KEYS)}.")
        self._faint = self._moves and self._eye.scenes.mean() < _DARK
        self._helping = False
        self._aim = np.zeros(2, np.float32)
        self.resize(size)

    def resize(self, size: int) -> None:
        """Set the approximate length of the scene's longer side, in pixels."""
        height, width, _ = self._eye.scene_shape
        self._size = min(max(size, _SMALLEST), _LARGEST)
        self._layout = Layout(
            height, width, self._eye.retina, 0 if self._grid else len(self._names), self._size, self._cue is not None
        )

    def zoom(self, steps: float) -> None:
        """Enlarge the view, or shrink it."""
        self.resize(round(self._size * _ZOOM**steps))

    def fit(self, width: int, height: int) -> None:
        """Make the view as large as a window allows."""
        longest = max(self._eye.scene_shape[:2])
        for scale in range(max(1, max(width, height) // longest), 0, -1):
            self.resize(scale * longest)
            tall, wide, _ = self.picture().shape
            if wide <= width and tall <= height:
                return

    def handle(self, event: Any) -> None:
        """Handle one of pygame's events."""
        pygame = load_pygame()
        if self._wheel.handle(event):
            return
        if event.type == pygame.MOUSEMOTION:
            left, top, width, height = self._layout.scene
            place = (np.array(event.pos) - (left, top)) / (width, height)
            self._aim = np.clip(2 * place - 1, -1, 1).astype(np.float32)
        elif event.type == pygame.MOUSEWHEEL:
            self.zoom(event.y)
        elif event.type == pygame.KEYUP and self._hands:
            self._hands.release(pygame.key.name(event.key).strip("[]"))
        elif event.type == pygame.KEYDOWN:
            self._press(pygame.key.name(event.key).strip("[]"))
        elif event.type == pygame.MOUSEBUTTONDOWN and event.button == 1:
            self._press("click")

    def tick(self) -> None:
        """Make one move in a game; a still scene waits for the player."""
        if self._hands and not (self.over or self._waiting or self._helping):
            move = self._hands.move
            if move is not None:
                self._step(self._aim, move)

    def picture(self) -> Picture:
        """Draw what the player sees: (height, width, 3), of one size until it is resized."""
        height, width, _ = self._eye.scene_shape
        retina, glimpse = self._wheel.retina, self._bright(self._glimpse)
        seen = foveate(glimpse, retina, self._path[-1], height, width)
        picture = draw(
            self._eye.scenes[0] if self.over else seen,
            retina,
            self._path[-self._num_shown :],
            glimpse,
            cue=self._cue,
            names=() if self._grid else self._names,
            label=self._info.get("label") if self.over and not self._grid else None,
            action=None if self._grid else self._action,
            title=f"glimpse {len(self._path)}" + (f" of {self._num_glimpses}" if self._num_glimpses else ""),
            side=self._layout.side,
        )
        if not self.over:
            self._draw_aim(picture)
        elif self._grid:
            self._draw_answer(picture)
        unit, margin = self._layout.unit, self._layout.scene[0]
        picture = strip.under(picture, self._lines(), margin, unit)
        if self._helping:
            strip.panel(picture, [(line, _WHITE) for line in self._help()], margin, unit)
        return picture

    def _bright(self, glimpse: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """A glimpse for people: in a game of few bright pixels, each cell shows their sum, not their faint mean."""
        sizes, (K, *sides) = self._wheel.retina.sizes, self._wheel.retina.shape(1)
        if not self._faint or len(sizes) != K:
            return glimpse
        areas = np.repeat([max(1.0, (size / max(sides)) ** 2) for size in sizes], len(glimpse) // K)
        bright: npt.NDArray[np.float32] = np.minimum(1, glimpse * areas[:, np.newaxis, np.newaxis]).astype(np.float32)
        return bright

    @property
    def _class_keys(self) -> tuple[str, ...]:
        return () if self._grid or self._moves else CLASS_KEYS[: len(self._names) - ("look on" in self._names)]

    @property
    def _legend(self) -> str:
        """The key of each class; empty if the names are the keys."""
        pairs = list(zip(self._class_keys, self._names, strict=False))
        return "  ".join(f"{key}={name}" for key, name in pairs) if any(key != name for key, name in pairs) else ""

    @property
    def _num_shown(self) -> int:
        """The number of fixations shown: all in a still scene, the latest in a game."""
        return 4 if self._moves else self._num_glimpses

    def _press(self, key: str) -> None:
        """Handle a key, by its name, or a "click"."""
        if key == "h" or self._helping:
            self._helping = key == "h" and not self._helping
        elif self.over:
            if key in ("click", "space", "return"):
                self._begin()
        elif self._hands:
            self._waiting = False
            self._hands.press(key)
        elif key == "click":
            if not self._answer_due:
                self._step(self._aim, len(self._names) - 1)  # "look on", or a class that does not count yet
        elif self._grid and key in ("space", "return"):
            rows, columns = self._grid
            column, row = np.minimum((self._aim + 1) / 2 * (columns, rows), (columns - 1, rows - 1)).astype(int).tolist()
            self._answer(row * columns + column)
        elif key in self._class_keys:
            self._answer(self._class_keys.index(key))

    def _draw_aim(self, picture: Picture) -> None:
        """Frame what a look at the mouse would show sharply; draw the grid if the answer is a cell."""
        left, top, width, height = self._layout.scene
        within, (H, W, _) = picture[top : top + height, left : left + width], self._eye.scene_shape
        rows, columns = self._grid or (1, 1)
        for n in range(1, rows):
            within[n * height // rows] = _GRID
        for n in range(1, columns):
            within[:, n * width // columns] = _GRID
        outline(within, self._wheel.next_retina, self._aim, H, W, _AMBER, self._layout.unit, sharpest=True)

    def _draw_answer(self, picture: Picture) -> None:
        """Frame the right cell of the grid in green, and the one that was named in amber."""
        left, top, width, height = self._layout.scene
        (rows, columns), unit = self._grid, self._layout.unit
        for cell, color, thickness in ((int(self._info["label"]), _GREEN, 4 * unit), (self._action or 0, _AMBER, 2 * unit)):
            row, column = divmod(cell, columns)
            wide, tall = width // columns, height // rows
            ink.box(picture, left + column * width // columns, top + row * height // rows, wide, tall, color, thickness)

    def _lines(self) -> list[tuple[strip.Line, int]]:
        """The text under the picture, each line with the rows that it may fill."""
        goal = f"{self._goal} H: help.".strip()
        lines = [((goal, _WHITE), self._rows(goal)), ((self._advice(), _AMBER if self.over else _WHITE), 2)]
        lines += [((self._legend, _WHITE), self._rows(self._legend))] if self._legend else []
        return [*lines, ((self.standing(), _GRAY), 2)]

    def _rows(self, words: str) -> int:
        margin = self._layout.scene[0]
        return len(strip.wrapped(words, self._layout.shape[1] - 2 * margin, self._layout.unit))

    def _help(self) -> list[str]:
        """What the panel of help says."""
        if self._hands:
            keys = ["Mouse: move the eye.", self._hands.keys]
        elif self._grid:
            keys = ["Click: look there.", "Space: the image is at the mouse, the answer."]
        else:
            keys = ["Click: look there.", f"0-{self._class_keys[-1]}: name the class, the answer.", self._legend]
        shown = "The blue squares are what you see: sharp in the middle, coarse outside. The amber one is at the mouse."
        glimpses = [f"You have {self._num_glimpses} glimpses; you may answer before they are used up."] * bool(
            self._num_glimpses
        )
        wheel = "Wheel, + and -: how closely the next look looks." if self._wheel.zooms else "Wheel: enlarge the picture."
        return [self._goal, "", *glimpses, shown, "", *keys, "", f"{wheel}  H: back to the game.  Q or Escape: quit."]

    def _advice(self) -> str:
        if self.over:
            how = f"Return {self._return:.3g}."
            if "correct" in self._info:
                how = "Right." if self._info["correct"] else "Wrong."
            elif "distance" in self._info:
                how = f"{self._info['distance']:.0f} pixels away: {100 * self._return:.0f} % of the reward."
            elif "caught" in self._info:
                how = f"Caught {self._info['caught']} of {self._eye.task.best:g}."
            return f"{self._verdict}{how} Click or space: next."
        if self._waiting:
            return f"Any key or a click: begin. Mouse: move the eye. {self._hands.keys if self._hands else ''}"
        if self._hands:
            return f"Mouse: move the eye. {self._hands.keys} Return so far: {self._return:.4g}."
        keys = "Space: it is at the mouse." if self._grid else f"0-{self._class_keys[-1]}: name the class."
        return self._verdict + (f"No more looks. {keys}" if self._answer_due else f"Click: look there. {keys}")

    def standing(self) -> str:
        """The score so far, and the agent's."""
        right, count = sum(self.scores), len(self.scores)
        share = self._names and (not self._moves or self._eye.task.best)
        yours = f"You: {right:.3g} of {count}" if share else f"You: {right / max(1, count):.4g} on average of {count} episodes"
        yours += f" ({100 * right / count:.0f} %)" if count and share else ""
        return yours + (f". The agent: {self._agent:.1f} % on average." if self._agent is not None else ".")
