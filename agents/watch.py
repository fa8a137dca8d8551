"""A trained agent at work, with its belief: in a window, a GIF or an MP4, alone or beside other ways of looking."""

import io
import itertools
import pathlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from agents import files
from agents.config import Config
from agents.environments import Envs, first_seed, is_native, make_envs, task
from agents.heads import Step
from agents.networks import RecurrentAttentionModel
from agents.policy import Noise, Policy
from agents.rollout import collect
from glimpse_env import ink
from glimpse_env.extras import needed
from glimpse_env.ink import Picture
from glimpse_env.rendering import SIDE, tile
from glimpse_env.window import Window

FORMATS = (".gif", ".mp4")
COMPARED = ("random", "center")  # what `watch --compare` shows beside the agent's own looks
_LINGER = 4  # the last picture of an episode stays this many times longer
_TITLE = np.array((255.0, 255, 255))
_EPISODES = 4  # of a film
_MOST = 150  # pictures of a film of several episodes; the first is always whole


def stage(config: Config, num_envs: int, split: str, side: int = SIDE) -> Envs:
    """Make environments to watch an agent in.

    Args:
        config: the config that trained the agent.
        num_envs: B.
        split: the split of the images.
        side: approximate length of a native scene's longer side, in pixels.

    Raises:
        ValueError: the environment has no pictures.
    """
    if is_native(config.env_id):
        return make_envs(config, num_envs, split, render_mode="rgb_array", render_size=side)
    envs = make_envs(config, num_envs, split)
    if not envs.envs[0].has_wrapper_attr("picture"):  # type: ignore[attr-defined]
        raise ValueError(f"{config.env_id} has no pictures to watch: register it with a GlimpseWrapper.")
    return envs


def _pictures(envs: Envs) -> Picture:
    frames: Any = envs.render() if hasattr(envs.unwrapped, "believe") else envs.call("picture")  # type: ignore[attr-defined]
    return tile(frames)


@torch.no_grad()
def watch(policy: Policy, envs: Envs, split: str, seed: int) -> list[Picture]:
    """Play an episode, with the mean location and the most likely action.

    Args:
        policy: the agent.
        envs: the result of `stage`, or native environments with render_mode="rgb_array".
        split: the split of the environments.
        seed: the seed of the scene; in a task with images, also the number of the image.

    Returns:
        A picture after each glimpse, with the agent's belief, and one at the end; several environments are side by side.
    """
    images = task(envs).num_images
    rows = np.arange(seed, seed + envs.num_envs)
    start = envs.reset(seed=first_seed(0, split) + seed, options={"index": rows % images} if images else None)
    pictures: list[Picture] = []

    def seen(step: Step) -> None:
        if task(envs).action_names:
            _believe(envs, step.logits.float().softmax(-1))
        pictures.append(_pictures(envs))

    collect(envs, policy, start, Noise(seed, envs.num_envs), watched=seen)
    return [*pictures, _pictures(envs)]


def _believe(envs: Envs, beliefs: torch.Tensor) -> None:
    """Tell the environments, native or wrapped, what the agent believes: (B, n) probabilities."""
    told = beliefs.cpu().numpy()
    if hasattr(envs.unwrapped, "believe"):
        envs.unwrapped.believe(told)
        return
    for env, belief in zip(envs.unwrapped.envs, told, strict=True):  # type: ignore[attr-defined]
        if env.has_wrapper_attr("believe"):
            env.get_wrapper_attr("believe")(belief)


def compare(policies: Mapping[str, Policy], envs: Envs, split: str, seed: int) -> list[Picture]:
    """Play the same episode with several policies, and put their pictures side by side, each under its name.

    Args:
        policies: name -> policy.
        envs: see `watch`.
        split: see `watch`.
        seed: see `watch`.
    """
    played = [watch(policy, envs, split, seed) for policy in policies.values()]
    if len(played) == 1:
        return played[0]
    together = itertools.zip_longest(*played)
    ends = [pictures[-1] for pictures in played]
    return [
        _beside([end if picture is None else picture for picture, end in zip(row, ends, strict=True)], list(policies))
        for row in together
    ]


def _beside(frames: Sequence[Picture], titles: Sequence[str]) -> Picture:
    """Put frames of one size side by side, each under its title."""
    height, width, _ = frames[0].shape
    head = ink.LETTER[0] * 2
    picture = np.tile(frames[0][:1, :1], (head + height, len(frames) * width, 1))
    for n, (frame, title) in enumerate(zip(frames, titles, strict=True)):
        picture[head:, n * width : (n + 1) * width] = frame
        ink.text(picture, n * width + head // 2, head // 3, title, _TITLE)
    return picture


def film(model: RecurrentAttentionModel, config: Config, split: str, path: pathlib.Path) -> None:
    """Write the first episodes of a split as a GIF or MP4, with the agent's own looks; see `save`."""
    envs = stage(config, 1, split)
    policy = Policy(model, envs.single_action_space, config.looking)
    played: list[list[Picture]] = []
    for seed in range(_EPISODES):
        if sum(map(len, played)) < _MOST:
            played.append(watch(policy, envs, split, seed))
    save(played, path, fps=3.0)


def save(episodes: Sequence[Sequence[Picture]], path: pathlib.Path, fps: float) -> None:
    """Write episodes one after the other, as the path's suffix says; the last picture of each stays longer.

    Args:
        episodes: the pictures of each episode, all of one size.
        path: the path of the file, which must end with .gif, for an endless GIF, or .mp4 (extra "video").
        fps: the number of pictures a second.

    Raises:
        ValueError: the path ends with something else.
        ImportError: the extra "video" is not installed.
    """
    check_format(path)
    files.write(path, (_gif if path.suffix.lower() == ".gif" else _mp4)(episodes, fps))


def check_format(path: pathlib.Path) -> None:
    """Check that a path ends with one of FORMATS, and that what writes it is installed; see `save` for the errors."""
    if path.suffix.lower() not in FORMATS:
        raise ValueError(f"{path} must end with {' or '.join(FORMATS)}, the formats that can be written.")
    if path.suffix.lower() == ".mp4":
        needed("imageio_ffmpeg", "video", "An MP4")


def _gif(episodes: Sequence[Sequence[Picture]], fps: float) -> bytes:
    from PIL import Image

    last = np.concatenate([pictures[-1] for pictures in episodes]).reshape(-1, 3)
    colors, counts = np.unique(last, axis=0, return_counts=True)
    weighed = colors.repeat(np.ceil(counts**0.5).astype(int), axis=0)  # rare colors count for more than their share
    palette = Image.fromarray(weighed[np.newaxis]).quantize(256)
    frames = [
        Image.fromarray(picture).quantize(palette=palette, dither=Image.Dither.NONE)
        for pictures in episodes
        for picture in pictures
    ]
    times = [round(1000 / fps) * stay for pictures in episodes for stay in [1] * (len(pictures) - 1) + [_LINGER]]
    content = io.BytesIO()
    frames[0].save(content, "gif", save_all=True, append_images=frames[1:], duration=times, loop=0, optimize=True)
    return content.getvalue()


def _mp4(episodes: Sequence[Sequence[Picture]], fps: float) -> bytes:
    import imageio_ffmpeg

    height, width, _ = (side // 2 * 2 for side in episodes[0][0].shape)  # the format needs even sides
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "video.mp4"
        writer = imageio_ffmpeg.write_frames(str(path), (width, height), fps=fps, macro_block_size=1)
        writer.send(None)
        for pictures in episodes:
            for picture in (*pictures, *[pictures[-1]] * (_LINGER - 1)):
                writer.send(np.ascontiguousarray(picture[:height, :width]))
        writer.close()
        return path.read_bytes()


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
