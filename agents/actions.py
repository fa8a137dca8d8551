"""The environment's own actions, in the network's numbers and in the environment's."""

from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from torch import Tensor


def num_outputs(space: gym.Space[Any]) -> int:
    """How many numbers the action network gives: a logit for each choice of a Discrete, a mean for each number of a Box.

    Raises:
        ValueError: another kind of space.
    """
    if isinstance(space, spaces.Discrete):
        return int(space.n)
    if isinstance(space, spaces.Box):
        return int(np.prod(space.shape))
    raise ValueError(f"The agent plays a Discrete or a Box, not {space}: wrap the environment so that its action is one.")


def for_env(space: gym.Space[Any], actions: Tensor) -> npt.NDArray[Any]:
    """Turn the agent's actions into the environment's.

    Args:
        space: a Discrete or a Box.
        actions: (B,) choices from 0; or (B, n), where [-1, 1] spans what the Box allows (an unbounded number is as it is),
            and what is beyond is clipped.

    Returns:
        (B, *space.shape)
    """
    values = actions.cpu().numpy()
    if isinstance(space, spaces.Discrete):
        return np.asarray(space.start + values)
    assert isinstance(space, spaces.Box)
    bounded = np.isfinite(space.low) & np.isfinite(space.high)
    low, high = np.where(bounded, space.low, -1.0), np.where(bounded, space.high, 1.0)
    values = (low + high) / 2 + (high - low) / 2 * values.reshape(-1, *space.shape)
    return np.asarray(values.clip(space.low, space.high), space.dtype)
