"""The canvas: what glimpses have shown, where they showed it, and nothing else."""

import numpy as np
import oracles
import pytest
from gymnasium.vector import AutoresetMode
from rollouts import actions_of, vector

from glimpse_env import GlimpseVectorEnv

CASES = [
    {"canvas": 9, "patch_size": 3, "num_scales": 3, "scene_size": 20},
    {"canvas": 4, "patch_size": 5, "num_scales": 1, "scene_size": (12, 19)},
    {"canvas": 31, "patch_size": 4, "num_scales": 2, "scale_factor": 3, "scene_size": 14},
    {"canvas": "scene", "patch_size": 3, "num_scales": 2, "scene_size": (12, 17)},
    {"canvas": 8, "patch_size": 2, "num_scales": 2, "scene_size": 16, "location_mode": "relative", "max_step": 0.3},
]


def small(channels=1, num_envs=6, **arguments):
    rng = np.random.default_rng(0)
    images, labels = rng.integers(1, 256, (10, 6, 7, channels), np.uint8), np.arange(10) % 3
    return GlimpseVectorEnv(num_envs, dataset=(images, labels), translate=True, num_glimpses=5, **arguments)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_equals_the_oracle_through_three_episodes(case, channels, mode):
    envs, rng = small(channels, autoreset_mode=mode, decide="anytime", **case), np.random.default_rng(1)
    shape = (*envs.world.scenes.shape[1:3], channels)
    retina = (case["patch_size"], case["num_scales"], case.get("scale_factor", 2))

    def blank():
        return oracles.Canvas(shape, *retina, case["canvas"])

    memories = [blank() for _ in range(6)]
    observation, _ = envs.reset(seed=0)
    number, over = np.zeros(6, int), np.zeros(6, np.bool_)
    while True:
        for i, memory in enumerate(memories):
            expected = memory.paint(observation["glimpse"][i], observation["fixation"][i])
            np.testing.assert_array_equal(observation["canvas"][i], expected)
        if number.min() == 3:
            break
        observation, _, ended, _, info = envs.step(actions_of(envs, rng))
        for i in np.flatnonzero(ended if mode == "SameStep" else over):
            if mode == "SameStep":
                final = info["final_obs"][i]
                np.testing.assert_array_equal(final["canvas"], memories[i].paint(final["glimpse"], final["fixation"]))
            memories[i] = blank()
        over = ended
        number += ended


def test_a_masked_reset_forgets_those_rows_alone():
    envs = vector("Glimpse-ClutteredMNIST-v0", 2, AutoresetMode.DISABLED, canvas=30)
    envs.reset(seed=0)
    rng = np.random.default_rng(0)
    for _ in range(3):
        observation, *_ = envs.step(actions_of(envs, rng))
    before = observation["canvas"]
    after = envs.reset(options={"reset_mask": np.array([True, False])})[0]["canvas"]
    np.testing.assert_array_equal(before[1], after[1])
    sharp = (after[0, 1] == 1).sum()
    assert sharp == 12 * 12, "one glimpse alone"


def test_it_belongs_to_the_observation_space_and_costs_nothing_where_it_is_not():
    envs = vector("Glimpse-ClutteredMNIST-v0", 3, canvas="scene")
    assert list(envs.single_observation_space) == ["glimpse", "fixation", "canvas"]
    assert envs.single_observation_space["canvas"].shape == (2, 60, 60)
    assert envs.reset(seed=0)[0] in envs.observation_space
    assert list(vector("Glimpse-ClutteredMNIST-v0", 3).reset(seed=0)[0]) == ["glimpse", "fixation"]
