"""Play a task yourself: ``python -m glimpse_env.play Glimpse-ClutteredMNIST-v0``. You see your glimpses and no more.

The mouse moves the eye. Where there is a class to name, a click looks there and a key names it; where something is to be found,
space says that it is at the mouse; in a game the eye follows the mouse and the arrow keys move the paddle. Escape or Q ends it.
Your score stands beside that of the agent that is shipped.
"""

import argparse
import json
import pathlib
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from glimpse_env import ink
from glimpse_env.ink import Picture
from glimpse_env.rendering import SIDE, Layout, draw
from glimpse_env.sight import foveate, outline
from glimpse_env.single import GlimpseEnv
from glimpse_env.window import Window, asks_to_close, load_pygame

_FPS = 30
_PICTURES_A_MOVE = 5  # of a game: six moves a second
_CLASS_KEYS = "0123456789abcdefghijklmnoprstuvwxyz"  # q ends it
_GRID = 80
_AMBER, _WHITE, _GRAY = np.array((255.0, 176, 0)), np.array((214.0, 216, 222)), np.array((140.0, 144, 152))
_PUBLISHED = pathlib.Path(__file__).parent / "data" / "scores.json"  # id -> percent right, made by benchmarks.reproduce


class Game:
    """A person at a task: takes pygame's events, gives pictures.

    Args:
        env: the task.
        seed: the seed of the first episode.
        size: approximate length of the scene's longer side, in pixels.
        agent: the percentage of the shipped agent; None where there is none.

    Attributes:
        scores: the return of each finished episode.
        over: whether the episode has ended, and shows what it was.
    """

    def __init__(self, env: GlimpseEnv, seed: int = 0, size: int = SIDE, agent: float | None = None) -> None:
        self.env = env
        self.scores: list[float] = []
        self._agent = agent
        self._names = env.task.action_names
        self._moves = env.task.num_glimpses is None  # a game goes on by itself
        self._num_glimpses = env.task.num_glimpses or 0
        self._grid = env.task.grid  # where a place is to be named
        height, width, _ = env.scene_shape
        self._layout = Layout(height, width, env.retina, len(self._names), size, "cue" in env.observation_space)
        self._aim = np.zeros(2, np.float32)
        self._held: list[int] = []  # moves whose keys are down, the latest last
        self._begin(seed)

    def handle(self, event: Any) -> None:
        """Take one of pygame's events."""
        pygame = load_pygame()
        if event.type == pygame.MOUSEMOTION:
            left, top, width, height = self._layout.scene
            place = (np.array(event.pos) - (left, top)) / (width, height)
            self._aim = np.clip(2 * place - 1, -1, 1).astype(np.float32)
        elif event.type == pygame.KEYUP and self._moves:
            self._held = [move for move in self._held if move != self._move_of(event.key)]
        elif event.type == pygame.KEYDOWN or (event.type == pygame.MOUSEBUTTONDOWN and event.button == 1):
            self._press(pygame.key.name(event.key) if event.type == pygame.KEYDOWN else "click")

    def tick(self) -> None:
        """Let a game go on by one move; a still scene waits."""
        if self._moves and not (self.over or self._waiting):
            rest = self._names.index("stay") if "stay" in self._names else 0
            self._step(self._aim, self._held[-1] if self._held else rest)

    def picture(self) -> Picture:
        """What the player sees: (height, width, 3), always of one size."""
        height, width, _ = self.env.scene_shape
        retina = self.env.retina
        seen = foveate(self._glimpse, retina, self._path[-1], height, width)
        picture = draw(
            self.env.scenes[0] if self.over else seen,
            retina,
            self._path[-self._num_shown :],
            self._glimpse,
            cue=self._cue,
            names=self._names,
            label=self._info.get("label") if self.over else None,
            action=self._action,
            title=f"glimpse {len(self._path)}" + (f" of {self._num_glimpses}" if self._num_glimpses else ""),
            side=self._layout.side,
        )
        if not self.over:
            self._draw_aim(picture)
        unit, margin = self._layout.unit, self._layout.scene[0]
        height = ink.LETTER[0] * unit + margin // 3
        lines = [(self._advice(), _WHITE), (self.standing(), _GRAY)]
        lines = [(self.env.task.goal, _WHITE), *lines] if self.env.task.goal else lines
        lines += [(self._legend, _GRAY)] if self._legend else []
        strip = np.empty((len(lines) * height + margin, *picture.shape[1:]), np.uint8)
        strip[:] = picture[0, 0]
        for n, (line, color) in enumerate(lines):
            ink.text(strip, margin, n * height, line, color, unit)
        return np.concatenate([picture, strip])

    @property
    def _answer_due(self) -> bool:
        """Whether there is no look left before the next answer."""
        return bool(self._info.get("scored", len(self._path) == self._num_glimpses))

    @property
    def _class_keys(self) -> str:
        return "" if self._grid else _CLASS_KEYS[: len(self._names) - ("look on" in self._names)]

    @property
    def _legend(self) -> str:
        """Which key names which class, where the names are other than the keys."""
        pairs = list(zip(self._class_keys, self._names, strict=False))
        told = not self._moves and any(key != name for key, name in pairs)
        return "  ".join(f"{key} {name}" for key, name in pairs) if told else ""

    @property
    def _num_shown(self) -> int:
        """Fixations whose path is shown: all of a still scene, the latest in a game."""
        return 4 if self._moves else self._num_glimpses

    def _begin(self, seed: int | None = None) -> None:
        observation, self._info = self.env.reset(seed=seed)
        self._glimpse: npt.NDArray[np.float32] = observation["glimpse"]
        cue = observation.get("cue")
        self._cue = None if cue is None else np.rint(255 * cue.transpose(1, 2, 0)).astype(np.uint8)
        self._verdict = ""  # on the latest of several answers
        self._path = [observation["fixation"]]
        self._action: int | None = None
        self._return = 0.0
        self.over, self._waiting = False, self._moves

    def _step(self, location: npt.NDArray[np.float32], action: int) -> None:
        asked = self._info if self._info.get("scored") else {}
        observation, reward, self.over, _, self._info = self.env.step({"location": location, "action": action})
        if asked:
            self._verdict = f"{'Right' if reward > 0 else 'Wrong'}, it was {self._names[asked['label']]}. "
        self._glimpse = observation["glimpse"]
        self._return += reward
        self._action = action if self._moves or self.over else None
        if self.over:
            self.scores.append(float(self._info.get("correct", self._return)))
        else:
            self._path.append(observation["fixation"])

    def _press(self, key: str) -> None:
        """A key, by its name, or a "click"."""
        if self.over:
            if key in ("click", "space", "return"):
                self._begin()
        elif self._moves:
            self._waiting = False
            if key in self._names:
                self._held.append(self._names.index(key))
        elif key == "click":
            if not self._answer_due:
                self._step(self._aim, len(self._names) - 1)  # "look on", or a class that does not count yet
        elif self._grid and key in ("space", "return"):
            rows, columns = self._grid
            column, row = np.minimum((self._aim + 1) / 2 * (columns, rows), (columns - 1, rows - 1)).astype(int).tolist()
            self._answer(row * columns + column)
        elif key.strip("[]") in self._class_keys:
            self._answer(self._class_keys.index(key.strip("[]")))

    def _answer(self, action: int) -> None:
        """Give an answer; what glimpses are left before it is due are not needed."""
        due = False
        while not (self.over or due):
            due = self._answer_due
            self._step(self._path[-1], action)

    def _move_of(self, key: int) -> int:
        name = load_pygame().key.name(key)
        return self._names.index(name) if name in self._names else -1

    def _draw_aim(self, picture: Picture) -> None:
        """Frame what a look at the mouse would show sharply; draw the grid whose cells are to be named."""
        left, top, width, height = self._layout.scene
        within, (H, W, _) = picture[top : top + height, left : left + width], self.env.scene_shape
        rows, columns = self._grid or (1, 1)
        for n in range(1, rows):
            within[n * height // rows] = _GRID
        for n in range(1, columns):
            within[:, n * width // columns] = _GRID
        outline(within, self.env.retina, self._aim, H, W, _AMBER, self._layout.unit, sharpest=True)

    def _advice(self) -> str:
        if self.over:
            how = f"Return {self._return:.3g}."
            if "correct" in self._info:
                how = "Right." if self._info["correct"] else "Wrong."
            return f"{how} Click or space: the next one."
        if self._waiting:
            return "Any key or a click: begin. Mouse: eye. Arrows: move."
        if self._moves:
            return "Mouse: move the eye. Arrow keys: move."
        keys = "Space: it is at the mouse." if self._grid else f"0-{self._class_keys[-1]}: name the class."
        return self._verdict + (f"No more looks. {keys}" if self._answer_due else f"Click: look there. {keys}")

    def standing(self) -> str:
        """The score so far, beside the agent's."""
        right, count = sum(self.scores), len(self.scores)
        yours = f"you {right:g} of {count}" + (f" ({100 * right / count:.0f} %)" if count else "")
        return f"{yours}   the agent {self._agent:.2f} %" if self._agent is not None else f"{yours}   no agent is shipped"


def make(id: str, split: str | None = None, **arguments: Any) -> GlimpseEnv:
    """Make a task to be played.

    Args:
        id: of a native environment; "module:id" for one that a module registers.
        split: which images; those for the test unless given, where there are some.
        arguments: further ones of the environment.

    Raises:
        ValueError: the environment is not a native one, or an argument is out of its range.
        TypeError: an argument is unknown.
        gymnasium.error.Error: the id is unknown.
    """
    if split is not None:
        arguments["split"] = split
    env = gym.make(id, disable_env_checker=True, **arguments).unwrapped
    if not isinstance(env, GlimpseEnv):
        raise ValueError(f"{id} is not an environment of this package's worlds: play it in its own window.")
    if split is None and "test" in env.task.splits:
        try:
            return make(id, "test", **arguments)
        except ValueError:  # a dataset of one's own, without splits: all its images
            pass
    return env


def play(game: Game, max_pictures: int | None = None) -> None:
    """Play in a window, until it is closed or Escape or Q is pressed.

    Args:
        game: the task.
        max_pictures: stop after so many.

    Raises:
        RuntimeError: there is no display.
    """
    pygame = load_pygame()
    window = Window("Glimpse", _FPS)
    shown = 0
    while shown != max_pictures:
        window.show(game.picture())
        shown += 1
        if shown % _PICTURES_A_MOVE == 0:
            game.tick()
        for event in pygame.event.get():
            if asks_to_close(event):
                shown = max_pictures = 0
            else:
                game.handle(event)
    window.close()


def main(arguments: list[str] | None = None) -> None:
    """Play as the flags say."""
    parser = argparse.ArgumentParser(prog="python -m glimpse_env.play", description="Play a task yourself.")
    parser.add_argument("id", help="the task, such as Glimpse-ClutteredMNIST-v0, or module:id for one of your own")
    parser.add_argument("--split", help="which images, where there are some; those for the test unless given")
    parser.add_argument("--dataset", help="images of your own, a folder; or the name of a dataset")
    parser.add_argument("--seed", type=int, help="the seed of the first episode; default: random")
    parser.add_argument("--size", type=int, default=SIDE, help="approximate length of the scene's longer side, in pixels")
    flags = parser.parse_args(arguments)
    seed = int(np.random.default_rng().integers(2**32)) if flags.seed is None else flags.seed
    own = {} if flags.dataset is None else {"dataset": flags.dataset}
    agent = None if own else json.loads(_PUBLISHED.read_text()).get(flags.id)
    try:
        game = Game(make(flags.id, flags.split, **own), seed, flags.size, agent)
        play(game)
    except (ValueError, TypeError, ImportError, RuntimeError, OSError, gym.error.Error) as error:
        parser.exit(1, f"{parser.prog}: {error}\n")
    print(game.standing())


if __name__ == "__main__":
    main()
