"""A trained agent at work, with its belief, in a window or a GIF: ``python -m agents.ram watch --weights ID --gif it.gif``."""

import argparse
import io
import itertools
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from gymnasium.vector import VectorEnv

from agents import build, files, training, weights
from agents.networks import RecurrentAttentionModel, Step
from agents.rollout import collect, make_gaze
from glimpse_env.ink import Picture
from glimpse_env.rendering import SIDE, tile
from glimpse_env.window import Window

_LINGER = 4  # how many times longer the last picture of an episode stays


@torch.no_grad()
def watch(model: RecurrentAttentionModel, envs: VectorEnv[Any, Any, Any], looking: str, seed: int) -> list[Picture]:
    """Play an episode greedily: the mean location looked at, the likeliest action taken.

    Args:
        model: the agent.
        envs: with autoreset disabled and render_mode="rgb_array".
        looking: how it was trained to look, as in `Config`.
        seed: of the scene; of a world with images also which one.

    Returns:
        A picture after each glimpse, with what the agent makes of it, and one of the end; several environments side by side.
    """
    images = envs.unwrapped.task.num_images  # type: ignore[attr-defined]
    rows = np.arange(seed, seed + envs.num_envs)
    start = envs.reset(seed=seed, options={"index": rows % images} if images else None)
    gaze = make_gaze(model, looking, np.random.default_rng(seed), envs.num_envs, slice(None), std=0.0)
    pictures: list[Picture] = []

    def seen(glimpse: int, step: Step) -> tuple[torch.Tensor, torch.Tensor]:
        envs.unwrapped.believe(step.logits.float().softmax(-1).cpu())  # type: ignore[attr-defined]
        pictures.append(tile(envs.render()))  # type: ignore[arg-type]
        return gaze(glimpse, step)

    collect(envs, model, start, seen)
    return [*pictures, tile(envs.render())]  # type: ignore[arg-type]


def save_gif(episodes: Sequence[Sequence[Picture]], path: pathlib.Path, fps: float) -> None:
    """Write episodes one after the other, the last picture of each for longer, as a GIF that runs for ever.

    Args:
        episodes: the pictures of each, all of one size.
        path: of the file.
        fps: pictures a second.
    """
    from PIL import Image

    last = np.concatenate([pictures[-1] for pictures in episodes]).reshape(-1, 3)
    colours, counts = np.unique(last, axis=0, return_counts=True)
    weighed = colours.repeat(np.ceil(counts**0.5).astype(int), axis=0)  # rare colours count for more than their share
    palette = Image.fromarray(weighed[np.newaxis]).quantize(256)
    frames = [
        Image.fromarray(picture).quantize(palette=palette, dither=Image.Dither.NONE)
        for pictures in episodes
        for picture in pictures
    ]
    times = [
        round(1000 / fps) * (_LINGER if n == len(pictures) - 1 else 1) for pictures in episodes for n in range(len(pictures))
    ]
    content = io.BytesIO()
    frames[0].save(content, "gif", save_all=True, append_images=frames[1:], duration=times, loop=0, optimize=True)
    files.write(path, content.getvalue())


def show(episodes: Iterator[Sequence[Picture]], fps: float) -> None:
    """Show episodes in a window, until it is closed."""
    window = Window("Glimpse", fps)
    for pictures in episodes:
        for picture in [*pictures, *[pictures[-1]] * (_LINGER - 1)]:
            window.show(picture)
            if window.asked_to_close():
                window.close()
                return
    window.close()


def main(arguments: list[str] | None = None) -> None:
    """Show an agent as the flags say."""
    parser = argparse.ArgumentParser(prog="python -m agents.ram watch", description="Watch a trained agent.")
    parser.add_argument("--weights", required=True, help="the id of a task whose weights are shipped, or a file")
    parser.add_argument("--gif", type=pathlib.Path, help="write a GIF instead of opening a window")
    parser.add_argument("--split", default="test", choices=("train", "validation", "test"), help="which images")
    parser.add_argument("--seed", type=int, default=0, help="of the first episode, and its image; the others follow")
    parser.add_argument("--episodes", type=int, help="how many; 4 in a GIF, and in a window on and on, unless given")
    parser.add_argument("--num-envs", type=int, default=1, help="how many side by side")
    parser.add_argument("--fps", type=float, default=3.0, help="glimpses a second")
    parser.add_argument("--size", type=int, default=SIDE, help="about how many pixels the longer side of a scene has")
    flags = parser.parse_args(arguments)
    torch.set_num_threads(1)
    with training.plain_errors("agents.ram watch"):
        model, config = weights.load(flags.weights)
        envs = build.make_envs(config, flags.num_envs, flags.split, render_mode="rgb_array", render_size=flags.size)
        seeds = itertools.count(flags.seed, flags.num_envs)
        if flags.gif:
            episodes = [watch(model, envs, config.looking, seed) for seed in itertools.islice(seeds, flags.episodes or 4)]
            save_gif(episodes, flags.gif, flags.fps)
            print(f"{flags.gif}: {sum(map(len, episodes))} pictures, {flags.gif.stat().st_size / 1000:.0f} kB")
        else:
            show((watch(model, envs, config.looking, seed) for seed in itertools.islice(seeds, flags.episodes)), flags.fps)
