"""Environments as a config says. What they ask, they tell by their task; see `glimpse_env.worlds.Task`."""

import importlib
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from gymnasium.wrappers import TimeLimit

import glimpse_env  # noqa: F401  # registers its ids
from agents.config import TrainingConfig
from agents.episodes import OneEpisode
from glimpse_env.worlds import Task

Envs = VectorEnv[Any, Any, Any]
_SIDE_BY_SIDE = 500  # native environments at most in an evaluation; no result depends on it
_BYTES = 2**28  # of their scenes, at most
_REGIONS = ("train", "evaluation", "validation", "test")  # of the seeds of episodes, a quarter each
_ROOM = 2**40  # the most episodes of a run


def is_native(env_id: str) -> bool:
    """Whether an id has vector environments of its own; of "module:id", once that module was imported to register it.

    Raises:
        ImportError: no such module.
        gymnasium.error.Error: no such id.
    """
    module, _, name = env_id.rpartition(":")
    if module:
        importlib.import_module(module)
    return gym.spec(name).vector_entry_point is not None


def make_envs(config: TrainingConfig, num_envs: int, split: str, **arguments: Any) -> Envs:
    """Make the environments of a run, with autoreset at the next step; those that are not native play one episode a reset.

    Args:
        config: the run.
        num_envs: B.
        split: which images; not read by environments that are not native.
        arguments: of the environment, besides the run's own.

    Raises:
        ImportError, gymnasium.error.Error: no such id.
        ValueError: it cannot be made so, or shows no glimpses.
    """
    arguments = {**config.env_arguments, **arguments}
    if is_native(config.env_id):
        arguments["split"] = split
    return _make(config.env_id, num_envs, config.max_steps, arguments)


def evaluation_envs(config: TrainingConfig, split: str, **arguments: Any) -> Envs:
    """Make environments to evaluate with: of native ones many, fewer of large scenes; of others a training batch."""
    if not is_native(config.env_id):
        return make_envs(config, config.batch_size, split, **arguments)
    one = make_envs(config, 1, split, **arguments)
    fitting = _BYTES // one.unwrapped.scenes.nbytes  # type: ignore[attr-defined]
    return make_envs(config, min(_SIDE_BY_SIDE, max(1, fitting)), split, **arguments)


def task_of(env_id: str, **arguments: Any) -> Task:
    """What an id asks of an agent, made with these arguments; see `make_envs` for the errors."""
    envs = _make(env_id, 1, 1, arguments)
    try:
        return task(envs)
    finally:
        envs.close()


def task(envs: Envs) -> Task:
    """What these environments ask of an agent."""
    asked: Task = envs.unwrapped.task if hasattr(envs.unwrapped, "task") else envs.get_attr("task")[0]  # type: ignore[attr-defined]
    return asked


def first_seed(purpose: str, seed: int) -> int:
    """The seed of the first of the episodes of a training or an evaluation; the others follow.

    Each purpose has a quarter of all seeds for itself: no training ever plays an episode of an evaluation.

    Args:
        purpose: "train" for a training; for an evaluation its split.
        seed: of the run, or of the evaluation, in [0, 2**63).
    """
    region = _REGIONS.index(purpose if purpose in _REGIONS else "evaluation")
    start = int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0]) % (2**62 - _ROOM)
    return region * 2**62 + start


def _make(env_id: str, num_envs: int, max_steps: int, arguments: dict[str, Any]) -> Envs:
    native = is_native(env_id)
    wrappers = [] if native else [lambda env: OneEpisode(TimeLimit(env, max_steps))]
    try:
        envs = gym.make_vec(env_id, num_envs=num_envs, wrappers=wrappers, **arguments)
    except TypeError as error:
        raise ValueError(f"{env_id} cannot be made with {arguments}: {error}") from error
    for space, keys in (
        (envs.single_observation_space, {"glimpse", "fixation"}),
        (envs.single_action_space, {"location", "action"}),
    ):
        if not (isinstance(space, spaces.Dict) and keys <= set(space)):
            raise ValueError(f"{env_id} shows no glimpses, its spaces are {space}: register it in a GlimpseWrapper.")
    return envs
