"""A trained agent at work, with its belief, in a window or a GIF."""

import io
import pathlib
from collections.abc import Iterator, Sequence

import numpy as np
import torch

from agents import files
from agents.environments import Envs, first_seed, task
from agents.heads import Step
from agents.policy import Noise, Policy
from agents.rollout import collect
from glimpse_env.ink import Picture
from glimpse_env.rendering import tile
from glimpse_env.window import Window

_LINGER = 4  # the last picture of an episode stays this many times longer


@torch.no_grad()
def watch(policy: Policy, envs: Envs, split: str, seed: int) -> list[Picture]:
    """Play an episode, with the mean location and the most likely action.

    Args:
        policy: the agent.
        envs: environments with render_mode="rgb_array".
        split: the split of the environments.
        seed: the seed of the scene; in a task with images, also the number of the image.

    Returns:
        A picture after each glimpse, with the agent's belief, and one at the end; several environments are side by side.
    """
    images = task(envs).num_images
    rows = np.arange(seed, seed + envs.num_envs)
    start = envs.reset(seed=first_seed(split, 0) + seed, options={"index": rows % images} if images else None)
    native = hasattr(envs.unwrapped, "believe")
    pictures: list[Picture] = []

    def seen(step: Step) -> None:
        if native:
            envs.unwrapped.believe(step.logits.float().softmax(-1).cpu())  # type: ignore[attr-defined]
        pictures.append(tile(envs.render()))  # type: ignore[arg-type]

    collect(envs, policy, start, Noise(seed, envs.num_envs), watched=seen)
    return [*pictures, tile(envs.render())]  # type: ignore[arg-type]


def save_gif(episodes: Sequence[Sequence[Picture]], path: pathlib.Path, fps: float) -> None:
    """Write episodes one after the other as an endless GIF, in which the last picture of each stays longer.

    Args:
        episodes: the pictures of each episode, all of one size.
        path: the path of the file, which must end with .gif.
        fps: the number of pictures a second.

    Raises:
        ValueError: the path ends with something else.
    """
    from PIL import Image

    check_suffix(path)
    last = np.concatenate([pictures[-1] for pictures in episodes]).reshape(-1, 3)
    colors, counts = np.unique(last, axis=0, return_counts=True)
    weighed = colors.repeat(np.ceil(counts**0.5).astype(int), axis=0)  # rare colors count for more than their share
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


def check_suffix(path: pathlib.Path) -> None:
    """Check that a path ends with .gif."""
    if path.suffix.lower() != ".gif":
        raise ValueError(f"{path} must end with .gif, the only format.")


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
