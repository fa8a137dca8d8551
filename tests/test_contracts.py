"""The contracts that hold for every id: the vector env is the single one, episodes are their own, Gymnasium's own checks."""

import copy
import itertools
import pickle
import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env, data_equivalence
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from rollouts import CLASSIFICATION, IDS, MODES, WORLDS, actions_of, assert_identical, play, row_of, single, vector

from glimpse_env.envs import METADATA
from glimpse_env.eye import OBSERVED

B = 4
VARIANTS = {
    "as registered": {},
    "anytime": {"decide": "anytime", "glimpse_cost": 0.125},  # staggered ends
    "anytime, time limit": {"decide": "anytime", "max_episode_steps": 3},
    "canvas, varied": {"canvas": 20, "rotation": 20, "scale": 1.2, "shift": 2, "noise": 0.1},
    "zooms": {"zooms": (3, 1, 2), "zoom_cost": (0, 0.25, 0.125), "decide": "anytime", "location_mode": "glimpse", "canvas": 9},
    "whole scene": {"observe": "scene", "zooms": (2, 1), "contrast": 0.5, "canvas": 9},
    "every, relative": {"reward": "every", "location_mode": "relative", "max_step": 0.7, "initial_fixation": "center"},
}
VARIANTS_OF = {  # world -> its own
    "classification": VARIANTS,
    "catch": {
        "as registered": {},
        "three balls, relative, canvas": {
            "num_balls": 3,
            "speed": 4,
            "location_mode": "relative",
            "max_step": 0.7,
            "canvas": 9,
        },
        "zooms": {"zooms": (1, 3), "zoom_cost": 0.25},
        "whole scene": {"observe": "scene", "speed": 2},
        "time limit": {"max_episode_steps": 5},
        "slow gaze": {"scene_size": (7, 11), "max_step": 0.3, "num_threads": 2},
    },
    "sequence": {
        "as registered": {},
        "one to three, overlapping": {"num_digits": (1, 3), "glimpses_per_answer": 2, "search_glimpses": 1, "overlap": True},
        "zooms": {"num_digits": (1, 3), "zooms": (1, 2), "location_mode": "glimpse"},
        "whole scene": {"num_digits": (1, 3), "observe": "scene"},
        "time limit": {"num_digits": (1, 3), "glimpses_per_answer": 1, "max_episode_steps": 3},
    },
    "search": {
        "as registered": {},
        "zooms": {"zooms": (5, 1)},
        "whole scene": {"observe": "scene"},
        "one distractor, canvas": {"num_distractors": 1, "grid": 3, "noise": 0.1, "canvas": 9, "num_threads": 2},
    },
    "circle_square": {
        "as registered": {},
        "oblong, whole scene": {"scene_size": (17, 31), "observe": "scene", "num_threads": 2},
        "cut": {"cut": True, "figure_size": 8, "scene_size": (9, 12)},
        "oblong, zooms": {"scene_size": (17, 31), "zooms": (2, 1), "num_glimpses": 2, "canvas": 9, "num_threads": 2},
    },
}
CASES = [pytest.param(id, arguments, id=f"{id}, {name}") for id in IDS for name, arguments in VARIANTS_OF[WORLDS[id]].items()]


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """A window shows each picture at once; test_window.py looks at its pace."""
    monkeypatch.setitem(METADATA, "render_fps", 1e6)


# Contract 1: native vector env == SyncVectorEnv of single envs, bit for bit.


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
@pytest.mark.parametrize(("id", "arguments"), CASES)
def test_vector_env_is_single_envs_side_by_side(id, arguments, mode):
    native = vector(id, B, mode, **arguments)
    sync = gym.make_vec(id, B, vectorization_mode="sync", vector_kwargs={"autoreset_mode": mode}, **arguments)
    assert isinstance(sync.unwrapped, SyncVectorEnv)
    for name in ("single_observation_space", "single_action_space", "observation_space", "action_space"):
        assert getattr(native, name) == getattr(sync, name)
    assert native.metadata["autoreset_mode"] is mode
    assert_identical(native.reset(seed=7), sync.reset(seed=7))

    rng, episodes, staggered = np.random.default_rng(1), np.zeros(B, int), False
    while episodes.min() < 4:
        action = actions_of(native, rng)
        mine, theirs = native.step(action), sync.step(action)
        assert_identical(mine, theirs)
        ended = mine[2] | mine[3]
        episodes += ended
        staggered |= ended.any() and not ended.all()
        if mode == AutoresetMode.DISABLED and ended.any():
            begin = {"reset_mask": ended.copy()}
            assert_identical(native.reset(options=dict(begin)), sync.reset(options=dict(begin)))
    assert staggered == (arguments.get("decide") == "anytime" or "num_digits" in arguments)


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
@pytest.mark.parametrize("id", IDS)
def test_vector_env_resets_as_single_envs_do(id, mode):
    native = vector(id, B, mode)
    sync = gym.make_vec(id, B, vectorization_mode="sync", vector_kwargs={"autoreset_mode": mode})
    rng = np.random.default_rng(2)
    mask = np.array([True, False, False, True])
    resets = [
        {"seed": 3},
        {},
        {"seed": [9, None, 0, None]},
        {"options": {"reset_mask": mask}},
        {"seed": 5, "options": {"reset_mask": ~mask}},
        {"options": {"index": 11}} if id in CLASSIFICATION else {},
        {"seed": [1, 2, 3, 4], "options": {}},
    ]
    for arguments in resets:
        assert_identical(native.reset(**copy.deepcopy(arguments)), sync.reset(**copy.deepcopy(arguments)))
        for _ in range(2):
            action = actions_of(native, rng)
            assert_identical(native.step(action), sync.step(action))


CHANGES = {"rotation": 40.0, "contrast": 0.5, "noise": 0.2}
CURRICULA = [id for id in IDS if WORLDS[id] in ("classification", "sequence", "search")]


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
@pytest.mark.parametrize("id", CURRICULA)
def test_a_curriculum_is_the_same_in_vector_and_single_envs(id, mode):
    """Arguments change in the middle of episodes, which go on as they were, and count from the next ones on."""
    native = vector(id, B, mode)
    sync = gym.make_vec(id, B, vectorization_mode="sync", vector_kwargs={"autoreset_mode": mode})
    untouched = vector(id, B, mode)
    for envs in (native, sync, untouched):
        envs.reset(seed=7)
    rng, changed = np.random.default_rng(1), np.zeros(B, np.bool_)
    for t in range(25):
        if t == 3:
            native.unwrapped.set_arguments(**CHANGES)
            sync.call("set_arguments", **CHANGES)
        action = actions_of(native, rng)
        mine, theirs, plain = native.step(action), sync.step(action), untouched.step(action)
        assert_identical(mine, theirs)
        ended = mine[2]
        if mode == AutoresetMode.DISABLED and ended.any():
            begin = {"reset_mask": ended.copy()}
            mine, theirs, plain = (envs.reset(options=dict(begin)) for envs in (native, sync, untouched))
            assert_identical(mine, theirs)
        changed |= (native.unwrapped.world.scenes != untouched.unwrapped.world.scenes).any(axis=(1, 2, 3))
        assert not changed.any() or t >= 3 + 1
        assert native.unwrapped.episodes.numbers.tolist() == untouched.unwrapped.episodes.numbers.tolist()
        assert (changed == (native.unwrapped.episodes.numbers > 1)).all()
        np.testing.assert_array_equal(mine[0]["fixation"], plain[0]["fixation"])
    assert changed.all()


@pytest.mark.parametrize("id", sorted(set(IDS) - set(CURRICULA)))
def test_worlds_that_are_always_made_alike_say_so(id):
    for env in (single(id), vector(id, 2).unwrapped):
        with pytest.raises(ValueError, match=r"has no argument 'noise'.*It takes none"):
            env.set_arguments(noise=0.1)


def test_final_observation_is_the_one_before_the_reset():
    """Not by comparison with SyncVectorEnv alone: what SAME_STEP hands out, by its meaning."""
    envs = vector("Glimpse-MNIST-v0", 2, AutoresetMode.SAME_STEP, num_glimpses=1)
    first, _ = envs.reset(seed=0)
    action = {"location": np.ones((2, 2), np.float32), "action": np.array([1, 2])}
    observation, _, _, _, info = envs.step(action)
    for i in range(2):
        assert_identical(info["final_obs"][i], {key: value[i] for key, value in first.items()})
        assert not np.array_equal(observation["fixation"][i], first["fixation"][i])


def test_next_step_ignores_the_action_after_an_end():
    envs = vector("Glimpse-MNIST-v0", 2, num_glimpses=1), vector("Glimpse-MNIST-v0", 2, num_glimpses=1)
    good = {"location": np.zeros((2, 2), np.float32), "action": np.zeros(2, np.int64)}
    bad = {"location": np.full((2, 2), np.nan, np.float32), "action": np.full(2, -1)}
    for env in envs:
        env.reset(seed=0)
        assert env.step(good)[2].all()
    one, other = envs[0].step(good), envs[1].step(bad)
    assert_identical(one, other)
    assert not one[1].any()
    assert not one[2].any()


# Contract 2: episode k of env i depends on (seed + i, k) alone.


def first_sights(id, seed, k, **arguments):
    """How episode k of a single env begins: scene, observation, info."""
    env = single(id, **arguments)
    observation, info = env.reset(seed=seed)
    for _ in range(k):
        observation, info = env.reset()
    return env.world.scenes[0].copy(), observation, info


@pytest.mark.parametrize(
    ("num_envs", "num_threads", "mode"),
    [(1, 1, "NEXT_STEP"), (3, 1, "SAME_STEP"), (5, 2, "DISABLED"), (5, 4, "NEXT_STEP"), (3, 2, "SAME_STEP")],
)
@pytest.mark.parametrize("id", IDS)
def test_an_episode_depends_on_its_seed_and_number_alone(id, num_envs, num_threads, mode):
    seed, rng, mode = 40, np.random.default_rng(num_envs), AutoresetMode[mode]  # other actions for each num_envs
    arguments = {"decide": "anytime"} if id in CLASSIFICATION else {}
    envs = vector(id, num_envs, mode, num_threads=num_threads, **arguments)
    observation, info = envs.reset(seed=seed)
    number, begun, resting = np.zeros(num_envs, int), np.ones(num_envs, np.bool_), np.zeros(num_envs, np.bool_)
    while number.min() < 3:
        for i in np.flatnonzero(begun & (number < 4)):
            scene, expected, expected_info = first_sights(id, seed + int(i), int(number[i]), **arguments)
            np.testing.assert_array_equal(envs.unwrapped.world.scenes[i], scene)
            assert_identical({key: value[i] for key, value in observation.items()}, expected)
            assert {name: info[name][i] for name in expected_info} == expected_info
        observation, _, ended, _, info = envs.step(actions_of(envs, rng))
        begun, resting = resting if mode == AutoresetMode.NEXT_STEP else ended, ended
        if mode == AutoresetMode.DISABLED and ended.any():
            observation, info = envs.reset(options={"reset_mask": ended})
        number += begun


@pytest.mark.parametrize("id", IDS)
def test_actions_change_nothing_in_the_next_episode(id):
    envs = single(id), single(id)
    starts = []
    for salt, env in enumerate(envs):
        env.reset(seed=5)
        play(env, 3 + 4 * salt, seed=salt)
        env.reset(seed=6)
        env.step(env.action_space.sample())
        starts.append(env.reset())
    assert_identical(*starts)


@pytest.mark.parametrize("id", IDS)
def test_neighboring_seeds_and_episodes_differ(id):
    starts = [first_sights(id, seed, k)[1]["fixation"].tobytes() for seed, k in itertools.product(range(5), range(4))]
    assert len(set(starts)) == 20


# Contract 4: Gymnasium's own checks.


@pytest.mark.parametrize("observe", OBSERVED)
@pytest.mark.parametrize("render_mode", [None, "rgb_array", "human"])
@pytest.mark.parametrize("id", IDS)
def test_check_env_without_a_warning(id, render_mode, observe):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        check_env(gym.make(id, render_mode=render_mode, observe=observe).unwrapped)
    assert [str(warning.message) for warning in caught] == []


@pytest.mark.parametrize("id", IDS)
def test_spaces_and_plain_types(id):
    env = single(id)
    observation, info = env.reset(seed=0)
    done = False
    while not done:
        assert observation in env.observation_space
        assert observation["glimpse"].dtype == observation["fixation"].dtype == np.float32
        assert all(type(value) in (int, float, bool) for value in info.values())
        action = env.action_space.sample()
        assert action in env.action_space
        observation, reward, done, truncated, info = env.step(action)
        assert (type(reward), type(done), truncated) == (float, bool, False)
    assert observation in env.observation_space
    assert "label" in info or id not in CLASSIFICATION


@pytest.mark.parametrize("id", IDS)
def test_vector_spaces(id):
    envs = vector(id, 3)
    observation, _ = envs.reset(seed=0)
    for _ in range(20):
        assert observation in envs.observation_space
        action = envs.action_space.sample()
        observation, reward, terminated, truncated, _ = envs.step(action)
        assert (reward.dtype, terminated.dtype, truncated.dtype) == (np.float64, np.bool_, np.bool_)
        assert reward.shape == terminated.shape == truncated.shape == (3,)
        assert not truncated.any()


@pytest.mark.parametrize("id", IDS)
def test_rollout_is_deterministic(id):
    """As Gymnasium's test_envs.test_env_determinism_rollout has it."""
    one, other = gym.make(id, disable_env_checker=True), gym.make(id, disable_env_checker=True)
    assert data_equivalence(one.reset(seed=0), other.reset(seed=0), exact=True)
    one.action_space.seed(0)
    for _ in range(50):
        action = one.action_space.sample()
        mine, theirs = one.step(action), other.step(action)
        assert mine[0] in one.observation_space
        assert_identical(mine, theirs)
        if mine[2] or mine[3]:
            assert_identical(one.reset(), other.reset())


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))], ids=["deepcopy", "pickle"])
@pytest.mark.parametrize("observe", OBSERVED)
@pytest.mark.parametrize("render_mode", [None, "rgb_array", "human"])
@pytest.mark.parametrize("id", IDS)
def test_copy_goes_on_as_the_original(id, render_mode, observe, copied):
    env = gym.make(id, render_mode=render_mode, observe=observe)
    env.reset(seed=3)
    play(env, 10, seed=0)
    other = copied(env)
    assert_identical(play(env, 20, seed=1), play(other, 20, seed=1))
    assert_identical(env.render() if render_mode else 0, other.render() if render_mode else 0)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))], ids=["deepcopy", "pickle"])
@pytest.mark.parametrize("id", IDS)
def test_copy_of_a_vector_env_goes_on_and_is_its_own(id, copied):
    envs = vector(id, 3)
    envs.reset(seed=3)
    rng = np.random.default_rng(0)
    actions = [actions_of(envs, rng) for _ in range(30)]
    for action in actions[:10]:
        envs.step(action)
    other = copied(envs)
    mine = [envs.step(action) for action in actions[10:]]  # to its end before the copy moves: they share nothing
    assert_identical(mine, [other.step(action) for action in actions[10:]])


@pytest.mark.parametrize("id", IDS)
def test_pickle_is_small(id):
    """The dataset goes by its name, not by its 43 MB of pixels."""
    env = single(id)
    env.reset(seed=0)
    assert len(pickle.dumps(env)) < 50_000 + 3 * env.scenes.nbytes  # the scene, and the sums of a large one


@pytest.mark.parametrize("id", IDS)
def test_spec_round_trip(id):
    arguments = {"initial_fixation": (0.25, -0.5), "scene_size": (101, 120)} if id in CLASSIFICATION else {}
    env = gym.make(id, patch_size=5, **arguments)
    spec = EnvSpec.from_json(env.spec.to_json())
    assert spec.id == id
    assert spec.max_episode_steps is None  # an episode terminates by its own rules
    again = gym.make(spec)
    assert again.observation_space == env.observation_space
    assert_identical(again.reset(seed=1), env.reset(seed=1))
    assert_identical(play(again, 12, seed=2), play(env, 12, seed=2))


@pytest.mark.parametrize("id", IDS)
def test_what_was_handed_out_is_never_written_again(id):
    envs = vector(id, 3, AutoresetMode.SAME_STEP)
    rng = np.random.default_rng(0)
    kept = [envs.reset(seed=0)]
    frozen = copy.deepcopy(kept)
    for _ in range(20):
        kept.append(envs.step(actions_of(envs, rng)))
        frozen.append(copy.deepcopy(kept[-1]))
    envs.reset()
    assert_identical(kept, frozen)


@pytest.mark.parametrize("id", IDS)
def test_actions_and_options_are_left_alone(id):
    envs = vector(id, 3, AutoresetMode.DISABLED)
    options = {"reset_mask": np.array([True, False, True])}
    envs.reset(seed=0)
    envs.reset(options=options)
    assert list(options) == ["reset_mask"]
    action = actions_of(envs, np.random.default_rng(0))
    before = copy.deepcopy(action)
    envs.step(action)
    assert_identical(action, before)


def test_single_and_vector_row_agree_without_gymnasium_between():
    envs, env = vector("Glimpse-ClutteredMNIST-v0", 3), single("Glimpse-ClutteredMNIST-v0")
    rng = np.random.default_rng(0)
    observation, _ = envs.reset(seed=10)
    alone, _ = env.reset(seed=12)
    for _ in range(8):
        assert_identical({key: value[2] for key, value in observation.items()}, alone)
        action = actions_of(envs, rng)
        observation, rewards, *_ = envs.step(action)
        alone, reward, *_ = env.step(row_of(action, 2))
        assert reward == rewards[2]
