"""A step is a transaction: whatever stops it leaves no episode half-way; two threads in one environment are an error."""

import threading

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import data_equivalence
from rollouts import IDS, MODES, actions_of, assert_identical, vector

from glimpse_env import GlimpseEnv, Task, World
from tools import interrupt


@pytest.mark.parametrize("id", IDS)
def test_an_interrupted_environment_goes_on_or_needs_a_reset(id):
    """By a signal and by a MemoryError at any bytecode; ``python -m tools.interrupt`` does 10,000."""
    (words,) = interrupt.run(60, ids=(id,)).values()
    assert words["needs a reset"] > 0


def test_every_bytecode_of_a_step():
    pair = interrupt.Pair("Glimpse-Catch-v0", None)
    env, twin = pair._struck, pair._twin
    action = {"location": np.float32([0.5, -0.5]), "action": 0}
    env.reset(seed=0)
    moment = 0
    while True:
        env.reset(seed=1)
        twin.reset(seed=1)
        if not interrupt.at_bytecode(lambda: env.step(action), moment):
            break
        try:
            told = env.step(action)
        except gym.error.ResetNeeded:
            pass
        else:
            first, second = twin.step(action), twin.step(action)
            assert any(data_equivalence(told, one, exact=True) for one in (first, second))
        moment += 1
    assert moment > 100


class Stuck(World):
    """A world in which a thread waits until it is let go on."""

    num_draws = 0

    def __init__(self, num_envs, *, num_threads=1):
        self.task = Task(action_names=("wait",))
        self.scenes = np.zeros((num_envs, 4, 4, 1), np.uint8)

    def reset(self, rows, draws, indices):
        pass

    def step(self, actions, playing):
        INSIDE.set()
        assert LET_GO.wait(60)
        return np.zeros(len(actions)), np.zeros(len(actions), np.bool_)


INSIDE, LET_GO = threading.Event(), threading.Event()


def test_two_threads_in_one_environment_are_an_error():
    env = GlimpseEnv(world=Stuck, patch_size=2)
    env.reset(seed=0)
    action = {"location": np.zeros(2, np.float32), "action": 0}
    thread = threading.Thread(target=env.step, args=(action,))
    thread.start()
    assert INSIDE.wait(60)
    for call in (lambda: env.step(action), env.reset, lambda: env.set_arguments()):
        with pytest.raises(RuntimeError, match="Two threads use one environment"):
            call()
    LET_GO.set()
    thread.join()
    env.step(action)


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_the_error_of_a_world_leaves_no_row_in_between(mode, monkeypatch):
    envs, twin = (vector("Glimpse-CircleSquare-v0", 3, mode) for _ in range(2))
    envs.reset(seed=0)
    action = actions_of(envs, np.random.default_rng(0))
    kind = type(envs.unwrapped.world)
    with monkeypatch.context() as patched:
        patched.setattr(kind, "step", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            envs.step(action)
    with pytest.raises(gym.error.ResetNeeded):
        envs.step(action)
    assert_identical(envs.reset(seed=1), twin.reset(seed=1))
    assert_identical(envs.step(action), twin.step(action))
