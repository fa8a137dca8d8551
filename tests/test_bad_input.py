"""Bad input raises an error that names the value and the remedy, and leaves the environment as it was."""

import copy

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from rollouts import IDS, MODES, actions_of, assert_identical, play, row_of, single, vector

from glimpse_env import TASKS, GlimpseEnv, GlimpseVectorEnv

B = 3
NAN, INF = float("nan"), float("inf")


def replaced(good, **parts):
    return {**good, **parts}


def with_row(array, row, value):
    array = copy.deepcopy(array)
    array[row] = value
    return array


# Each takes a good action of one environment: n is its number of actions.
STEPS = {
    "NaN": (
        lambda a, n: replaced(a, location=np.float32([NAN, 0])),
        r"location=\[nan, 0\.0\].*finite \(clipping does not help",
    ),
    "infinite": (lambda a, n: replaced(a, location=np.float32([0, INF])), r"location=\[0\.0, inf\].*clipping does not help"),
    "just outside": (
        lambda a, n: replaced(a, location=np.float32([0, 1.0001])),
        r"location=\[0\.0, 1\.000.*\].*\[-1, 1\].*clip",
    ),
    "below": (lambda a, n: replaced(a, location=np.float32([-7, 0])), r"location=\[-7\.0, 0\.0\].*clip"),
    "3-D location": (lambda a, n: replaced(a, location=np.float32([0, 0, 0])), r"floats of shape \(2,\).*shape \(3,\)"),
    "batched location": (lambda a, n: replaced(a, location=np.float32([[0, 0]])), r"of shape \(2,\).*shape \(1, 2\)"),
    "integer location": (lambda a, n: replaced(a, location=np.array([0, 1])), r"location must be floats.*dtype int64"),
    "text location": (lambda a, n: replaced(a, location="left"), r"location must be floats.*dtype <U4"),
    "no location": (lambda a, n: {"action": a["action"]}, r"keys 'location' and 'action', got \{'action'"),
    "no action": (lambda a, n: {"location": a["location"]}, r"keys 'location' and 'action', got \{'location'"),
    "no dict": (lambda a, n: 3, r"a dict with the keys 'location' and 'action', got 3"),
    "an array": (lambda a, n: np.zeros(3), r"a dict with the keys 'location' and 'action', got array"),
    "None": (lambda a, n: None, r"a dict with the keys 'location' and 'action', got None"),
    "action too high": (lambda a, n: replaced(a, action=np.int64(n)), r"action=\d+: .*an action in \[0, \d+\)"),
    "action negative": (lambda a, n: replaced(a, action=np.int64(-1)), r"action=-1: .*an action in \[0, \d+\)"),
    "float action": (lambda a, n: replaced(a, action=np.float64(1)), r"action must be integers.*dtype float64"),
    "bool action": (lambda a, n: replaced(a, action=np.True_), r"action must be integers.*dtype bool"),
    "vector action": (lambda a, n: replaced(a, action=np.array([1])), r"action must be integers of shape \(\).*shape \(1,\)"),
    "one-hot action": (lambda a, n: replaced(a, action=np.eye(3)[0]), r"action must be integers.*shape \(3,\)"),
}
VECTOR_STEPS = {
    "NaN": (
        lambda a, n: replaced(a, location=with_row(a["location"], 1, (0, NAN))),
        r"Environment 1 got.*nan\].*clipping does not help",
    ),
    "outside": (
        lambda a, n: replaced(a, location=with_row(a["location"], 2, (2, 0))),
        r"Environment 2 got.*\[2\.0, 0\.0\].*clip",
    ),
    "action too high": (
        lambda a, n: replaced(a, action=with_row(a["action"], 0, n)),
        r"Environment 0 .*action=\d+.*\[0, \d+\)",
    ),
    "action negative": (
        lambda a, n: replaced(a, action=with_row(a["action"], 2, -1)),
        r"Environment 2 .*action=-1.*\[0, \d+\)",
    ),
    "fewer locations": (lambda a, n: replaced(a, location=a["location"][:2]), r"shape \(3, 2\), got .*shape \(2, 2\)"),
    "flat locations": (lambda a, n: replaced(a, location=a["location"].ravel()), r"shape \(3, 2\), got .*shape \(6,\)"),
    "one action": (lambda a, n: replaced(a, action=a["action"][0]), r"integers of shape \(3,\), got .*shape \(\)"),
    "column of actions": (lambda a, n: replaced(a, action=a["action"][:, None]), r"shape \(3,\), got .*shape \(3, 1\)"),
    "float actions": (lambda a, n: replaced(a, action=a["action"].astype(float)), r"action must be integers.*float64"),
    "integer locations": (lambda a, n: replaced(a, location=np.zeros((3, 2), int)), r"location must be floats.*int64"),
    "no action": (lambda a, n: {"location": a["location"]}, r"keys 'location' and 'action', got"),
    "list of dicts": (lambda a, n: [row_of(a, i) for i in range(B)], r"keys 'location' and 'action', got \["),
}


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("id", IDS)
def test_refused_action_leaves_the_env_unharmed(id, name):
    spoil, message = STEPS[name]
    env, twin = single(id), single(id)
    assert_identical(env.reset(seed=1), twin.reset(seed=1))
    env.action_space.seed(0)
    for _ in range(20):  # through its last step, and more than one episode
        action = env.action_space.sample()
        with pytest.raises(ValueError, match=message):
            env.step(spoil(action, int(env.action_space["action"].n)))
        mine, theirs = env.step(action), twin.step(action)
        assert_identical(mine, theirs)
        if mine[2]:
            assert_identical(env.reset(), twin.reset())


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
@pytest.mark.parametrize("name", VECTOR_STEPS)
def test_refused_actions_leave_the_vector_env_unharmed(name, mode):
    spoil, message = VECTOR_STEPS[name]
    arguments = {"decide": "anytime", "render_mode": "rgb_array"}
    envs, twin = vector("Glimpse-MNIST-v0", B, mode, **arguments), vector("Glimpse-MNIST-v0", B, mode, **arguments)
    rng = np.random.default_rng(0)
    assert_identical(envs.reset(seed=1), twin.reset(seed=1))
    resting = np.zeros(B, np.bool_)
    for _ in range(12):
        action = actions_of(envs, rng)
        if not (mode == AutoresetMode.NEXT_STEP and resting.any()):  # the action of a resting one is ignored
            with pytest.raises(ValueError, match=message):
                envs.step(spoil(action, int(envs.single_action_space["action"].n)))
        assert_identical(envs.step(action), mine := twin.step(action))
        resting = mine[2]
        if mode == AutoresetMode.DISABLED and resting.any():
            assert_identical(*(each.reset(options={"reset_mask": resting.copy()}) for each in (envs, twin)))
    assert_identical(envs.render(), twin.render())


RESETS = {
    "unknown option": ({"options": {"idx": 3}}, r"Unknown options \['idx'\]: use .*'index'"),
    "negative index": ({"options": {"index": -1}}, r"index'\] must lie in \[0, 55000\), got -1"),
    "index too high": ({"options": {"index": 55_000}}, r"must lie in \[0, 55000\), got 55000"),
    "float index": ({"options": {"index": 1.0}}, r"index'\] must be an integer.*got 1\.0"),
    "NaN index": ({"options": {"index": NAN}}, r"index'\] must be an integer.*got nan"),
    "text index": ({"options": {"index": "seven"}}, r"index'\] must be an integer.*got 'seven'"),
    "bool index": ({"options": {"index": True}}, r"index'\] must be an integer.*got True"),
    "too many indices": ({"options": {"index": [1, 2, 3, 4]}}, r"index'\] must be an integer.*got \[1, 2, 3, 4\]"),
    "negative seed": ({"seed": -1}, r"seed must be an integer in \[0, 2\*\*64\), got -1"),
    "seed too high": ({"seed": 2**64}, r"seed must be an integer in \[0, 2\*\*64\), got 18446744073709551616"),
    "float seed": ({"seed": 1.5}, r"seed must be an integer .*got 1\.5"),
    "text seed": ({"seed": "one"}, r"seed must be an integer .*got 'one'"),
    "bad index, good seed": ({"seed": 5, "options": {"index": -1}}, r"got -1"),
    "bad seed, good index": ({"seed": -1, "options": {"index": 4}}, r"got -1"),
}
SINGLE_RESETS = {"list of seeds": ({"seed": [3]}, r"seed must be an integer .*got \[3\]")}
VECTOR_RESETS = {
    "fewer seeds": ({"seed": [1, 2]}, r"a list of num_envs=3, got 2"),
    "a bad seed among good": ({"seed": [1, -2, 3]}, r"got -2"),
    "a float seed among good": ({"seed": [1, 2, 3.5]}, r"got 3\.5"),
    "mask is a list": (
        {"options": {"reset_mask": [True] * B}},
        r"bool array \(3,\) with at least one True, got \[True, True, True\]",
    ),
    "mask of integers": ({"options": {"reset_mask": np.ones(B, int)}}, r"bool array \(3,\).*got array\(\[1, 1, 1\]\)"),
    "mask of another length": ({"options": {"reset_mask": np.ones(2, np.bool_)}}, r"bool array \(3,\).*got array\(\[ ?True,"),
    "mask without a True": ({"options": {"reset_mask": np.zeros(B, np.bool_)}}, r"with at least one True, got array\(\[False,"),
    "index of a row too high": ({"options": {"index": [0, 1, 55_000]}}, r"got \[0, 1, 55000\]"),
    "good mask, bad index": ({"options": {"index": -9, "reset_mask": np.ones(B, np.bool_)}}, r"got -9"),
}


@pytest.mark.parametrize("name", RESETS | SINGLE_RESETS)
def test_refused_reset_leaves_the_env_unharmed(name):
    arguments, message = (RESETS | SINGLE_RESETS)[name]
    env, twin = single("Glimpse-ClutteredMNIST-v0"), single("Glimpse-ClutteredMNIST-v0")
    with pytest.raises(ValueError, match=message):
        env.reset(**arguments)
    assert_identical(env.reset(seed=1), twin.reset(seed=1))
    for _ in range(3):  # within an episode, and from one to the next
        assert_identical(play(env, 3, seed=0), play(twin, 3, seed=0))
        with pytest.raises(ValueError, match=message):
            env.reset(**arguments)
        assert_identical(play(env, 3, seed=2), play(twin, 3, seed=2))
        with pytest.raises(ValueError, match=message):
            env.reset(**arguments)
        assert_identical(env.reset(), twin.reset())
    assert env.np_random.random() == twin.np_random.random()


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
@pytest.mark.parametrize("name", RESETS | VECTOR_RESETS)
def test_refused_reset_leaves_the_vector_env_unharmed(name, mode):
    arguments, message = (RESETS | VECTOR_RESETS)[name]
    envs, twin = vector("Glimpse-ClutteredMNIST-v0", B, mode), vector("Glimpse-ClutteredMNIST-v0", B, mode)
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=message):
        envs.reset(**arguments)
    assert_identical(envs.reset(seed=1), twin.reset(seed=1))
    for _ in range(3):
        for _ in range(3):
            action = actions_of(envs, rng)
            assert_identical(envs.step(action), twin.step(action))
            with pytest.raises(ValueError, match=message):
                envs.reset(**arguments)
        assert_identical(envs.reset(), twin.reset())
    assert envs.np_random.random() == twin.np_random.random()


@pytest.mark.parametrize("seed", [np.int64(3), np.uint8(3), True + 2])
def test_numpy_integers_are_seeds(seed):
    assert_identical(single("Glimpse-MNIST-v0").reset(seed=seed), single("Glimpse-MNIST-v0").reset(seed=3))
    assert_identical(vector("Glimpse-MNIST-v0", 2).reset(seed=seed), vector("Glimpse-MNIST-v0", 2).reset(seed=[3, 4]))


def test_small_numpy_seed_does_not_wrap():
    assert_identical(vector("Glimpse-MNIST-v0", 2).reset(seed=np.uint8(255)), vector("Glimpse-MNIST-v0", 2).reset(seed=255))


# No episode is going on.


@pytest.mark.parametrize("id", IDS)
def test_step_before_reset(id):
    action = {"location": np.zeros(2, np.float32), "action": 0}
    env, twin = single(id), single(id)
    with pytest.raises(gym.error.ResetNeeded, match=r"environments \[0\]: call reset\(\) first"):
        env.step(action)
    assert_identical(env.reset(seed=0), twin.reset(seed=0))
    assert_identical(play(env, 9, seed=0), play(twin, 9, seed=0))


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_vector_step_before_reset(mode):
    envs = vector("Glimpse-MNIST-v0", B, mode)
    with pytest.raises(gym.error.ResetNeeded, match=r"environments \[0, 1, 2\]: call reset\(\) first"):
        envs.step(actions_of(envs, np.random.default_rng(0)))
    envs.reset(options={"reset_mask": np.array([True, False, True])})
    with pytest.raises(gym.error.ResetNeeded, match=r"environments \[1\]: call reset\(\) first"):
        envs.step(actions_of(envs, np.random.default_rng(0)))


@pytest.mark.parametrize("id", IDS)
def test_step_after_the_end(id):
    env, twin = single(id), single(id)
    for each in (env, twin):
        each.reset(seed=0)
        action = each.action_space.sample()
        while not each.step(action)[2]:
            pass
    for _ in range(2):
        with pytest.raises(gym.error.ResetNeeded, match=r"No episode is going on .*call reset\(\)"):
            env.step(action)
    assert_identical(env.reset(), twin.reset())
    assert_identical(play(env, 9, seed=0), play(twin, 9, seed=0))


def test_finished_rows_must_be_reset_when_autoreset_is_disabled():
    envs, twin = (vector("Glimpse-MNIST-v0", B, AutoresetMode.DISABLED, decide="anytime") for _ in range(2))
    for each in (envs, twin):
        each.reset(seed=0)
        location = np.zeros((B, 2), np.float32)
        ended = each.step({"location": location, "action": np.array([10, 2, 10])})[2]
        assert ended.tolist() == [False, True, False]
    look_on = {"location": location, "action": np.full(B, 10)}
    with pytest.raises(gym.error.ResetNeeded, match=r"environments \[1\].*reset_mask"):
        envs.step(look_on)
    for each in (envs, twin):
        each.reset(options={"reset_mask": ended})
    assert_identical(envs.step(look_on), twin.step(look_on))


# Arguments; those of the world are in test_classification, those of the retina in test_retina.

MAKES = [
    ({"num_envs": 0}, r"num_envs .*at least 1, got 0"),
    ({"num_envs": 2.0}, r"num_envs .*integer.*got 2\.0"),
    ({"num_threads": 0}, r"num_threads .*at least 1, got 0"),
    ({"world": "atari"}, r"Unknown world 'atari': use one of 'catch', .*module:Class"),
    ({"patch_size": 0}, "patch_size must be from 1 to 32768, got 0"),
    ({"patch_size": 29}, r"patch_size=29 is bigger than scene_size=\(28, 28\): make it smaller"),
    ({"num_scales": 0}, "num_scales must be from 1 to 32768, got 0"),
    ({"scale_factor": 1}, "scale_factor must be from 2 to 32768, got 1"),
    ({"initial_fixation": "middle"}, r"'middle': use 'random', 'center' or \(x, y\)"),
    ({"initial_fixation": (0, 1.5)}, r"\[-1, 1\], got \(0, 1\.5\)"),
    ({"initial_fixation": (0, NAN)}, r"\[-1, 1\], got \(0, nan\)"),
    ({"initial_fixation": (0, 0, 0)}, r"got \(0, 0, 0\)"),
    ({"location_mode": "polar"}, r"Unknown location_mode 'polar': use one of 'absolute', 'relative'"),
    ({"max_step": 0}, r"max_step must be above 0, got 0"),
    ({"max_step": "a"}, r"max_step must be a finite number in \[0, 2\], got 'a'"),
    ({"max_step": True}, r"max_step must be a finite number .*got True"),
    ({"canvas": 0}, r"canvas, unless it is \"scene\" or None, must be from 1 to 2048, got 0"),
    ({"max_episode_steps": 0}, "max_episode_steps must be at least 1, got 0"),
    ({"canvas": 2.5}, r"canvas.* must be an integer, got 2\.5"),
    ({"canvas": "whole"}, r"canvas.*\"scene\".*must be an integer, got 'whole'"),
    ({"rotation": -1}, r"rotation must be a finite number in \[0, 180\], got -1"),
    ({"rotation": None}, r"rotation .*got None"),
    ({"scale": 0.9}, r"scale must be a finite number in \[1, 4\], got 0\.9"),
    ({"shear": 2}, r"shear .*\[0, 1\], got 2"),
    ({"shift": INF}, r"shift .*got inf"),
    ({"contrast": NAN}, r"contrast .*got nan"),
    ({"noise": 1.5}, r"noise must be a finite number in \[0, 1\], got 1\.5"),
    ({"max_step": 2.5}, r"max_step .*got 2\.5"),
    ({"max_step": NAN}, r"max_step .*got nan"),
    ({"render_mode": "ansi"}, r"Unknown render_mode 'ansi': use 'rgb_array', 'human'"),
    ({"autoreset_mode": "sometimes"}, r"Unknown autoreset_mode 'sometimes'.*AutoresetMode"),
    ({"reward": "dense"}, r"'dense'"),
    ({"split": "dev"}, r"'dev'"),
]


@pytest.mark.parametrize(("arguments", "message"), MAKES)
def test_bad_argument(arguments, message):
    with pytest.raises(ValueError, match=message):
        GlimpseVectorEnv(**{"num_envs": 2, **arguments})
    if not {"num_envs", "autoreset_mode"} & set(arguments):
        with pytest.raises(ValueError, match=message):
            GlimpseEnv(**arguments)


@pytest.mark.parametrize(
    ("world", "name", "near"),
    [
        ("classification", "num_glimpse", "num_glimpses"),
        ("classification", "patch_sizee", "patch_size"),
        ("catch", "num_bals", "num_balls"),
        ("search", "nois", "noise"),
        ("sequence", "num_digit", "num_digits"),
        ("sequence", "bogus", None),
    ],
)
def test_misspelled_argument_is_named_with_the_nearest_and_all(world, name, near):
    meant = f"Did you mean '{near}'. " if near else ""
    message = rf"has no argument '{name}'\. {meant}It takes .*patch_size.*num_threads"
    for make in (GlimpseEnv, GlimpseVectorEnv):
        with pytest.raises(TypeError, match=message):
            make(world=world, **{name: 3})
    id = next(id for id, task in TASKS.items() if task.get("world", "classification") == world)
    for make in (gym.make, gym.make_vec):
        with pytest.raises(TypeError, match=message):
            make(id, **{name: 3})


def test_arguments_of_a_batch_are_not_those_of_one():
    with pytest.raises(TypeError, match=r"has no argument 'n_envs'\. Did you mean 'num_envs'"):
        gym.make_vec("Glimpse-MNIST-v0", n_envs=3)
    with pytest.raises(TypeError, match="has no argument 'num_envs'"):
        GlimpseEnv(num_envs=3)


@pytest.mark.parametrize("world", [None, 3, "", "atari", ":", "math:", "math:pi", "os:nothing", int, "worlds.base"])
def test_what_is_no_world_is_refused(world):
    with pytest.raises(ValueError, match=r"Unknown world .*'classification'.*module:Class"):
        GlimpseEnv(world=world)


def test_a_tensor_that_numpy_cannot_read_is_named():
    torch = pytest.importorskip("torch")
    env = single("Glimpse-MNIST-v0")
    env.reset(seed=0)
    for location in (torch.zeros(2, dtype=torch.bfloat16), torch.zeros(2, requires_grad=True)):
        with pytest.raises(ValueError, match=r"got a tensor of torch\.\w+ on cpu: pass tensor\.detach\(\)\.cpu\(\)"):
            env.step({"location": location, "action": 0})


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_autoreset_mode_by_its_name(mode):
    assert GlimpseVectorEnv(1, autoreset_mode=mode.value).metadata["autoreset_mode"] is mode
