"""Zoom: what a look at each level shows, what it costs, and who else must know of it."""

import warnings

import gymnasium as gym
import numpy as np
import oracles
import pytest
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st
from rollouts import IDS, WORLDS, actions_of, assert_identical, single, vector

from glimpse_env import GlimpseVectorEnv, LogPolarRetina, Retina
from glimpse_env.testing import check_world
from glimpse_env.wrappers import (
    DiscretizeAction,
    FlattenAction,
    GlimpseWrapper,
    PersistenceOfVision,
    VectorDiscretizeAction,
    VectorFlattenAction,
    VectorFlattenObservation,
)

CLUTTERED = "Glimpse-ClutteredMNIST-v0"
ZOOMS = (3, 1, 2)


def action(location, action, zoom):
    return {"location": np.array(location, np.float32), "action": action, "zoom": zoom}


@given(st.data())
@settings(deadline=None, max_examples=200, derandomize=True)
def test_a_batch_at_mixed_zooms_equals_the_oracle(data):
    retina = Retina(data.draw(st.integers(1, 5)), data.draw(st.integers(1, 2)), data.draw(st.sampled_from([2, 3])))
    H, W, C = (data.draw(st.integers(1, most)) for most in (24, 24, 3))
    zooms = np.array(data.draw(st.lists(st.integers(1, 7), min_size=1, max_size=4)))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    scenes = rng.integers(0, 256, (len(zooms), H, W, C), np.uint8)
    locations = rng.integers(-(2**12), 2**12 + 1, (len(zooms), 2)).astype(np.float32) / 2**11
    glimpses = retina(scenes, locations, zooms=zooms)
    for scene, location, zoom, glimpse in zip(scenes, locations, zooms.tolist(), glimpses, strict=True):
        sizes = retina.patch_size, retina.num_scales, retina.scale_factor
        np.testing.assert_array_equal(glimpse, oracles.look(scene, location, *sizes, zoom))
        np.testing.assert_array_equal(glimpse, retina.zoomed(zoom)(scene[None], location[None])[0])
    assert retina.zoomed(3).sizes == [3 * size for size in retina.sizes]


def test_the_widest_zoom_sums_white_without_overflow():
    white = np.full((1, 300, 300, 1), 255, np.uint8)
    glimpse = Retina(1, 2)(white, np.zeros((1, 2), np.float32), zooms=np.array([128]))
    np.testing.assert_array_equal(glimpse, np.ones((1, 2, 1, 1), np.float32))


@pytest.mark.parametrize(
    ("zooms", "message"),
    [
        (np.array([1]), r"zooms must be \(2,\) int64, one a glimpse, got \(1,\) int64"),
        (np.array([[1], [1]]), r"zooms must be \(2,\) int64, one a glimpse, got \(2, 1\) int64"),
        (np.array([1.0, 2.0]), r"zooms must be \(2,\) int64, one a glimpse, got \(2,\) float64"),
        (np.array([1, 2], np.int32), "got .* int32: convert them"),
        (np.array([0, 1]), r"zooms must lie in \[1, 32\], .* got \[0, 1\]"),
        (np.array([1, 33]), r"zooms must lie in \[1, 32\], where no cell of Retina\(.*zoom=2\) has more than 256 pixels"),
    ],
    ids=str,
)
def test_zooms_that_a_retina_cannot_take_are_refused(zooms, message):
    retina, locations = Retina(3, 3, 2, zoom=2), np.zeros((2, 2), np.float32)
    scenes, widest = np.full((2, 9, 9, 1), 255, np.uint8), np.array([1, 32])
    with pytest.raises(ValueError, match=message):
        retina(scenes, locations, zooms=zooms)
    glimpses, corners = retina(scenes, locations, zooms=widest), np.zeros((2, 2), np.int64)
    with pytest.raises(ValueError, match=message):
        retina.project(glimpses, locations, (9, 9), corners, (9, 9), zooms)
    assert retina.project(glimpses, locations, (9, 9), corners, (9, 9), widest).max() <= 1


def test_the_agent_chooses_the_zoom_of_the_next_glimpse():
    envs = vector(CLUTTERED, 3, zooms=ZOOMS)
    assert envs.single_action_space["zoom"] == spaces.Discrete(3)
    assert envs.unwrapped.zooms == ZOOMS
    observation, _ = envs.reset(seed=0)
    levels = np.zeros(3, int)
    rng = np.random.default_rng(0)
    for _ in range(7):
        assert observation in envs.observation_space
        np.testing.assert_array_equal(observation["zoom_level"], np.eye(3, dtype=np.float32)[levels])
        for i in range(3):
            expected = oracles.look(envs.unwrapped.scenes[i], observation["fixation"][i], 12, 3, 2, ZOOMS[levels[i]])
            np.testing.assert_array_equal(observation["glimpse"][i], expected)
        chosen = actions_of(envs, rng)
        levels = chosen["zoom"]
        observation, _, ended, *_ = envs.step(chosen)
    assert not ended.any()
    before = observation["zoom_level"]
    observation, _, ended, *_ = envs.step(actions_of(envs, rng))
    assert ended.all()
    np.testing.assert_array_equal(observation["zoom_level"], before, err_msg="the last step does not look")


@pytest.mark.parametrize("id", IDS)
def test_a_single_level_of_1_shows_what_no_zoom_shows(id):
    plain, zoomed = vector(id, 3, canvas=9), vector(id, 3, canvas=9, zooms=(1,))
    (seen, info), (also, theirs) = plain.reset(seed=1), zoomed.reset(seed=1)
    rng = np.random.default_rng(0)
    for _ in range(12):
        assert (also.pop("zoom_level") == 1).all()
        assert_identical(also, seen)
        assert_identical(theirs, info)
        chosen = actions_of(plain, rng)
        (seen, *_, info), (also, *_, theirs) = plain.step(chosen), zoomed.step({**chosen, "zoom": np.zeros(3, int)})


def test_the_canvas_equals_the_oracle():
    envs = vector(CLUTTERED, 4, zooms=ZOOMS, canvas=33, patch_size=3)
    memories = [oracles.Canvas((60, 60, 1), 3, 3, 2, 33) for _ in range(4)]
    observation, _ = envs.reset(seed=0)
    rng = np.random.default_rng(1)
    for _ in range(8):
        for i, memory in enumerate(memories):
            zoom = ZOOMS[observation["zoom_level"][i].argmax()]
            expected = memory.paint(observation["glimpse"][i], observation["fixation"][i], zoom)
            np.testing.assert_array_equal(observation["canvas"][i], expected)
        observation, *_ = envs.step(actions_of(envs, rng))


def test_persistence_of_vision_paints_each_glimpse_at_its_zoom():
    env = single(CLUTTERED, zooms=ZOOMS, canvas="scene")
    other = PersistenceOfVision(single(CLUTTERED, zooms=ZOOMS), num_glimpses=99)
    one, two = env.reset(seed=0)[0], other.reset(seed=0)[0]
    for _ in range(8):
        np.testing.assert_array_equal(one["canvas"], two["canvas"])
        chosen = env.action_space.sample()
        one, two = env.step(chosen)[0], other.step(chosen)[0]


def test_a_look_costs_its_level():
    env = single(CLUTTERED, decide="anytime", glimpse_cost=0.5, zooms=(1, 2), zoom_cost=(0, 0.125), num_glimpses=4)
    _, info = env.reset(seed=0)
    look_on = len(env.task.action_names) - 1
    rewards = [env.step(action((0, 0), look_on, zoom))[1] for zoom in (0, 1, 1)]
    assert rewards == [-0.5, -0.625, -0.625]
    _, reward, ended, _, _ = env.step(action((0, 0), info["label"], 1))
    assert (reward, ended) == (1, True), "the last step does not look"
    assert single(CLUTTERED, decide="anytime", zooms=(1, 2), zoom_cost=0.25)._batch._eye.zoom.zoom_cost == (0.25, 0.25)


def test_a_location_in_units_of_the_glimpse():
    env = single(CLUTTERED, zooms=(2, 1), location_mode="glimpse", initial_fixation="center")
    env.reset(seed=0)  # the widest patch sees 96 pixels of 60: more than the scene
    observation, *_ = env.step(action((0.5, -0.25), 0, 1))
    np.testing.assert_allclose(observation["fixation"], (0.5, -0.25), rtol=1e-6)
    observation, *_ = env.step(action((-0.5, -1), 0, 0))  # and here 48 of 60
    np.testing.assert_allclose(observation["fixation"], (0.1, -1), atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"zooms": ()}, r"zooms must be integers such as \(1, 2, 4\), got \(\)"),
        ({"zooms": 2}, "zooms must be integers .* got 2"),
        ({"zooms": np.array(2)}, "zooms must be integers .* got array"),
        ({"zooms": "12"}, "zooms must be integers .* got '12'"),
        ({"zooms": (1, 0)}, "each of zooms must be from 1 to 256, got 0"),
        ({"zooms": (1, 1.5)}, r"each of zooms must be an integer, got 1\.5"),
        ({"zooms": (2, 2)}, "zooms must differ"),
        ({"zooms": (1, 256)}, "zoom=256 averages cells of 1024 .* or smaller zooms"),
        ({"zoom_cost": 0.1}, r"zoom_cost=0\.1 needs zooms"),
        ({"zooms": (1, 2), "zoom_cost": -1}, "zoom_cost must be a finite number of at least 0, got -1"),
        (
            {"zooms": (1, 2), "zoom_cost": (1,), "decide": "anytime"},
            r"zoom_cost must be a number, or one for each .* got \(1,\)",
        ),
        ({"zooms": (1, 2), "zoom_cost": 0.1}, "zoom_cost=0.1 needs a task whose score is the return"),
        ({"zooms": (1, 2), "retina": LogPolarRetina(4, 8, 10)}, "needs a retina that zooms"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        single(CLUTTERED, **arguments)


@pytest.mark.parametrize("zoom", [-1, 3, 1.0, None, [0, 0]])
def test_bad_actions_change_nothing(zoom):
    env, other = single(CLUTTERED, zooms=ZOOMS), single(CLUTTERED, zooms=ZOOMS)
    env.reset(seed=0)
    other.reset(seed=0)
    with pytest.raises(ValueError, match="zoom"):
        env.step(action((0, 0), 1, zoom))
    with pytest.raises(ValueError, match="with the keys 'location', 'action' and 'zoom'"):
        env.step({"location": np.zeros(2, np.float32), "action": 1})
    good = action((0.5, 0.5), 1, 2)
    assert_identical(env.step(good), other.step(good))


@pytest.mark.parametrize("id", IDS)
def test_check_env_without_a_warning(id):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(single(id, zooms=ZOOMS), skip_render_check=True)


@pytest.mark.parametrize("world", sorted(set(WORLDS.values())))
def test_worlds_keep_their_contracts(world):
    sizes = {"num_glimpses": 2} if world == "classification" else {}
    check_world(world, zooms=(1, 2), location_mode="glimpse", **sizes)


def test_pictures_show_the_square_that_is_seen():
    wide, close = (single(CLUTTERED, zooms=zooms, render_mode="rgb_array") for zooms in ((4, 1), (1, 4)))
    plain = single(CLUTTERED, render_mode="rgb_array")
    for env in (wide, close, plain):
        env.reset(seed=0)
    np.testing.assert_array_equal(close.render(), plain.render())
    assert (wide.render() != plain.render()).any()
    wide.step(action((0, 0), 0, 1))
    plain.step({"location": np.zeros(2, np.float32), "action": 0})
    np.testing.assert_array_equal(wide.render(), plain.render())


WRAPPED = {"patch_size": 8, "zooms": (3, 1), "zoom_cost": (0.25, 0)}


class Picture(gym.Env):
    """A still picture; each step is worth 1."""

    observation_space = spaces.Box(0, 255, (40, 30, 3), np.uint8)
    action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.image = self.np_random.integers(0, 256, (40, 30, 3), np.uint8)
        return self.image, {}

    def step(self, action):
        return self.image, 1, False, False, {}


def test_any_environment_in_a_wrapper_zooms():
    env = GlimpseWrapper(Picture(), **WRAPPED)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*different from the unwrapped version")
        check_env(env, skip_render_check=True)
    observation, _ = env.reset(seed=0)
    for zoom in (1, 0):
        factor = env.zooms[observation["zoom_level"].argmax()]
        expected = oracles.look(env.unwrapped.image, observation["fixation"], 8, 1, 2, factor)
        np.testing.assert_array_equal(observation["glimpse"], expected)
        observation, reward, *_ = env.step(action((0.25, -0.5), 1, zoom))
        assert reward == 1 - 0.25 * (zoom == 0)
        assert type(reward) is (float if zoom == 0 else int), "a look that costs nothing leaves the reward as it is"
    with pytest.raises(ValueError, match="zoom=2"):
        env.step(action((0, 0), 1, 2))


FLAT = action((-0.5, 0.5), 7, 2)  # what the following arrays stand for
ARRAYS = {
    "box": (FlattenAction, VectorFlattenAction, {}, np.r_[-0.5, 0.5, -np.ones(7), 1, -1, -1, 0, -1, 1].astype(np.float32)),
    "multidiscrete": (DiscretizeAction, VectorDiscretizeAction, {"grid": 2}, np.array([0, 1, 7, 2])),
    "discrete": (DiscretizeAction, VectorDiscretizeAction, {"grid": 2, "flat": True}, np.array(((0 * 2 + 1) * 10 + 7) * 3 + 2)),
}


@pytest.mark.parametrize(("one", "batched", "arguments", "array"), ARRAYS.values(), ids=ARRAYS)
def test_action_wrappers_choose_the_zoom(one, batched, arguments, array):
    env, plain = one(single(CLUTTERED, zooms=ZOOMS), **arguments), single(CLUTTERED, zooms=ZOOMS)
    assert array in env.action_space
    env.reset(seed=0)
    plain.reset(seed=0)
    assert_identical(env.step(array), plain.step(FLAT))
    envs, many = batched(vector(CLUTTERED, 2, zooms=ZOOMS), **arguments), vector(CLUTTERED, 2, zooms=ZOOMS)
    envs.reset(seed=0)
    many.reset(seed=0)
    expected = {name: np.stack([value, value]) for name, value in FLAT.items()}
    assert_identical(envs.step(np.stack([array, array])), many.step(expected))


def test_flat_observations_end_with_the_zoom():
    envs = VectorFlattenObservation(vector(CLUTTERED, 2, zooms=ZOOMS))
    observation, _ = envs.reset(seed=0)
    assert observation.shape == (2, 3 * 144 + 2 + 3)
    np.testing.assert_array_equal(observation[:, -3:], [[1, 0, 0]] * 2)


def test_an_exception_in_a_step_leaves_the_zoom_as_it_was(monkeypatch):
    envs = GlimpseVectorEnv(2, patch_size=4, zooms=(1, 2))
    envs.reset(seed=0)
    bad = {"location": np.zeros((2, 2), np.float32), "action": np.zeros(2, int), "zoom": np.array([0, 2])}
    with pytest.raises(ValueError, match=r"Environment 1 got zoom=2: a zoom must lie in \[0, 2\)"):
        envs.step(bad)
    observation, *_ = envs.step({**bad, "zoom": np.array([0, 1])})
    np.testing.assert_array_equal(observation["zoom_level"], np.eye(2))
