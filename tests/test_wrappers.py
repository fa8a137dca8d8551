"""Action wrappers: the vector form is the single one, and each turns an array into the Dict action it stands for."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import FlattenObservation
from rollouts import IDS, MODES, assert_identical, vector

from glimpse_env.wrappers import (
    DiscretizeAction,
    FlattenAction,
    VectorDiscretizeAction,
    VectorFlattenAction,
    VectorFlattenObservation,
)

PAIRS = {
    "box": (FlattenAction, VectorFlattenAction, {}),
    "multidiscrete": (DiscretizeAction, VectorDiscretizeAction, {"grid": 5}),
    "discrete": (DiscretizeAction, VectorDiscretizeAction, {"grid": 4, "flat": True}),
}
PAIR = pytest.mark.parametrize(("single", "batched", "arguments"), PAIRS.values(), ids=PAIRS)


class BoxActions(gym.Env):
    """A base environment that is acted on by a (2, 3) Box, as a wrapped game may be; it hands out what it got."""

    observation_space = spaces.Box(-9, 9, (2,))
    action_space = spaces.Dict(location=spaces.Box(-1, 1, (2,)), action=spaces.Box(-2, 3, (2, 3)))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(2, np.float32), {}

    def step(self, action):
        assert action in self.action_space
        return action["location"], 0.0, False, False, {"action": action["action"]}


class Given(gym.Env):
    """What an action was turned into."""

    def __init__(self, action_space=None):
        location = spaces.Box(-1, 1, (2,))
        self.action_space = action_space or spaces.Dict(location=location, action=spaces.Discrete(10))
        self.observation_space = self.action_space

    def step(self, action):
        return action, 0.0, False, False, {}


def given(wrapper, action):
    return wrapper.step(action)[0]


# What an array stands for.


def test_flat_action_is_the_location_and_the_largest_logit():
    env = FlattenAction(Given())
    assert env.action_space == spaces.Box(-1, 1, (12,))
    action = np.zeros(12, np.float32)
    action[:2], action[2 + 7], action[2 + 3] = (0.25, -0.5), 0.1, -1
    parts = given(env, action)
    assert (parts["location"].tolist(), parts["action"]) == ([0.25, -0.5], 7)
    assert parts in env.unwrapped.action_space


def test_flat_action_hands_on_the_values_of_a_box():
    env = FlattenAction(BoxActions())
    assert env.action_space.low.tolist() == [-1] * 2 + [-2] * 6
    assert env.action_space.high.tolist() == [1] * 2 + [3] * 6
    action = np.array([0.5, 1, 0, 1, 2, -1, 3, -2], np.float32)
    location, *_, info = env.step(action)
    assert location.tolist() == [0.5, 1]
    assert info["action"].tolist() == [[0, 1, 2], [-1, 3, -2]]


def test_a_flat_action_keeps_to_bounds_that_float32_rounds():
    box = spaces.Box(-0.1, 0.1, (3,), np.float64)
    env = FlattenAction(Given(spaces.Dict(location=spaces.Box(-1, 1, (2,)), action=box)))
    for action in (env.action_space.low, env.action_space.high):
        assert given(env, action)["action"] in box


@pytest.mark.parametrize("grid", [1, 2, 3, 7])
def test_grid_cells_tile_the_scene(grid):
    env, flat = DiscretizeAction(Given(), grid), DiscretizeAction(Given(), grid, flat=True)
    assert env.action_space == spaces.MultiDiscrete([grid, grid, 10])
    assert flat.action_space == spaces.Discrete(grid * grid * 10)
    for column in range(grid):
        for row in range(grid):
            parts = given(env, np.array([column, row, 4]))
            assert parts in env.unwrapped.action_space
            assert parts["action"] == 4
            edges = [-1 + 2 * cell / grid for cell in (column, column + 1, row, row + 1)]
            np.testing.assert_allclose(parts["location"], [sum(edges[:2]) / 2, sum(edges[2:]) / 2], atol=1e-7)
            assert_identical(given(flat, (column * grid + row) * 10 + 4), parts)
    if grid % 2:
        assert given(env, np.array([grid // 2, grid // 2, 0]))["location"].tolist() == [0, 0]


def test_a_class_that_does_not_start_at_zero():
    space = spaces.Dict(location=spaces.Box(-1, 1, (2,)), action=spaces.Discrete(3, start=5))
    assert given(FlattenAction(Given(space)), np.array([0, 0, 0, 0, 1], np.float32))["action"] == 7
    assert given(DiscretizeAction(Given(space), 3), np.array([0, 0, 2]))["action"] == 7


# The vector form is the single one, side by side.


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
@pytest.mark.parametrize("id", IDS)
@PAIR
def test_vector_wrapper_is_single_wrappers_side_by_side(id, mode, single, batched, arguments):
    B = 3
    native = batched(vector(id, B, mode), **arguments)
    sync = SyncVectorEnv([lambda: single(gym.make(id), **arguments)] * B, autoreset_mode=mode)
    assert native.single_action_space == sync.single_action_space
    assert native.action_space == sync.action_space
    assert native.metadata["autoreset_mode"] is mode
    assert native.spec.id == id
    assert_identical(native.reset(seed=4), sync.reset(seed=4))
    native.action_space.seed(0)
    episodes = np.zeros(B, int)
    while episodes.min() < 3:
        action = native.action_space.sample()
        mine = native.step(action)
        assert_identical(mine, sync.step(action))
        episodes += mine[2]
        if mode == AutoresetMode.DISABLED and mine[2].any():
            options = {"reset_mask": mine[2]}
            assert_identical(native.reset(options=options), sync.reset(options=options))


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
@pytest.mark.parametrize("id", IDS)
def test_flat_observations_are_those_of_gymnasiums_single_wrapper(id, mode):
    native = VectorFlattenObservation(VectorFlattenAction(vector(id, 3, mode)))
    sync = SyncVectorEnv([lambda: FlattenObservation(FlattenAction(gym.make(id)))] * 3, autoreset_mode=mode)
    assert native.single_observation_space == sync.single_observation_space
    assert native.observation_space == sync.observation_space
    flat, _ = native.reset(seed=5)
    assert_identical((flat, _), sync.reset(seed=5))
    assert flat in native.observation_space
    native.action_space.seed(0)
    for _ in range(6 if mode == AutoresetMode.DISABLED else 25):
        action = native.action_space.sample()
        assert_identical(native.step(action), sync.step(action))


def test_a_flat_observation_is_the_glimpse_and_then_the_fixation():
    flat, _ = VectorFlattenObservation(vector("Glimpse-MNIST-v0", 3)).reset(seed=4)
    observation, _ = vector("Glimpse-MNIST-v0", 3).reset(seed=4)
    np.testing.assert_array_equal(flat, np.concatenate([observation["glimpse"].reshape(3, -1), observation["fixation"]], 1))
    with pytest.raises(ValueError, match="Dict of Boxes"):
        VectorFlattenObservation(VectorFlattenObservation(vector("Glimpse-MNIST-v0", 3)))


# Seeds, infos and specs stay.


@pytest.mark.parametrize("id", IDS)
@PAIR
def test_a_wrapped_environment_passes_check_env_and_comes_back_from_its_spec(id, single, batched, arguments):
    env = single(gym.make(id, disable_env_checker=True), **arguments)
    with pytest.warns(UserWarning, match="different from the unwrapped version") as caught:  # said of any wrapper
        check_env(env, skip_render_check=True)
    assert len(caught) == 1
    again = gym.make(EnvSpec.from_json(env.spec.to_json()))
    assert again.action_space == env.action_space
    assert_identical(again.reset(seed=3), env.reset(seed=3))
    bare = gym.make(id)
    assert_identical(bare.reset(seed=3), env.reset(seed=3))
    action = env.action_space.sample()
    assert_identical(again.step(action), env.step(action))


@PAIR
def test_bad_actions_are_refused_and_change_nothing(single, batched, arguments):
    env, envs = single(gym.make("Glimpse-MNIST-v0"), **arguments), batched(vector("Glimpse-MNIST-v0", 2), **arguments)
    for wrapped in (env, envs):
        wrapped.reset(seed=0)
        good = wrapped.action_space.sample()
        too_long = np.concatenate([np.atleast_1d(good)] * 2, axis=-1)
        bad = np.full_like(good, np.nan) if single is FlattenAction else np.full_like(good, 10**6)
        for action in (too_long, bad, np.full_like(good, -2)):
            with pytest.raises(ValueError, match="must"):
                wrapped.step(action)
        after = wrapped.step(good)
        wrapped.reset(seed=0)
        assert_identical(after, wrapped.step(good))
    if single is FlattenAction:
        action = np.zeros(12, np.float32)
        env.reset(seed=0)
        action[5] = np.nan
        with pytest.raises(ValueError, match="action"):
            env.step(action)


@PAIR
def test_no_action_is_read_after_an_end(single, batched, arguments):
    envs = batched(vector("Glimpse-MNIST-v0", 2, num_glimpses=1), **arguments)
    envs.reset(seed=0)
    good = envs.action_space.sample()
    assert envs.step(good)[2].all()
    bad = np.full_like(good, np.nan) if single is FlattenAction else np.full_like(good, -1)
    _, rewards, terminations, *_ = envs.step(bad)
    assert not rewards.any()
    assert not terminations.any()


def test_what_cannot_be_wrapped_is_refused():
    with pytest.raises(ValueError, match="grid"):
        DiscretizeAction(Given(), grid=0)
    with pytest.raises(ValueError, match="use FlattenAction"):
        DiscretizeAction(BoxActions())
    with pytest.raises(ValueError, match="wrap the environment itself"):
        FlattenAction(FlattenAction(Given()))
    space = spaces.Dict(location=spaces.Box(-1, 1, (2,)), action=spaces.MultiBinary(3))
    with pytest.raises(ValueError, match="Discrete or a Box"):
        FlattenAction(Given(space))
