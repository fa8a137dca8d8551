"""What a wrapped environment gives: its image, its other entries, the names of its actions."""

from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from gymnasium import spaces

_MOST_CHANNELS = 4  # an image with more may have its channels first


def action_names(env: gym.Env[Any, Any]) -> tuple[str, ...]:
    """The names of the choices of a Discrete action: the environment's own, or numbers; empty for any other action."""
    count = int(env.action_space.n) if isinstance(env.action_space, spaces.Discrete) else 0
    meanings = getattr(env.unwrapped, "get_action_meanings", None)
    names = tuple(str(name).lower() for name in meanings()) if meanings else ()
    return names if len(names) == count else tuple(map(str, range(count)))


def image_and_others(
    env: gym.Env[Any, Any], source: str, image_key: str | None
) -> tuple[spaces.Box, dict[str, gym.Space[Any]]]:
    """The space of the image, and the spaces of the other entries.

    Args:
        env: the environment.
        source: "observation", or "render" for what it renders.
        image_key: the image's entry in a Dict observation; None if the observation is the image.

    Raises:
        ValueError: there is no such image.
    """
    space = env.observation_space
    others = dict(space.spaces) if isinstance(space, spaces.Dict) else {}
    if image_key is not None and image_key not in others:
        raise ValueError(f"image_key={image_key!r} is not an entry of the observation {space}: name one, or leave it out.")
    image = space if image_key is None else others.pop(image_key)
    if source == "render":
        if env.render_mode != "rgb_array":
            raise ValueError(f"source='render' needs an env made with render_mode='rgb_array', got {env.render_mode!r}.")
        env.reset()
        frame: npt.NDArray[Any] = np.asarray(env.render())
        image = spaces.Box(0, 255, frame.shape, frame.dtype.type)
    elif isinstance(image, spaces.Dict):
        raise ValueError(f"image_key must name the image among the entries {list(others)} of the observation.")
    if not isinstance(image, spaces.Box) or image.dtype != np.uint8 or len(image.shape) not in (2, 3):
        raise ValueError(
            f"The image must be (H, W) or (H, W, C) of uint8, got {image}: name its entry with image_key=, convert it first, "
            "or use source='render'."
        )
    H, W, C = shape_of(image)
    if C > _MOST_CHANNELS and min(W, C) > H:
        last, box = "image.transpose(1, 2, 0)", f"spaces.Box(0, 255, {(W, C, H)}, np.uint8)"
        if image_key is not None:
            last = f"{{**image, {image_key!r}: image[{image_key!r}].transpose(1, 2, 0)}}"
            box = f"spaces.Dict({{**env.observation_space, {image_key!r}: {box}}})"
        raise ValueError(
            f"The image must be (H, W, C), but {image.shape} seems to have its channels first: move them last with Gymnasium's "
            f"TransformObservation(env, lambda image: {last}, {box})."
        )
    return image, others


def shape_of(image: spaces.Box) -> tuple[int, int, int]:
    """The height, width and number of channels of an image, (H, W) or (H, W, C)."""
    H, W, *C = image.shape
    return H, W, C[0] if C else 1
