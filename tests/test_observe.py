"""`observe="scene"`: the fully observed twin of a task shows what the eye looks at, and changes nothing else."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from rollouts import IDS, MODES, actions_of, assert_identical, single, vector

from glimpse_env import GlimpseVectorEnv, LogPolarRetina
from glimpse_env.play.session import eye
from glimpse_env.wrappers import PersistenceOfVision

B = 3


def seen_by(envs, scene):
    """The glimpse (B, K*C, G, G) that the eye now takes of observed scenes (B, C, H, W)."""
    assert scene.dtype == np.float32
    pixels = np.rint(scene * 255).astype(np.uint8)
    assert_identical(pixels.astype(np.float32) / np.float32(255), scene)  # whole values of a byte
    return envs.retina(np.ascontiguousarray(pixels.transpose(0, 2, 3, 1)), envs.get_attr("_eye")[0].fixations)


def as_glimpse(envs, observation):
    """The observation of a fully observed environment as that of its twin."""
    others = {key: value for key, value in observation.items() if key != "scene"}
    return {"glimpse": seen_by(envs, observation["scene"]), **others}


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
@pytest.mark.parametrize("id", IDS)
def test_it_shows_what_the_eye_looks_at_and_all_else_is_the_same(id, mode):
    usual, whole = vector(id, B, mode, render_mode="rgb_array"), vector(id, B, mode, render_mode="rgb_array", observe="scene")
    (expected, info), (observation, same_info) = usual.reset(seed=3), whole.reset(seed=3)
    assert_identical(same_info, info)
    assert_identical(as_glimpse(whole.unwrapped, observation), expected)
    rng, ends, shown = np.random.default_rng(0), 0, {observation["scene"].tobytes()}
    while ends < 2 * B:
        action = actions_of(usual, rng)
        (expected, *rest, info), (observation, *same, same_info) = usual.step(action), whole.step(action)
        assert_identical(as_glimpse(whole.unwrapped, observation), expected)
        assert_identical(same, rest)
        final, same_final = info.pop("final_obs", None), same_info.pop("final_obs", None)
        assert_identical(same_info, info)
        if final is not None:
            for mine, theirs in zip(same_final, final, strict=True):
                assert mine.keys() - {"scene"} == theirs.keys() - {"glimpse"}
                assert mine["scene"].shape == whole.single_observation_space["scene"].shape
        ended = rest[1]
        ends += ended.sum()
        shown.add(observation["scene"].tobytes())
        if mode == AutoresetMode.DISABLED and ended.any():
            both = [envs.reset(options={"reset_mask": ended.copy()}) for envs in (usual, whole)]
            assert_identical(as_glimpse(whole.unwrapped, both[1][0]), both[0][0])
    assert len(shown) > 1
    assert_identical(whole.render(), usual.render())


def test_a_screen_that_moves_is_shown_moving():
    env = single("Glimpse-Catch-v0", observe="scene")
    observation, _ = env.reset(seed=0)
    before = observation["scene"]
    observation, *_ = env.step(env.action_space.sample())
    assert not np.array_equal(observation["scene"], before)
    np.testing.assert_array_equal(observation["scene"][0], env.scenes[0, ..., 0] / np.float32(255))


def test_color_comes_channels_first():
    images = np.random.default_rng(0).integers(0, 256, (4, 9, 11, 3), np.uint8)
    envs = GlimpseVectorEnv(2, dataset=(images, [0, 1, 0, 1]), scene_size=(9, 11), patch_size=2, observe="scene")
    observation, _ = envs.reset(seed=0, options={"index": [1, 2]})
    np.testing.assert_array_equal(observation["scene"], images[[1, 2]].transpose(0, 3, 1, 2) / np.float32(255))


@pytest.mark.parametrize("retina", [None, LogPolarRetina(num_rings=5, num_wedges=7, radius=10)])
def test_a_canvas_still_shows_the_glimpses_alone(retina):
    arguments = {"canvas": 9, "retina": retina}
    usual, whole = vector("Glimpse-MNIST-v0", B, **arguments), vector("Glimpse-MNIST-v0", B, **arguments, observe="scene")
    rng = np.random.default_rng(0)
    for (expected, *_), (observation, *_) in [(usual.reset(seed=0), whole.reset(seed=0))] + [
        (usual.step(action), whole.step(action)) for action in [actions_of(usual, rng) for _ in range(9)]
    ]:
        np.testing.assert_array_equal(observation["canvas"], expected["canvas"])


@pytest.mark.parametrize("observe", ["both", None, True, ["scene"], np.array("scene"), b"scene"])
def test_other_values_are_refused(observe):
    with pytest.raises(ValueError, match=r"Unknown observe .*: use one of 'glimpse', 'scene'"):
        gym.make("Glimpse-MNIST-v0", observe=observe)


@pytest.mark.parametrize("looker", [eye, PersistenceOfVision])
def test_what_needs_glimpses_says_so(looker):
    with pytest.raises(ValueError, match=r"has no glimpses: put it into a GlimpseWrapper.* or leave out observe='scene'"):
        looker(single("Glimpse-MNIST-v0", observe="scene"))
