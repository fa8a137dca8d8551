"""TorchRL takes the raw environment with its Dict action, and the native vector env with an action wrapper."""

import gymnasium as gym
import numpy as np
import pytest
from rollouts import IDS, vector

pytest.importorskip("torchrl")

import torch
from torchrl.envs import GymWrapper
from torchrl.envs.utils import check_env_specs

from glimpse_env.eye import OBSERVED
from glimpse_env.wrappers import VectorDiscretizeAction, VectorFlattenAction


@pytest.mark.parametrize("observe", OBSERVED)
@pytest.mark.parametrize("id", IDS)
def test_check_env_specs_of_the_raw_environment(id, observe):
    env = GymWrapper(gym.make(id, observe=observe))
    assert set(env.action_keys) == {"location", "action"}
    check_env_specs(env)


@pytest.mark.parametrize(
    ("wrapper", "arguments"),
    [(VectorFlattenAction, {}), (VectorDiscretizeAction, {"grid": 3}), (VectorDiscretizeAction, {"grid": 3, "flat": True})],
)
@pytest.mark.parametrize("id", IDS)
def test_check_env_specs_of_the_native_vector_env(id, wrapper, arguments):
    env = GymWrapper(wrapper(vector(id, 3, "Disabled"), **arguments))
    assert env.batch_size == torch.Size([3])
    check_env_specs(env)


def test_its_rollout_is_ours():
    """Episode after episode, the observations and rewards that the environment gives by itself."""
    env = GymWrapper(VectorDiscretizeAction(vector("Glimpse-MNIST-v0", 3, "Disabled", num_glimpses=3, reward="every"), 3))
    env.set_seed(0)
    rollout = env.rollout(9, break_when_any_done=False)
    assert rollout["next", "done"].squeeze(-1).tolist() == [[False, False, True] * 3] * 3
    envs = VectorDiscretizeAction(vector("Glimpse-MNIST-v0", 3, "Disabled", num_glimpses=3, reward="every"), 3)
    envs.reset(seed=0)  # its seeding is a reset, and so is the rollout's begin
    observation, _ = envs.reset()
    for step in range(9):
        np.testing.assert_array_equal(rollout["glimpse"][:, step], observation["glimpse"])
        observation, reward, ended, *_ = envs.step(rollout["action"][:, step].numpy())
        np.testing.assert_allclose(rollout["next", "reward"][:, step, 0], reward)
        np.testing.assert_array_equal(rollout["next", "fixation"][:, step], observation["fixation"])
        if ended.all():
            observation, _ = envs.reset()


@pytest.mark.parametrize("id", IDS)
def test_check_env_specs_with_zooms(id):
    check_env_specs(GymWrapper(gym.make(id, zooms=(2, 1))))
    for wrapper in (VectorFlattenAction, VectorDiscretizeAction):
        check_env_specs(GymWrapper(wrapper(vector(id, 3, "Disabled", zooms=(2, 1)))))
