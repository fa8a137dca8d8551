"""The world of a cue and its place: how scenes are laid out, what is shown, how near counts; the agent reads the cue."""

import dataclasses

import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode
from hypothesis import given, settings
from hypothesis import strategies as st
from rollouts import assert_identical, single, vector

from agents import environments, models
from agents.policy import Noise, Policy
from agents.presets import preset
from agents.rollout import collect
from glimpse_env import GlimpseEnv, Retina
from glimpse_env.rendering import Layout, draw
from glimpse_env.worlds.search import SearchWorld

ID = "Glimpse-Search-v0"
IMAGES = np.arange(1, 8, dtype=np.uint8)[:, None, None].repeat(4, 1).repeat(3, 2)  # image j's pixels are j + 1


def begun(num_envs=1, seed=0, indices=None, **arguments):
    arguments = {"dataset": (IMAGES, np.arange(7)), "scene_size": (18, 13), "shrink": 1, "grid": 3, **arguments}
    world = SearchWorld(num_envs, **arguments)
    world.reset(np.arange(num_envs), np.random.default_rng(seed).random((num_envs, world.num_draws)), indices)
    return world


@settings(deadline=None, max_examples=60)
@given(st.integers(4, 30), st.integers(3, 30), st.integers(0, 3), st.integers(0, 2**32 - 1))
def test_images_lie_whole_and_apart(H, W, num_distractors, seed):
    surely = ((H - 4) // 7 + 1) * ((W - 3) // 5 + 1)
    if num_distractors >= surely:
        with pytest.raises(ValueError, match=f"only {surely} images .* use at most {surely - 1}"):
            begun(scene_size=(H, W), num_distractors=num_distractors)
        return
    world = begun(5, seed, scene_size=(H, W), num_distractors=num_distractors)
    for scene, places in zip(world.scenes[..., 0], world.places, strict=True):
        assert (scene > 0).sum() == 12 * (1 + num_distractors), "none is cut, and none lies on another"
        assert all((scene[y : y + 4, x : x + 3] == scene[y, x]).all() and scene[y, x] for x, y in places)


def test_a_place_is_drawn_evenly_from_those_left_free():
    world = begun(6000, scene_size=(4, 8), num_distractors=1)
    firsts, seconds = world.places[..., 0].T
    counts = np.bincount(firsts, minlength=6)
    assert np.abs(counts - 1000).max() < 4 * np.sqrt(1000)
    for first in range(6):
        left = [x for x in range(6) if abs(x - first) >= 3]
        found = np.bincount(seconds[firsts == first], minlength=6)
        assert set(np.flatnonzero(found)) == set(left)
        assert np.abs(found[left] - counts[first] / len(left)).max() < 4 * np.sqrt(counts[first] / len(left))


@pytest.mark.parametrize("shrink", [1, 2, 3])
def test_the_cue_is_the_image_to_be_found_so_many_times_smaller(shrink):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (5, 9, 7, 3), np.uint8)
    world = begun(5, dataset=(images, [0] * 5), scene_size=40, indices=np.arange(5)[::-1], shrink=shrink)
    h, w = 9 // shrink, 7 // shrink
    assert (world.cues.shape, world.cues.dtype) == ((5, h, w, 3), np.uint8)
    for cue, image, scene, (x, y) in zip(world.cues, images[::-1], world.scenes, world.places[:, 0], strict=True):
        np.testing.assert_array_equal(scene[y : y + h, x : x + w], cue)
        for i in range(h):
            for j in range(w):
                mean = image[shrink * i : shrink * (i + 1), shrink * j : shrink * (j + 1)].astype(float).mean((0, 1))
                np.testing.assert_array_equal(cue[i, j], np.floor(mean + 0.5))


def test_the_cue_shows_neither_noise_nor_variation():
    images = np.full((3, 8, 8), 200, np.uint8)
    plain = begun(4, dataset=(images, [0] * 3), scene_size=40)
    varied = begun(4, dataset=(images, [0] * 3), scene_size=40, rotation=180, noise=0.3, contrast=0.9)
    np.testing.assert_array_equal(varied.cues, plain.cues)
    assert (varied.scenes != plain.scenes).mean() > 0.3


def test_the_label_is_the_cell_that_holds_the_middle_of_the_image():
    world = begun(400, scene_size=(24, 33), grid=4)
    for label, (x, y) in zip(world.info()["label"], world.places[:, 0], strict=True):
        column, row = int((x + 1.5) // (33 / 4)), int((y + 2) // 6)
        assert world.task.action_names[label] == f"{column + 1},{row + 1}"


def test_the_target_is_the_box_of_the_image_to_be_found():
    envs = vector("Glimpse-Search-v0", 4, shrink=1, num_distractors=0, scene_size=(56, 70))
    envs.reset(seed=0)
    cue = envs.unwrapped.world.cues
    for scene, shown, (x, y, width, height) in zip(envs.unwrapped.scenes, cue, envs.unwrapped.world.targets, strict=True):
        np.testing.assert_array_equal(scene[y : y + height, x : x + width], shown)


def test_the_reward_falls_with_the_distance_at_the_last_step_alone():
    world = begun(9, scene_size=(30, 30), grid=3, radius=20, num_glimpses=2)
    playing = np.arange(9) < 8
    cells = np.arange(9)
    rewards, ended = world.step(cells, playing)
    assert not rewards.any()
    assert not ended.any()
    rewards, ended = world.step(cells, playing)
    assert ended.tolist() == playing.tolist()
    for cell in range(8):
        x, y = world.places[cell, 0] + (1.5, 2)
        away = np.hypot(5 + 10 * (cell % 3) - x, 5 + 10 * (cell // 3) - y)
        assert world.final_info()["distance"][cell] == pytest.approx(away)
        assert rewards[cell] == pytest.approx(max(0, 1 - away / 20))
    assert rewards[8] == 0
    assert (rewards > 0).any()
    assert (rewards[:8] == 0).any()


def test_the_radius_is_a_quarter_of_the_shorter_side_unless_given():
    assert begun(scene_size=(40, 60))._radius == 10


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_distractors": -1}, "num_distractors must be at least 0, got -1"),
        ({"num_distractors": 4}, r"num_distractors=4: only 4 images of \(14, 14\) .* use at most 3"),
        ({"grid": 49}, "grid must be from 1 to 48, got 49"),
        ({"radius": 0}, "radius must be above 0, got 0"),
        ({"radius": float("nan")}, "radius .*got nan"),
        ({"num_glimpses": 0}, "num_glimpses must be at least 1, got 0"),
        ({"scene_size": 13}, r"scene_size=13 is smaller than the images \(14, 14\)"),
        ({"shrink": 0}, "shrink must be at least 1, got 0"),
        ({"shrink": 29}, r"shrink=29 leaves no pixel of images of \(28, 28\)"),
        ({"shrink": 1.5}, r"shrink must be an integer, got 1\.5"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        GlimpseEnv(world="search", patch_size=4, **arguments)


# The cue on its way through the environment.


def test_the_observation_shows_the_cue():
    envs = vector(ID, 3)
    observation, _ = envs.reset(seed=0)
    expected = envs.unwrapped.world.cues.transpose(0, 3, 1, 2) / 255
    assert (observation["cue"].shape, observation["cue"].dtype) == ((3, 1, 14, 14), np.float32)
    np.testing.assert_allclose(observation["cue"], expected, rtol=1e-6)
    assert observation["cue"].max() <= 1
    after, *_ = envs.step(envs.action_space.sample())
    assert_identical(after["cue"], observation["cue"])


def test_the_final_observation_shows_the_cue_of_its_own_episode():
    envs = vector(ID, 2, AutoresetMode.SAME_STEP, num_glimpses=1)
    first, _ = envs.reset(seed=0)
    observation, _, ended, _, info = envs.step(envs.action_space.sample())
    assert ended.all()
    for i in range(2):
        assert_identical(info["final_obs"][i]["cue"], first["cue"][i])
        assert not np.array_equal(observation["cue"][i], first["cue"][i])


def test_a_reset_of_some_leaves_the_cues_of_the_others():
    envs = vector(ID, 3, AutoresetMode.DISABLED)
    first, _ = envs.reset(seed=0)
    second, _ = envs.reset(options={"reset_mask": np.array([False, True, False])})
    assert [np.array_equal(one, other) for one, other in zip(first["cue"], second["cue"], strict=True)] == [True, False, True]


def test_worlds_without_a_cue_show_none():
    assert "cue" not in single("Glimpse-MNIST-v0").observation_space.spaces


@pytest.mark.parametrize("shape", [(14, 14), (5, 14), (200, 90)])
@pytest.mark.parametrize("side", [90, 360, 720])
def test_a_picture_shows_the_cue_under_the_patches(shape, side):
    retina, glimpse = Retina(12, 2), np.zeros((2, 12, 12), np.float32)
    cue = np.full((*shape, 1), 77, np.uint8)
    picture = draw(np.zeros((100, 100, 1), np.uint8), retina, [], glimpse, cue=cue, side=side)
    layout = Layout(100, 100, retina, 0, side, True)
    assert picture.shape == layout.shape
    left, top, room = layout.tiles[-1]
    rows, columns = np.nonzero((picture == 77).all(axis=2))
    assert (rows.min(), columns.min()) == (top, left)
    assert max(rows.max() - top, columns.max() - left) < max(room, 14)
    height, width = rows.max() - top + 1, columns.max() - left + 1
    assert height / width == pytest.approx(shape[0] / shape[1], rel=0.3)


# The agent.


def agent(**changes):
    """A small agent, untrained, and environments to act in."""
    config = dataclasses.replace(preset("best", ID), hidden_size=16, size=16, **changes)
    envs = environments.make_envs(config, 4, "validation")
    return Policy(models.make_model(config, envs), envs.single_action_space, "center"), envs


def test_what_the_agent_names_depends_on_the_cue():
    policy, envs = agent()
    first = collect(envs, policy, envs.reset(seed=0), Noise(0, 4)).logits.detach()
    observation, info = envs.reset(seed=0)
    envs.unwrapped.world.cues[:] = 255 - envs.unwrapped.world.cues
    observation["cue"] = 1 - observation["cue"]
    second = collect(envs, policy, (observation, info), Noise(0, 4)).logits.detach()
    assert ((first - second).abs().amax(-1) > 1e-6).all()


def test_the_cue_network_learns_by_the_loss_of_the_class():
    policy, envs = agent(canvas=None)
    collect(envs, policy, envs.reset(seed=0), Noise(0, 4)).logits.logsumexp(-1).sum().backward()
    assert all(torch.count_nonzero(parameter.grad) for parameter in policy.model.glimpse_network.weigh.parameters())


def test_extractor_for_stable_baselines3_reads_the_cue():
    pytest.importorskip("stable_baselines3")
    from glimpse_env.sb3 import GlimpseExtractor, make_vec_env

    envs = make_vec_env(ID, 3, seed=0)
    extractor = GlimpseExtractor(envs.observation_space, 8).eval()
    observation = {key: torch.from_numpy(value) for key, value in envs.reset().items()}
    features = extractor(observation)
    assert features.shape == (3, 8)
    assert not torch.equal(features, extractor({**observation, "cue": 1 - observation["cue"]}))
