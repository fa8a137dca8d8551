"""What several tests share: exact comparison, environments of each id, random actions."""

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode

from glimpse_env import TASKS

IDS = list(TASKS)
WORLDS = {id: task.get("world", "classification") for id, task in TASKS.items()}
CLASSIFICATION = [id for id in IDS if WORLDS[id] == "classification"]
GAMES = [id for id in IDS if WORLDS[id] == "catch"]
MODES = list(AutoresetMode)


def assert_identical(found, expected, path="it"):
    """The same types, dtypes, shapes, keys and bits, all the way down."""
    assert type(found) is type(expected), f"{path}: {type(found)} and {type(expected)}"
    if isinstance(found, dict):
        assert found.keys() == expected.keys(), f"{path}: {sorted(found)} and {sorted(expected)}"
        for key in found:
            assert_identical(found[key], expected[key], f"{path}[{key!r}]")
    elif isinstance(found, tuple | list):
        assert len(found) == len(expected), path
        for n, (one, other) in enumerate(zip(found, expected, strict=True)):
            assert_identical(one, other, f"{path}[{n}]")
    elif isinstance(found, np.ndarray) and found.dtype == object:
        assert_identical(list(found), list(expected), path)
    elif isinstance(found, np.ndarray):
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape), f"{path}: {found!r} and {expected!r}"
        assert found.tobytes() == expected.tobytes(), f"{path}: {found!r} and {expected!r}"
    else:
        assert found == expected, f"{path}: {found!r} and {expected!r}"


def vector(id, num_envs, mode=AutoresetMode.NEXT_STEP, **arguments):
    """The native vector environment."""
    envs = gym.make_vec(id, num_envs, autoreset_mode=mode, **arguments)
    assert type(envs.unwrapped).__name__ == "GlimpseVectorEnv"
    envs.action_space.seed(0)
    return envs


def single(id, **arguments):
    """The environment with none of Gymnasium's wrappers."""
    env = gym.make(id, **arguments).unwrapped
    env.action_space.seed(0)
    return env


def actions_of(envs, rng):
    """Random actions; a third of them "look on", where there is such a thing, so that ends are staggered."""
    B, n = envs.num_envs, int(envs.single_action_space["action"].n)
    action = np.where(rng.random(B) < 1 / 3, n - 1, rng.integers(0, n, B))
    chosen = {"location": rng.uniform(-1, 1, (B, 2)).astype(np.float32), "action": action}
    if "zoom" in envs.single_action_space.spaces:
        chosen["zoom"] = rng.integers(0, int(envs.single_action_space["zoom"].n), B)
    return chosen


def row_of(action, i):
    return {name: values[i] for name, values in action.items()}


def play(env, num_steps, seed):
    """A rollout of one environment, begun anew when it ends: all that came back."""
    env.action_space.seed(seed)
    trace = []
    for _ in range(num_steps):
        trace.append(env.step(env.action_space.sample()))
        if trace[-1][2] or trace[-1][3]:
            trace.append(env.reset())
    return trace
