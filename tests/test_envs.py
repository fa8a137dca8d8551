"""The rules of an episode: where the gaze goes, which image comes, and every argument of `gym.make`."""

import inspect

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from packaging.version import Version
from rollouts import CLASSIFICATION, IDS, MODES, actions_of, assert_identical, single, vector

from glimpse_env import TASKS, GlimpseEnv, GlimpseVectorEnv, LogPolarRetina, walk
from glimpse_env.rendering import Layout
from glimpse_env.worlds.classification import ClassificationWorld

SIX_LABELS = [0, 1, 2, 0, 1, 2]
SIX = {"dataset": (np.arange(6, dtype=np.uint8)[:, None, None].repeat(9, 1).repeat(9, 2) + 1, SIX_LABELS)}


def act(x, y, action=0):
    return {"location": np.array([x, y], np.float32), "action": action}


# Where the gaze goes.


@pytest.mark.parametrize("id", IDS)
def test_absolute_location_is_the_next_fixation(id):
    env = single(id, location_mode="absolute", max_step=None)
    env.reset(seed=0)
    for location in ((0.3, -0.7), (-1, 1), (1, 1), (1e-20, 0)):
        observation, *_ = env.step(act(*location))
        np.testing.assert_array_equal(observation["fixation"], np.float32(location))
        expected = env.retina(env.world.scenes, np.array([location], np.float32))[0]
        np.testing.assert_array_equal(observation["glimpse"], expected)


@pytest.mark.parametrize("max_step", [0.25, 0.5, 2.0])
def test_relative_location_moves_by_max_step_and_stays_in_the_scene(max_step):
    env = single("Glimpse-MNIST-v0", location_mode="relative", max_step=max_step, initial_fixation=(0.5, -0.25))
    rng = np.random.default_rng(0)
    clipped = 0
    for _ in range(10):
        observation, _ = env.reset()
        where = np.array([0.5, -0.25], np.float32)
        for _ in range(6):
            np.testing.assert_array_equal(observation["fixation"], where)
            location = rng.uniform(-1, 1, 2).astype(np.float32)
            unbound = where.astype(np.float64) + max_step * location
            where = np.clip(unbound, -1, 1).astype(np.float32)
            clipped += (where != unbound.astype(np.float32)).any()
            observation, *_ = env.step(act(*location))
    assert clipped > 0  # both cases were seen


@pytest.mark.parametrize("id", IDS)
def test_absolute_location_is_reached_by_steps_of_max_step(id):
    env = single(id, location_mode="absolute", max_step=0.25, initial_fixation=(0.5, -1))
    env.reset(seed=0)
    for location, where in (
        ((-1, 1), (0.25, -0.75)),
        ((-1, -0.75), (0, -0.75)),
        ((0.125, -1), (0.125, -1)),
        ((0.125, -1), (0.125, -1)),
        ((1, -0.875), (0.375, -0.875)),
    ):
        observation, *_ = env.step(act(*location))
        np.testing.assert_array_equal(observation["fixation"], np.float32(where))


@pytest.mark.parametrize("location_mode", ["absolute", "relative"])
@pytest.mark.parametrize("id", CLASSIFICATION)
def test_last_step_ignores_the_location(id, location_mode):
    finals = []
    for location in ((1, -1), (-0.5, 0.5)):
        env = single(id, location_mode=location_mode)
        env.reset(seed=0)
        done = False
        for t in range(TASKS[id]["num_glimpses"]):
            assert not done
            last = t == TASKS[id]["num_glimpses"] - 1
            before = env.step(act(*location)) if last else env.step(act(0.1, 0.2))
            done = before[2]
            finals.append(before)
        assert done
    T = TASKS[id]["num_glimpses"]
    assert_identical(finals[T - 1], finals[2 * T - 1])
    assert_identical(finals[T - 1][0], finals[T - 2][0])  # the last glimpse comes again


def test_naming_a_class_early_ignores_the_location_too():
    env = single("Glimpse-MNIST-v0", decide="anytime")
    first, _ = env.reset(seed=0)
    observation, _, done, _, _ = env.step(act(1, 1, action=3))
    assert done
    assert_identical(observation, first)


# The first fixation.


def first_fixations(n, **arguments):
    env = single("Glimpse-TranslatedMNIST-v0", **arguments)
    return np.stack([env.reset(seed=seed)[0]["fixation"] for seed in range(n)])


def test_random_first_fixation_is_uniform():
    fixations = first_fixations(2000)
    assert (np.abs(fixations) <= 1).all()
    assert (np.abs(fixations).max(axis=0) > 0.99).all()
    assert (np.abs(fixations.mean(axis=0)) < 4 / np.sqrt(3 * 2000)).all()
    assert (np.abs(fixations.var(axis=0) - 1 / 3) < 0.03).all()
    assert abs(np.corrcoef(fixations.T)[0, 1]) < 0.1


@pytest.mark.parametrize(("given", "where"), [("center", (0, 0)), ((0.3, -1), (0.3, -1)), ([1, 0], (1, 0))])
def test_given_first_fixation(given, where):
    np.testing.assert_array_equal(first_fixations(3, initial_fixation=given), np.float32([where] * 3))


@pytest.mark.parametrize("id", CLASSIFICATION)
def test_first_fixation_and_scene_are_independent(id):
    scenes = []
    for given in ("random", "center", (0.1, 0.2)):
        env = single(id, initial_fixation=given)
        env.reset(seed=9)
        scenes.append(env.world.scenes.copy())
    np.testing.assert_array_equal(scenes[0], scenes[1])
    np.testing.assert_array_equal(scenes[0], scenes[2])


# Which image comes.


@pytest.mark.parametrize("id", CLASSIFICATION)
def test_index_shows_that_image(id):
    env = single(id, split="test", num_clutter=0)
    for index in (0, 17, 9_999):
        _, info = env.reset(seed=3, options={"index": index})
        assert info["label"] == env.world.dataset.labels[index]
        assert env.world.scenes.sum(dtype=int) == env.world.dataset.images[index].sum(dtype=int)


def test_index_of_each_environment_and_of_those_in_the_mask():
    envs = vector("Glimpse-MNIST-v0", 3, AutoresetMode.DISABLED, **SIX)
    _, info = envs.reset(seed=0, options={"index": [5, 0, 2]})
    assert envs.unwrapped.world.scenes[:, 0, 0, 0].tolist() == [6, 1, 3]
    assert info["label"].tolist() == [2, 0, 2]
    _, info = envs.reset(options={"index": np.array([1, 1, 4]), "reset_mask": np.array([False, True, True])})
    assert envs.unwrapped.world.scenes[:, 0, 0, 0].tolist() == [6, 2, 5]
    assert info["label"].tolist() == [0, 1, 1]
    assert info["_label"].tolist() == [False, True, True]


def test_index_moves_no_other_draw():
    one, other = single("Glimpse-ClutteredMNIST-v0", num_clutter=0), single("Glimpse-ClutteredMNIST-v0", num_clutter=0)
    first, _ = one.reset(seed=0)
    again, _ = other.reset(seed=0, options={"index": 5})
    np.testing.assert_array_equal(first["fixation"], again["fixation"])
    assert_identical(one.reset(), other.reset())


@pytest.mark.parametrize("num_envs", [1, 2, 4, 6, 7, 20])
def test_walk_visits_each_image_once_with_the_same_scene(num_envs):
    arguments = {**SIX, "num_clutter": 2, "scene_size": 30, "translate": True}
    alone = single("Glimpse-MNIST-v0", **arguments)
    expected = []
    for observation, info, counted in walk(alone, seed=8):
        assert counted is True
        expected.append((alone.world.scenes[0].copy(), observation, info["label"]))
    assert [label for _, _, label in expected] == SIX_LABELS

    envs = vector("Glimpse-MNIST-v0", num_envs, AutoresetMode.DISABLED, **arguments)
    visits = []
    for observation, info, counted in walk(envs, seed=8):
        assert (counted.shape, counted.dtype) == ((num_envs,), np.bool_)
        for i in np.flatnonzero(counted):
            row = {key: value[i] for key, value in observation.items()}
            visits.append((envs.unwrapped.world.scenes[i].copy(), row, int(info["label"][i])))
        envs.step(actions_of(envs, np.random.default_rng(0)))  # whatever was played
    assert_identical(visits, expected)


def test_walk_goes_through_wrappers():
    env = gym.wrappers.RecordEpisodeStatistics(gym.make("Glimpse-MNIST-v0", **SIX))
    assert len(list(walk(env))) == 6
    envs = gym.wrappers.vector.RecordEpisodeStatistics(vector("Glimpse-MNIST-v0", 4, AutoresetMode.DISABLED, **SIX))
    assert sum(counted.sum() for _, _, counted in walk(envs)) == 6
    with pytest.raises(ValueError, match=r"is not a GlimpseEnv or GlimpseVectorEnv: make it with gym.make_vec"):
        next(walk(gym.make_vec("CartPole-v1", 2)))


def test_walk_needs_images():
    for env in (single("Glimpse-Catch-v0"), vector("Glimpse-Catch-v0", 2, AutoresetMode.DISABLED)):
        with pytest.raises(ValueError, match="has no images to walk through: call reset"):
            next(walk(env))


def test_walk_scenes_depend_on_its_seed():
    env = single("Glimpse-MNIST-v0", **SIX, scene_size=30, translate=True)
    scenes = {env.world.scenes.tobytes() for seed in range(20) for _ in walk(env, seed=100 * seed)}
    assert len(scenes) > 100


@pytest.mark.parametrize("id", IDS)
def test_unseeded_environments_differ(id):
    envs = vector(id, 8)
    first, again = envs.reset()[0]["fixation"], vector(id, 8).reset()[0]["fixation"]
    assert len(np.unique(np.concatenate([first, again]), axis=0)) == 16
    assert not np.array_equal(single(id).reset()[0]["fixation"], single(id).reset()[0]["fixation"])


def test_every_image_is_drawn_about_as_often():
    envs = vector("Glimpse-MNIST-v0", 6000, **SIX)
    envs.reset(seed=0)
    counts = np.bincount(envs.unwrapped.world.scenes[:, 0, 0, 0], minlength=7)[1:]
    assert (np.abs(counts - 1000) < 4 * np.sqrt(1000)).all()


# What comes back.


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_final_info_has_a_mask(mode):
    envs = vector("Glimpse-MNIST-v0", 3, mode, decide="anytime", **SIX)
    envs.reset(seed=0, options={"index": [0, 1, 2]})
    action = {"location": np.zeros((3, 2), np.float32), "action": np.array([0, 3, 0])}
    _, rewards, ended, _, info = envs.step(action)
    final = info["final_info"] if mode == AutoresetMode.SAME_STEP else info
    assert rewards.tolist() == [1, 0, 0]
    assert ended.tolist() == [True, False, True]
    assert final["correct"].tolist() == [True, False, False]
    assert final["first_correct_glimpse"].tolist() == [1, 0, 0]
    for name in ("correct", "first_correct_glimpse", "mean_accuracy"):
        assert final[f"_{name}"].tolist() == [True, False, True]
        assert (name in info) == (mode != AutoresetMode.SAME_STEP)


@pytest.mark.parametrize("id", CLASSIFICATION)
def test_record_episode_statistics(id):
    T = TASKS[id]["num_glimpses"]
    env = gym.wrappers.RecordEpisodeStatistics(gym.make(id, reward="every"))
    for seed in range(3):
        _, info = env.reset(seed=seed)
        for _ in range(T):
            *_, info = env.step(act(0, 0, info["label"]))
        assert info["episode"]["r"] == pytest.approx(1)
        assert info["episode"]["l"] == T
        assert info["correct"] is True


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_record_vector_episode_statistics(mode):
    if mode == AutoresetMode.SAME_STEP and Version(gym.__version__) < Version("1.4"):
        pytest.skip("Gymnasium's wrapper counts a step too few there, before 1.4")
    envs = gym.wrappers.vector.RecordEpisodeStatistics(vector("Glimpse-MNIST-v0", 3, mode, decide="anytime", **SIX))
    rng = np.random.default_rng(0)
    envs.reset(seed=0)
    lengths, returns, found = np.zeros(3, int), np.zeros(3), 0
    resting = np.zeros(3, np.bool_)
    while found < 12:
        _, rewards, ended, _, info = envs.step(actions_of(envs, rng))
        lengths += ~resting
        returns += rewards
        if ended.any():
            assert info["_episode"].tolist() == ended.tolist()
            assert info["episode"]["l"][ended].tolist() == lengths[ended].tolist()
            assert info["episode"]["r"][ended].tolist() == returns[ended].tolist()
            found += ended.sum()
            lengths[ended], returns[ended] = 0, 0
            if mode == AutoresetMode.DISABLED:
                envs.reset(options={"reset_mask": ended.copy()})
        resting = ended if mode == AutoresetMode.NEXT_STEP else np.zeros(3, np.bool_)


# What is asked of each environment of a batch.


@pytest.mark.parametrize("id", IDS)
def test_asked_as_single_environments_are(id):
    native = vector(id, 3, render_mode="rgb_array")
    sync = gym.make_vec(id, 3, vectorization_mode="sync", render_mode="rgb_array")
    for envs in (native, sync):
        envs.reset(seed=0)
    for name in ("task", "scene_shape", "observation_space", "action_space", "render_mode"):
        assert native.get_attr(name) == sync.get_attr(name)
    assert_identical(native.call("render"), sync.call("render"))
    for envs in (native, sync):
        envs.set_attr("note", "seen")
        assert envs.get_attr("note") == ("seen",) * 3
    native.set_attr("note", [1, 1, 1])
    with pytest.raises(ValueError, match="is shared by all 3 environments"):
        native.set_attr("note", [1, 2, 3])
    for value in (np.ones(2), [np.ones(2)] * 3):
        native.set_attr("note", value)
        assert native.get_attr("note")[2].tolist() == [1, 1]
    for name in ("step", "reset"):
        with pytest.raises(ValueError, match="for all environments together"):
            native.call(name)
    with pytest.raises(AttributeError):
        native.call("nothing")


def test_what_setting_would_not_change_is_refused():
    envs = vector("Glimpse-MNIST-v0", 2)
    assert envs.call("set_arguments", num_clutter=1) == (None, None)
    with pytest.raises(AttributeError, match=r"change nothing: call set_arguments\(num_clutter=\.\.\.\)"):
        envs.set_attr("num_clutter", 0)
    with pytest.raises(AttributeError, match="change nothing: make the environments with it"):
        envs.set_attr("patch_size", 4)


# Every argument.


def fixation(env):
    return env.reset(seed=0)[0]["fixation"].tolist()


def reach(env):
    start = env.reset(seed=0)[0]["fixation"]
    return env.step(act(1, -1))[0]["fixation"] - start


def rewards(env):
    _, info = env.reset(seed=0)
    return [env.step(act(0, 0, info["label"]))[1] for _ in range(3)]


def glimpse_shape(env):
    return env.observation_space["glimpse"].shape


COLOR = np.zeros((4, 28, 28, 3), np.uint8)
MINE = {"dataset": (COLOR, [0, 1, 2, 1])}
PAIRS = {"dataset": list(zip(COLOR, [0, 1, 2, 1], strict=True))}
RELATIVE = {"location_mode": "relative", "initial_fixation": "center"}

ARGUMENTS = {  # name -> how it is given, what is looked at, what must be seen
    "world": ({"world": "classification"}, lambda env: type(env.world), ClassificationWorld),
    "patch_size": ({"patch_size": 5}, lambda env: glimpse_shape(env)[1:], (5, 5)),
    "num_scales": ({"num_scales": 2}, lambda env: glimpse_shape(env)[0], 2),
    "retina": ({"retina": LogPolarRetina(5, 7, radius=10)}, lambda env: glimpse_shape(env), (1, 5, 7)),
    "scale_factor": ({"scale_factor": 3, "num_scales": 2, "patch_size": 4}, lambda env: env.retina.sizes, [4, 12]),
    "initial_fixation": ({"initial_fixation": (0.5, -0.25)}, fixation, [0.5, -0.25]),
    "location_mode": (RELATIVE, lambda env: reach(env).tolist(), [0.5, -0.5]),
    "max_step": ({**RELATIVE, "max_step": 0.25}, lambda env: reach(env).tolist(), [0.25, -0.25]),
    "render_mode": ({"render_mode": "rgb_array"}, lambda env: env.reset() and env.render().dtype, np.uint8),
    "render_size": (
        {"render_size": 56, "render_mode": "rgb_array"},
        lambda env: env.reset() and Layout(*env.scene_shape[:2], env.retina, 10, 56).shape == env.render().shape,
        True,
    ),
    "max_episode_steps": (
        {"max_episode_steps": 2},
        lambda env: env.reset() and [env.step(act(0, 0))[3] for _ in range(2)],
        [False, True],
    ),
    "num_threads": ({"num_threads": 2}, lambda env: env.world._num_threads, 2),
    "dataset": ({"dataset": "mnist"}, lambda env: env.world.dataset.source[0], "mnist"),
    "split": ({"split": "validation"}, lambda env: env.task.num_images, 5_000),
    "image_size": ({**PAIRS, "image_size": (40, 50), "scene_size": 100}, lambda env: env.world.dataset.shape, (40, 50, 3)),
    "num_classes": ({**MINE, "num_classes": 7}, lambda env: int(env.action_space["action"].n), 7),
    "scene_size": ({"scene_size": (120, 130)}, lambda env: env.world.scenes.shape[1:3], (120, 130)),
    "translate": ({"translate": False}, lambda env: env.world._composer.translate, False),
    "num_clutter": ({"num_clutter": 3}, lambda env: env.world._composer.num_clutter, 3),
    "clutter_size": ({"num_clutter": 1, "clutter_size": 5}, lambda env: env.world._composer.clutter_size, 5),
    "rotation": ({"rotation": 5}, lambda env: env.world._composer.rotation, 5),
    "scale": ({"scale": 1.5}, lambda env: env.world._composer.scale, 1.5),
    "shear": ({"shear": 0.5}, lambda env: env.world._composer.shear, 0.5),
    "shift": ({"shift": 1.5}, lambda env: env.world._composer.shift, 1.5),
    "noise": ({"noise": 0.25}, lambda env: env.world._composer.noise, 0.25),
    "contrast": ({"contrast": 0.5}, lambda env: env.world._composer.contrast, 0.5),
    "observe": ({"observe": "scene"}, lambda env: env.reset()[0]["scene"].shape[1:] == env.scene_shape[:2], True),
    "canvas": ({"canvas": 20}, lambda env: env.reset()[0]["canvas"].shape, (2, 20, 20)),
    "zooms": ({"zooms": (1, 2)}, lambda env: int(env.action_space["zoom"].n), 2),
    "zoom_cost": (
        {"decide": "anytime", "zooms": (2,), "zoom_cost": 0.25},
        lambda env: env.reset() and env.step({**act(0, 0, 10), "zoom": 0})[1],
        -0.25,
    ),
    "num_glimpses": ({"num_glimpses": 3}, rewards, [0, 0, 1]),
    "reward": ({"num_glimpses": 4, "reward": "every"}, rewards, [0.25] * 3),
    "decide": ({"decide": "anytime"}, lambda env: int(env.action_space["action"].n), 11),
    "glimpse_cost": (
        {"decide": "anytime", "glimpse_cost": 0.25},
        lambda env: env.reset() and env.step(act(0, 0, 10))[1],
        -0.25,
    ),
}


@pytest.mark.parametrize("id", CLASSIFICATION)
@pytest.mark.parametrize("name", ARGUMENTS)
def test_every_argument_can_be_overridden(id, name):
    given, look, expected = ARGUMENTS[name]
    assert look(GlimpseEnv(**TASKS[id] | given)) == expected
    gym.make(id, **given).reset(seed=0)
    given = {key: value for key, value in given.items() if not key.startswith("render")}
    gym.make_vec(id, 2, **given).reset(seed=0)


def test_no_argument_is_forgotten_above():
    names = set(inspect.signature(GlimpseVectorEnv).parameters) | set(inspect.signature(ClassificationWorld).parameters)
    assert names - {"num_envs", "autoreset_mode", "world_arguments"} == set(ARGUMENTS)


@pytest.mark.parametrize("id", CLASSIFICATION)
def test_registered_arguments_are_what_the_task_says(id):
    task, env = TASKS[id], single(id)
    assert env.retina.patch_size == task["patch_size"]
    assert env.retina.num_scales == task["num_scales"]
    size = task.get("scene_size", 28)
    assert env.world.scenes.shape == (1, size, size, 1)
    assert env.world._composer.num_clutter == task.get("num_clutter", 0)
    assert env.world._composer.translate == task.get("translate", False)
    assert env.action_space["action"].n == 10
    assert len(rewards_until_end(env)) == task["num_glimpses"]


def rewards_until_end(env):
    env.reset(seed=0)
    found, done = [], False
    while not done:
        _, reward, done, _, _ = env.step(act(0, 0))
        found.append(reward)
    return found


def test_environments_share_the_dataset():
    one, other = single("Glimpse-MNIST-v0"), single("Glimpse-ClutteredMNIST-v0")
    assert one.world.dataset is other.world.dataset


def test_made_directly_as_through_gymnasium():
    direct, made = GlimpseEnv(**TASKS["Glimpse-ClutteredMNIST-v0"]), single("Glimpse-ClutteredMNIST-v0")
    assert_identical(direct.reset(seed=1), made.reset(seed=1))
