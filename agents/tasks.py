"""What a Gymnasium id stands for, so far as an agent must know before it plays."""

import importlib

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec

import glimpse_env  # registers its ids

# The worlds in which what is shown is named after a fixed number of glimpses.
_NAMING = ("classification", "circle_square", "sequence")
_NATIVE = ("glimpse_env.envs:GlimpseVectorEnv", "glimpse_env:GlimpseVectorEnv", glimpse_env.GlimpseVectorEnv)


def spec(env_id: str) -> EnvSpec:
    """How an id is registered; of "module:id", once that module was imported to register it.

    Raises:
        ImportError: no such module.
        gymnasium.error.Error: no such id.
    """
    module, _, name = env_id.rpartition(":")
    if module:
        importlib.import_module(module)
    return gym.spec(name)


def world(task: EnvSpec) -> str | None:
    """The name of a task's native world; None where the environment is any other one."""
    return str(task.kwargs.get("world", "classification")) if task.vector_entry_point in _NATIVE else None


def measure(task: EnvSpec) -> str:
    """What counts: "error" where what is shown is named after a fixed number of glimpses, elsewhere "return"."""
    reads = world(task) in _NAMING and task.kwargs.get("decide", "end") == "end"
    return "error" if reads else "return"
