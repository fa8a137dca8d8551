"""Evaluate on all images of a split, in order."""

from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorEnv


def walk(envs: gym.Env[Any, Any] | VectorEnv[Any, Any, Any], seed: int = 0) -> Iterator[tuple[Any, dict[str, Any], Any]]:
    """Begin an episode on each image of the split, in order, each exactly once: for exact evaluation.

    Image j takes seed + j, so its scene does not depend on the number of environments.

    Args:
        envs: a `GlimpseEnv` or `GlimpseVectorEnv` (with autoreset disabled), wrapped or not.
        seed: the seed of the first image.

    Yields:
        observation, info, and which environments to count: (B,) bool, or True for a single one. False occurs only in the
        last round, if B does not divide the number of images.

    Raises:
        ValueError: the task has no images, or the environments are others.
    """
    if not hasattr(envs.unwrapped, "task"):
        raise ValueError(f"{envs} is not a GlimpseEnv or GlimpseVectorEnv: make it with gym.make_vec(id, num_envs).")
    num_images = envs.unwrapped.task.num_images
    if num_images == 0:
        raise ValueError(f"{envs} has no images to walk through: call reset(seed=...) with a seed for each episode instead.")
    if isinstance(envs, gym.Env):
        for j in range(num_images):
            yield *envs.reset(seed=seed + j, options={"index": j}), True
        return
    for start in range(0, num_images, envs.num_envs):
        indices = np.arange(start, start + envs.num_envs)
        seeds: Any = [seed + index for index in indices.tolist()]  # beyond 2**63 an int64 would overflow
        yield *envs.reset(seed=seeds, options={"index": indices % num_images}), indices < num_images
