"""`max_episode_steps` of a native batch: what Gymnasium's TimeLimit does to each environment."""

import gymnasium as gym
import numpy as np
import pytest
from rollouts import MODES, actions_of

from glimpse_env import TASKS


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_an_episode_is_truncated_after_so_many_steps(mode):
    envs = gym.make_vec("Glimpse-Catch-v0", 3, autoreset_mode=mode, max_episode_steps=4)
    envs.reset(seed=0)
    rng = np.random.default_rng(0)
    for _ in range(3):
        _, _, _, truncated, _ = envs.step(actions_of(envs, rng))
        assert not truncated.any()
    if mode.name == "DISABLED":  # a reset begins a new count
        envs.reset(options={"reset_mask": np.array([True, False, False])})
    _, _, terminated, truncated, info = envs.step(actions_of(envs, rng))
    assert not terminated.any()
    assert truncated.tolist() == [mode.name != "DISABLED", True, True]
    assert ("final_obs" in info) == (mode.name == "SAME_STEP")


def test_a_registered_limit_counts():
    """Gymnasium hands the limit of a registration to the vector environment."""
    points = {"entry_point": "glimpse_env:GlimpseEnv", "vector_entry_point": "glimpse_env:GlimpseVectorEnv"}
    gym.register("ShortCatch-v0", **points, kwargs=TASKS["Glimpse-Catch-v0"], max_episode_steps=2)
    try:
        for mode in ("sync", "vector_entry_point"):
            envs = gym.make_vec("ShortCatch-v0", 2, vectorization_mode=mode)
            envs.reset(seed=0)
            ends = [envs.step(envs.action_space.sample())[3].tolist() for _ in range(2)]
            assert ends == [[False, False], [True, True]]
    finally:
        del gym.registry["ShortCatch-v0"]


def test_the_last_step_by_the_rules_may_be_the_last_by_the_limit():
    envs = gym.make_vec("Glimpse-MNIST-v0", 2, num_glimpses=2, max_episode_steps=2)
    _, info = envs.reset(seed=0)
    envs.step({"location": np.zeros((2, 2), np.float32), "action": info["label"]})
    _, rewards, terminated, truncated, info = envs.step({"location": np.zeros((2, 2), np.float32), "action": info["label"]})
    assert terminated.all() and truncated.all() and info["correct"].all() and rewards.tolist() == [1, 1]  # noqa: PT018
