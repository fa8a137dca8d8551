"""Play a task yourself: ``python -m glimpse_env.play Glimpse-ClutteredMNIST-v0``. You see only your glimpses.

Click to look; in a task with zooms, the mouse wheel, or + and -, choose how closely. To name a class, press its key; to answer
a search, point with the mouse and press space. In a game, the eye follows the mouse and the arrow keys move the paddle. Escape
or Q quits. Your score is shown beside the shipped agent's.
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
from glimpse_env.wheel import Wheel
from glimpse_env.window import Window, asks_to_close, load_pygame

_FPS = 30
_PICTURES_A_MOVE = 5  # in a game: six moves a second
_CLASS_KEYS = "0123456789abcdefghijklmnoprstuvwxyz"  # without q, which quits
_GRID = 80
_AMBER, _WHITE, _GRAY = np.array((255.0, 176, 0)), np.array((214.0, 216, 222)), np.array((140.0, 144, 152))
_PUBLISHED = pathlib.Path(__file__).parent / "data" / "scores.json"  # id -> percent right, made by benchmarks.reproduce


class Game:
    """A task that a person plays: handles pygame's events and draws pictures.

    Args:
        env: the task.
        seed: the seed of the first episode.
        size: approximate length of the scene's longer side, in pixels.
        agent: the score of the shipped agent, in percent; None if there is none.

    Attributes:
        scores: the return of each finished episode.
        over: whether the episode has ended; then the picture shows the whole scene.
    """

    def __init__(self, env: GlimpseEnv, seed: int = 0, size: int = SIDE, agent: float | None = None) -> None:
        self.env = env
        self.scores: list[float] = []
        self._agent = agent
        self._names = env.task.action_names
        self._moves = env.task.num_glimpses is None  # a game goes on by itself
        self._num_glimpses = env.task.num_glimpses or 0
        self._grid = env.task.grid  # None unless the answer is a place
        height, width, _ = env.scene_shape
        self._layout = Layout(height, width, env.retina, len(self._names), size, "cue" in env.observation_space)
        self._aim = np.zeros(2, np.float32)
        self._wheel = Wheel(env)
        self._held: list[int] = []  # moves whose keys are down, the latest last
        self._begin(seed)

    def handle(self, event: Any) -> None:
        """Handle one of pygame's events."""
        pygame = load_pygame()
        if self._wheel.handle(event):
            return
        if event.type == pygame.MOUSEMOTION:
            left, top, width, height = self._layout.scene
            place = (np.array(event.pos) - (left, top)) / (width, height)
            self._aim = np.clip(2 * place - 1, -1, 1).astype(np.float32)
        elif event.type == pygame.KEYUP and self._moves:
            self._held = [move for move in self._held if move != self._move_of(event.key)]
        elif event.type == pygame.KEYDOWN or (event.type == pygame.MOUSEBUTTONDOWN and event.button == 1):
            self._press(pygame.key.name(event.key) if event.type == pygame.KEYDOWN else "click")

    def tick(self) -> None:
        """Make one move in a game; a still scene waits for the player."""
        if self._moves and not (self.over or self._waiting):
            rest = self._names.index("stay") if "stay" in self._names else 0
            self._step(self._aim, self._held[-1] if self._held else rest)

    def picture(self) -> Picture:
        """Draw what the player sees: (height, width, 3), always of one size."""
        height, width, _ = self.env.scene_shape
        retina = self._wheel.retina
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
        """Whether the next action must be an answer."""
        return bool(self._info.get("scored", len(self._path) == self._num_glimpses))

    @property
    def _class_keys(self) -> str:
        return "" if self._grid else _CLASS_KEYS[: len(self._names) - ("look on" in self._names)]

    @property
    def _legend(self) -> str:
        """The key of each class; empty if the names are the keys."""
        pairs = list(zip(self._class_keys, self._names, strict=False))
        told = not self._moves and any(key != name for key, name in pairs)
        return "  ".join(f"{key} {name}" for key, name in pairs) if told else ""

    @property
    def _num_shown(self) -> int:
        """The number of fixations shown: all in a still scene, the latest in a game."""
        return 4 if self._moves else self._num_glimpses

    def _begin(self, seed: int | None = None) -> None:
        observation, self._info = self.env.reset(seed=seed)
        self._glimpse: npt.NDArray[np.float32] = observation["glimpse"]
        cue = observation.get("cue")
        self._cue = None if cue is None else np.rint(255 * cue.transpose(1, 2, 0)).astype(np.uint8)
        self._verdict = ""  # on the latest of several answers
        self._path = [observation["fixation"]]
        self._wheel.begin()
        self._wheel.see(observation)
        self._action: int | None = None
        self._return = 0.0
        self.over, self._waiting = False, self._moves

    def _step(self, location: npt.NDArray[np.float32], action: int) -> None:
        asked = self._info if self._info.get("scored") else {}
        observation, reward, self.over, _, self._info = self.env.step(
            {"location": location, "action": action, **self._wheel.action}
        )
        if asked:
            self._verdict = f"{'Right' if reward > 0 else 'Wrong'}, it was {self._names[asked['label']]}. "
        self._glimpse = observation["glimpse"]
        self._wheel.see(observation)
        self._return += reward
        self._action = action if self._moves or self.over else None
        if self.over:
            self.scores.append(float(self._info.get("correct", self._return)))
        else:
            self._path.append(observation["fixation"])

    def _press(self, key: str) -> None:
        """Handle a key, by its name, or a "click"."""
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
        """Give an answer, and use up the glimpses that are left before it is due."""
        due = False
        while not (self.over or due):
            due = self._answer_due
            self._step(self._path[-1], action)

    def _move_of(self, key: int) -> int:
        name = load_pygame().key.name(key)
        return self._names.index(name) if name in self._names else -1

    def _draw_aim(self, picture: Picture) -> None:
        """Frame what a look at the mouse would show sharply; draw the grid if the answer is a cell."""
        left, top, width, height = self._layout.scene
        within, (H, W, _) = picture[top : top + height, left : left + width], self.env.scene_shape
        rows, columns = self._grid or (1, 1)
        for n in range(1, rows):
            within[n * height // rows] = _GRID
        for n in range(1, columns):
            within[:, n * width // columns] = _GRID
        outline(within, self._wheel.next_retina, self._aim, H, W, _AMBER, self._layout.unit, sharpest=True)

    def _advice(self) -> str:
        if self.over:
            how = f"Return {self._return:.3g}."
            if "correct" in self._info:
                how = "Right." if self._info["correct"] else "Wrong."
            return f"{how} Click or space: next."
        if self._waiting:
            return "Any key or a click: begin. Mouse: eye. Arrows: move."
        if self._moves:
            return "Mouse: move the eye. Arrow keys: move."
        keys = "Space: it is at the mouse." if self._grid else f"0-{self._class_keys[-1]}: name the class."
        return self._verdict + (f"No more looks. {keys}" if self._answer_due else f"Click: look there. {keys}")

    def standing(self) -> str:
        """The score so far, and the agent's."""
        right, count = sum(self.scores), len(self.scores)
        yours = f"you {right:g} of {count}" + (f" ({100 * right / count:.0f} %)" if count else "")
        return f"{yours}   the agent {self._agent:.2f} %" if self._agent is not None else f"{yours}   no agent is shipped"


def make(id: str, split: str | None = None, **arguments: Any) -> GlimpseEnv:
    """Make a task to play.

    Args:
        id: the id of a native environment; "module:id" for one that a module registers.
        split: the split of the images; default: "test", if the task has one.
        arguments: other arguments of the environment.

    Raises:
        ValueError: the environment is not a native one, or an argument is out of range.
        TypeError: an argument is unknown.
        gymnasium.error.Error: the id is unknown.
    """
    if split is not None:
        arguments["split"] = split
    env = gym.make(id, disable_env_checker=True, **arguments).unwrapped
    if not isinstance(env, GlimpseEnv):
        raise ValueError(f"{id} is not a native environment of this package: play it in its own window.")
    if split is None and "test" in env.task.splits:
        try:
            return make(id, "test", **arguments)
        except ValueError:  # the user's own dataset has no splits: use all images
            pass
    return env


def play(game: Game, max_pictures: int | None = None) -> None:
    """Play in a window until it is closed, or Escape or Q is pressed.

    Args:
        game: the task.
        max_pictures: stop after this many pictures.

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
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m glimpse_env.play", description="Play a task yourself.")
    parser.add_argument("id", help="the task, such as Glimpse-ClutteredMNIST-v0, or module:id for your own")
    parser.add_argument("--split", help="the split of the images; default: test, if the task has one")
    parser.add_argument("--dataset", help="a folder of your own images, or the name of a dataset")
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
