"""Draw pictures of games and some worlds for the docs: ``python docs/pictures.py [catch multimnist search ...]``.

Needs the extras "agents" (for Pillow) and "games". The gaze follows what moves, or wanders: no agent was trained for
these.
"""

import functools
import os
import pathlib
import sys
from collections.abc import Callable

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from PIL import Image

import glimpse_env
from glimpse_env.wrappers import GlimpseWrapper

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
IMAGES = pathlib.Path(__file__).parent / "images"
Picture = npt.NDArray[np.uint8]


def catch() -> Picture:
    """The eye on the ball, the paddle on its way."""
    env = gym.make("Glimpse-Catch-v0", initial_fixation="center", render_mode="rgb_array")
    env.reset(seed=4)
    for _ in range(14):
        screen = env.unwrapped.world.scenes[0, ..., 0]
        row, column = np.argwhere(screen[:-1])[0]
        paddle = np.flatnonzero(screen[-1])[0]
        env.step({"location": _location(column, row, screen.shape), "action": 1 + np.sign(column - paddle)})
    return env.render()


def multimnist() -> Picture:
    """Three looks at the first digit, then the way to the second."""
    env = gym.make("Glimpse-MultiMNIST-v0", initial_fixation=(0.1, 0.9), render_mode="rgb_array")
    _, info = env.reset(seed=2)
    (x, y), (next_x, next_y) = env.unwrapped.world.places[0]
    for place in ((x + 9, y + 20), (x + 13, y + 7), (x + 18, y + 12), (x + 12, y + 14), (next_x + 14, next_y + 13)):
        _, _, _, _, info = env.step({"location": _location(*place, (100, 100)), "action": info["label"]})
    return env.render()


def search() -> Picture:
    """From one image to the next, until it is the one of the cue."""
    env = gym.make("Glimpse-Search-v0", initial_fixation=(0.1, -0.9), render_mode="rgb_array")
    _, info = env.reset(seed=3)
    for x, y in env.unwrapped.world.places[0, [1, 2, 0, 0]] + ((7, 7), (6, 8), (4, 8), (7, 7)):
        env.step({"location": _location(x, y, (48, 48)), "action": info["label"]})
    return env.render()


def haystack() -> Picture:
    """The whole scene from its center, then closer to the digit, then the digit."""
    eye = {"num_scales": 3, "scale_factor": 2, "zooms": (21, 5, 1), "initial_fixation": "center"}
    env = gym.make("Glimpse-Haystack-v0", render_mode="rgb_array", **eye)
    _, info = env.reset(seed=1)
    x, y = env.unwrapped.world.places[0]
    for dx, dy, zoom in ((60, -40, 1), (24, 20, 2), (12, 8, 2)):
        env.step({"location": _location(x + dx, y + dy, (1000, 1000)), "action": info["label"], "zoom": zoom})
    return env.render()


def figure(id: str) -> Picture:
    """Up the gradient to the figure of a world without images, and round its edge."""
    env = gym.make(id, initial_fixation=(-0.8, 0.9), location_mode="absolute", render_mode="rgb_array")
    seen, info = env.reset(seed=2)
    x, y = env.unwrapped.world.places[0]
    for dx, dy in ((-7, 9), (-1, 7), (0, 0), (8, 0)):
        location, over = _location(x + dx, y + dy, (28, 28)).clip(-1, 1), False
        while not over and (location != seen["fixation"]).any():  # in steps, if they are limited
            seen, _, over, _, _ = env.step({"location": location, "action": info["label"]})
        if over:
            break
    return env.render()


def carracing() -> Picture:
    """Round the first bend, the eye wandering over the road ahead."""
    env = gym.make("Glimpse-CarRacing-v0", initial_fixation="center", render_mode="rgb_array")
    env.reset(seed=1)
    rng = np.random.default_rng(3)
    for t in range(90):
        location = np.float32([rng.uniform(-0.6, 0.6), rng.uniform(-0.7, 0.5)])
        env.step({"location": location, "action": np.float32([0, 0.3 if t < 60 else 0, 0])})
    return env.render()


def atari() -> Picture:
    """Breakout, the eye on the ball, the paddle on its way."""
    env = gym.make("Glimpse-Atari-v0", initial_fixation="center", render_mode="rgb_array")
    env.reset(seed=0)
    location, action = np.zeros(2, np.float32), 1  # FIRE
    for _ in range(47):
        env.step({"location": location, "action": action})
        screen = env.unwrapped.ale.getScreenRGB().any(axis=2)[:, 8:152]  # between the walls
        balls, paddles = np.argwhere(screen[93:188]), np.flatnonzero(screen[190])
        if len(balls):
            y, x = balls.mean(axis=0)
            location = _location(8 + x, 93 + y, (210, 160))
            action = 2 if x > paddles.mean() + 4 else 3 if x < paddles.mean() - 4 else 0
        else:
            action = 1
    return env.render()


def minigrid() -> Picture:
    """Four rooms, the eye wandering."""
    from minigrid.wrappers import RGBImgObsWrapper

    base = RGBImgObsWrapper(gym.make("MiniGrid-FourRooms-v0", render_mode="rgb_array"))
    env = GlimpseWrapper(base, 16, 3, image_key="image", initial_fixation="center")
    env.reset(seed=2)
    rng = np.random.default_rng(1)
    for _ in range(7):
        env.step({"location": rng.uniform(-0.8, 0.8, 2).astype(np.float32), "action": rng.integers(3)})
    return env.render()


def _location(x: float, y: float, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """The location of the middle of a pixel."""
    return np.float32([2 * (x + 0.5) / shape[1] - 1, 2 * (y + 0.5) / shape[0] - 1])


def main() -> None:
    """Draw those named, or all."""
    pictures: dict[str, Callable[[], Picture]] = {
        draw.__name__: draw for draw in (catch, multimnist, search, haystack, carracing, atari, minigrid)
    }
    for id in glimpse_env.TASKS:
        task = gym.make(id).unwrapped.task
        if task.measure == "error" and not task.num_images:
            pictures[id.split("-")[1].lower()] = functools.partial(figure, id)
    for name, draw in pictures.items():
        if name in (sys.argv[1:] or name):
            picture = Image.fromarray(draw())
            if picture.height < 300:
                picture = picture.resize((2 * picture.width, 2 * picture.height), Image.Resampling.NEAREST)
            picture.save(IMAGES / f"{name}.png", optimize=True)
            print(IMAGES / f"{name}.png", picture.size)


if __name__ == "__main__":
    main()
