"""The world of a circle or a square: what is drawn, where, and how it is scored."""

import dataclasses
import itertools

import gymnasium as gym
import numpy as np
import pytest

from agents import environments, evaluation, ram
from agents.presets import preset
from glimpse_env import GlimpseEnv
from glimpse_env.worlds.circle_square import CircleSquareWorld

ID = "Glimpse-CircleSquare-v0"


def drawn(draws, **arguments):
    """Scenes (B, H, W) of draws (B, 3), and their labels."""
    world = CircleSquareWorld(len(draws), **arguments)
    world.reset(np.arange(len(draws)), np.asarray(draws, float), None)
    return world.scenes[..., 0], world.info()["label"], world


@pytest.mark.parametrize(("size", "scene_size"), [(9, 28), (8, (17, 31)), (3, 3)])
def test_scenes_are_what_the_docstring_says(size, scene_size):
    draws = np.random.default_rng(0).random((20, 3))
    scenes, labels, world = drawn(draws, figure_size=size, scene_size=scene_size, gradient=0.4)
    H, W = scenes.shape[1:]
    assert set(labels) == {0, 1}
    for scene, label, (left, top) in zip(scenes, labels, world.places, strict=True):
        x, y = left + size / 2, top + size / 2  # the middle
        for i, j in itertools.product(range(H), range(W)):
            away = np.hypot(j + 0.5 - x, i + 0.5 - y)
            inside = left <= j < left + size and top <= i < top + size
            if label == 0:
                inside = away < size / 2
            assert scene[i, j] == (255 if inside else int(255 * 0.4 * (1 - away / np.hypot(H, W))))


def test_a_figure_lies_anywhere_and_whole():
    axis = (np.arange(20) + 0.5) / 20
    draws = [(which, x, y) for which in (0.25, 0.75) for x in axis for y in axis]
    scenes, labels, world = drawn(draws, gradient=0)
    assert labels.tolist() == [0] * 400 + [1] * 400
    assert {tuple(place) for place in world.places.tolist()} == set(itertools.product(range(20), repeat=2))
    assert (scenes == 255).sum((1, 2)).tolist() == [69] * 400 + [81] * 400  # a disc of 9 pixels across, and 9 x 9


@pytest.mark.parametrize(("size", "scene_size"), [(9, 28), (8, 28), (4, (5, 31)), (3, 3)])
def test_the_edge_cuts_a_figure_whose_middle_may_be_any_pixel(size, scene_size):
    """As ap_gym draws it: all pixels at most half its size away."""
    draws = np.random.default_rng(2).random((400, 3))
    scenes, labels, world = drawn(draws, figure_size=size, scene_size=scene_size, gradient=0.7, cut=True)
    H, W = scenes.shape[1:]
    middles = (draws[:, 1:] * (W, H)).astype(int)
    away = np.abs(np.stack(np.meshgrid(np.arange(W), np.arange(H)), -1) - middles[:, None, None])
    square, circle = away.max(-1) <= size / 2, np.hypot(*np.moveaxis(away, -1, 0)) <= size / 2
    assert ((scenes == 255) == np.where(labels[:, None, None], square, circle)).all()
    assert (world.places == middles - size // 2).all()
    for inside, (x, y, width, height) in zip(square, world.targets, strict=True):
        box = np.zeros((H, W), bool)
        box[y : y + height, x : x + width] = True
        assert (inside == box).all()


def test_the_relative_id_has_the_rules_of_ap_gym():
    envs = gym.make_vec("Glimpse-CircleSquareRelative-v0", num_envs=2000, autoreset_mode="Disabled")
    first, _ = envs.reset(seed=0)
    envs.action_space.seed(0)
    middles = envs.unwrapped.world.places + 4
    assert {tuple(pair) for pair in middles} > {(0, 13), (27, 13), (13, 0), (13, 27)}  # any of 28 x 28 pixels
    scenes = envs.unwrapped.scenes[..., 0]
    inner = ((middles > 3) & (middles < 24)).all(1)
    assert set((scenes[inner] == 255).sum((1, 2))) == {49, 81}  # pixels of a whole circle and a whole square
    assert ((scenes > 210) & (scenes < 255)).any((1, 2)).all()  # the ground is bright up to the figure
    for step in range(16):
        seen, rewards, ended, *_ = envs.step({**envs.action_space.sample(), "action": np.zeros(2000, int)})
        assert np.abs(seen["fixation"] - first["fixation"]).max() <= 2.3 / 14 + 1e-3
        assert ended.all() == (step == 15)
        first = seen
    assert 0.45 < rewards.mean() < 0.55
    assert seen["glimpse"].shape == (2000, 1, 5, 5)


def test_the_ground_leads_to_the_figure():
    scenes, _, world = drawn(np.random.default_rng(1).random((50, 3)))
    assert (scenes.reshape(50, -1).min(1) > 0).all()
    for scene, (left, top) in zip(scenes.astype(int), world.places, strict=True):
        row = scene[top + 4]
        assert (np.diff(row[:left]) >= 0).all()
        assert (np.diff(row[left + 9 :]) <= 0).all()


def test_only_the_last_step_is_scored():
    world = CircleSquareWorld(4, num_glimpses=3)
    world.reset(np.arange(4), np.array([[0.1, 0, 0], [0.9, 0, 0], [0.1, 0, 0], [0.9, 0, 0]]), None)
    playing = np.array([True, True, True, False])
    for actions, rewards, ends in (([1, 0, 0, 1], [0] * 4, [False] * 4), ([0] * 4, [0] * 4, [False] * 4)):
        assert [part.tolist() for part in world.step(np.array(actions), playing)] == [rewards, ends]
    rewards, ended = world.step(np.array([0, 0, 1, 1]), playing)
    assert (rewards.tolist(), ended.tolist()) == ([1, 0, 0, 0], playing.tolist())
    assert world.final_info()["correct"].tolist()[:3] == [True, False, False]
    world.reset(np.array([1]), np.zeros((1, 3)), None)
    assert not world.step(np.zeros(4, np.int64), np.array([False, True, False, True]))[1].any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"figure_size": 2}, "figure_size must be at least 3, got 2"),
        ({"figure_size": 29}, "figure_size=29 does not fit into scene_size=28"),
        ({"cut": 1}, "cut must be True or False, got 1"),
        ({"gradient": 1.5}, r"gradient .*\[0, 1\], got 1\.5"),
        ({"num_glimpses": 0}, "num_glimpses must be at least 1, got 0"),
        ({"scene_size": "28"}, "scene_size.*'28'"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        GlimpseEnv(world="circle_square", patch_size=3, **arguments)


def test_the_agent_begins_to_learn_it(tmp_path, undrawn):
    """In a tenth of its preset's episodes: from an error of 50 %, which is chance, to 28 %; a standard error is 1.5."""
    changes = {"num_episodes": 25_600, "learning_rate": 3e-3, "num_validations": 1, "num_test_episodes": 1000}
    config = dataclasses.replace(preset("best", ID), **changes)
    result = ram.train(config, runs=tmp_path)
    assert result.scores["learned"][-1] < 40
    envs = environments.make_envs(config, 300, "validation")
    again = [evaluation.evaluate(result.policy, envs, "validation", num_episodes=1000) for _ in range(2)]
    assert again[0] == again[1]
