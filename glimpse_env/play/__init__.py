"""Play a task yourself: ``python -m glimpse_env.play Glimpse-ClutteredMNIST-v0``. You see only your glimpses.

Click to look. To name a class, press its key; to answer a search, point with the mouse and press space. In a game, the eye
follows the mouse and keys move. H shows all keys, Escape or Q quits. At the end, the shipped agent plays the
same scenes.
"""

import argparse
import json
import pathlib
from typing import Any

import gymnasium as gym
import numpy as np

from glimpse_env.datasets import LONGEST, is_folder, load
from glimpse_env.play import rival
from glimpse_env.play.game import Game
from glimpse_env.play.session import eye
from glimpse_env.rendering import SIDE
from glimpse_env.single import GlimpseEnv
from glimpse_env.window import Window, asks_to_close, load_pygame

_FPS = 30
_PICTURES_A_MOVE = 5  # in a native game: six moves a second
_PUBLISHED = pathlib.Path(__file__).parent.parent / "data" / "scores.json"  # id -> percent right, made by benchmarks.reproduce


def make(id: str, split: str | None = None, **arguments: Any) -> gym.Env[Any, Any]:
    """Make a task to play.

    Args:
        id: the id; "module:id" for one that a module registers.
        split: the split of the images; default: "test", if the task has one.
        arguments: other arguments of the environment.

    Raises:
        ValueError: the environment has no glimpses, or an argument is out of range.
        TypeError: an argument is unknown.
        gymnasium.error.Error: the id is unknown.
    """
    if split is not None:
        arguments["split"] = split
    env = gym.make(id, disable_env_checker=True, **arguments)
    looking = eye(env)
    if split is None and "test" in looking.task.splits:
        try:
            return make(id, "test", **arguments)
        except ValueError:  # the user's own dataset has no splits: use all images
            pass
    return looking if isinstance(looking, GlimpseEnv) else env


def play(game: Game, max_pictures: int | None = None) -> None:
    """Play in a window until it is closed, or Escape or Q is pressed.

    Args:
        game: the task.
        max_pictures: stop after this many pictures.

    Raises:
        RuntimeError: there is no display.
    """
    pygame = load_pygame()
    window = Window("Glimpse", _FPS, resizable=True)
    native = isinstance(eye(game.env), GlimpseEnv)
    shown = 0
    while shown != max_pictures:
        window.show(game.picture())
        shown += 1
        if shown % (_PICTURES_A_MOVE if native else 1) == 0:
            game.tick()
        for event in pygame.event.get():
            if asks_to_close(event):
                shown = max_pictures = 0
            elif event.type == pygame.VIDEORESIZE:
                game.fit(event.w, event.h)
            else:
                game.handle(window.within(event))
                if event.type == pygame.MOUSEWHEEL:
                    window.resize(game.picture())
    window.close()


def verdict(game: Game, id: str, split: str | None) -> str:
    """The player's score, and the shipped agent's on the same scenes, if there is one and its extra is installed."""
    if not game.scores:
        return game.standing()
    try:
        theirs = rival.scores(id, split, game.seed, len(game.scores))
    except (ImportError, ValueError, OSError):
        return game.standing()
    scenes = "scene" if len(theirs) == 1 else f"{len(theirs)} scenes"
    return f"{game.standing()}\nOn the same {scenes}: you {sum(game.scores):.3g}, the agent {sum(theirs):.3g}."


def _of_folder(dataset: str) -> dict[str, Any]:
    """The arguments of an environment for the user's own images: a retina that sees much of them, and no larger than needed."""
    if not is_folder(dataset):
        return {"dataset": dataset}
    h, w, _ = load(dataset).shape
    return {"dataset": dataset, "image_size": min(LONGEST, max(h, w)), "patch_size": 12, "num_scales": 3}


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m glimpse_env.play", description="Play a task yourself.")
    parser.add_argument("id", help="the task, such as Glimpse-ClutteredMNIST-v0, or module:id for your own")
    parser.add_argument("--split", help="the split of the images; default: test, if the task has one")
    parser.add_argument("--dataset", help="a folder of your own images, or the name of a dataset")
    parser.add_argument("--seed", type=int, help="the seed of the first episode; default: random")
    parser.add_argument("--size", type=int, default=SIDE, help="approximate length of the scene's longer side, in pixels")
    flags = parser.parse_args(arguments)
    seed = int(np.random.default_rng().integers(2**31)) if flags.seed is None else flags.seed
    try:
        own = {} if flags.dataset is None else _of_folder(flags.dataset)
        agent = None if own else json.loads(_PUBLISHED.read_text()).get(flags.id)
        env = make(flags.id, flags.split, **own)
        game = Game(env, seed, flags.size, agent)
        play(game)
    except (ValueError, TypeError, ImportError, RuntimeError, OSError, gym.error.Error) as error:
        parser.exit(1, f"{parser.prog}: {error}\n")
    split = flags.split or ("test" if "test" in eye(env).task.splits else None)
    print(game.standing() if own else verdict(game, flags.id, split))
