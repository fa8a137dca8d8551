"""Steps a second by Gymnasium's own loops. Imports neither this project nor a peer, so that both are timed by it."""

import itertools
import statistics
from typing import Any

import gymnasium as gym
from gymnasium.utils.performance import benchmark_step, benchmark_vector_step

REPEATS = 3
_NUM_ACTIONS = 32  # sampled ahead: few enough to stay in the cache


class Replay:
    """Stands in for an action space in the timed loop: its samples were drawn before."""

    def __init__(self, space: gym.Space[Any]) -> None:
        self._actions = itertools.cycle([space.sample() for _ in range(_NUM_ACTIONS)])

    def seed(self, seed: int | None = None) -> None:
        """Do nothing: the actions are drawn."""

    def sample(self) -> Any:
        """Deal out the next action."""
        return next(self._actions)


def rate(env: gym.Env[Any, Any] | gym.vector.VectorEnv[Any, Any, Any], seconds: float) -> float:
    """Steps a second of one environment, all of a vector environment's added up: the median of three repeats.

    Args:
        env: the environment. Its resets count as time, not as steps.
        seconds: how long to measure, all repeats together.
    """
    loop: Any = benchmark_vector_step if isinstance(env, gym.vector.VectorEnv) else benchmark_step
    loop(env, seconds / 20, seed=0)  # compile, warm the caches
    return float(statistics.median(loop(env, seconds / REPEATS, seed=0) for _ in range(REPEATS)))


def rates(env: gym.Env[Any, Any] | gym.vector.VectorEnv[Any, Any, Any], seconds: float) -> tuple[float, float]:
    """Steps a second with each action sampled in the loop, and with actions sampled before; see `rate`."""
    sampling = rate(env, seconds)
    env.action_space = Replay(env.action_space)  # type: ignore[assignment]
    return sampling, rate(env, seconds)
