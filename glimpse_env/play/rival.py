"""The shipped agent on the scenes that a person has played."""

import importlib
from typing import Any

import gymnasium as gym


def scores(id: str, split: str | None, seed: int, count: int) -> list[float]:
    """What the shipped agent earns in the first episodes of a seed: whether it is right, or its return.

    Args:
        id: the id of the task.
        split: the split of the images.
        seed: the seed that the person's episodes began with.
        count: the number of episodes.

    Raises:
        ImportError: the extra "agents" is not installed.
        ValueError, OSError: no agent is shipped for the id.
    """
    policy = importlib.import_module("agents").load(id)  # by name: environments know no agent
    arguments: dict[str, Any] = {**policy.env_arguments, **({} if split is None else {"split": split})}
    env = gym.make(id, disable_env_checker=True, **arguments)
    earned = []
    for n in range(count):
        observation, _ = env.reset(seed=seed if n == 0 else None)
        state, over, total = None, False, 0.0
        while not over:
            action, state = policy.predict(observation, state)
            observation, reward, terminated, truncated, info = env.step(action)
            over, total = terminated or truncated, total + float(reward)
        earned.append(float(info.get("correct", total)))
    return earned
