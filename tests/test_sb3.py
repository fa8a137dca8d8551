"""Stable-Baselines3: its own checker, the same rollouts as its own DummyVecEnv, and its algorithms run."""

import copy
import re
import warnings

import gymnasium as gym
import numpy as np
import pytest
from rollouts import CLASSIFICATION, IDS, assert_identical, vector

pytest.importorskip("stable_baselines3")

import torch
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers import FlattenObservation
from stable_baselines3 import A2C, DQN, PPO, SAC
from stable_baselines3.common.env_checker import check_env
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.preprocessing import preprocess_obs
from stable_baselines3.common.vec_env import DummyVecEnv, VecFrameStack, VecMonitor

from glimpse_env import LogPolarRetina
from glimpse_env.eye import OBSERVED
from glimpse_env.sb3 import GlimpseExtractor, NativeVecEnv, make_vec_env
from glimpse_env.wrappers import DiscretizeAction, FlattenAction, GlimpseWrapper, VectorDiscretizeAction, VectorFlattenAction

MNIST = "Glimpse-MNIST-v0"
WRAPPERS = {
    "box": FlattenAction,
    "multidiscrete": lambda env: DiscretizeAction(env, 5),
    "discrete": lambda env: DiscretizeAction(env, 5, flat=True),
}


@pytest.mark.parametrize("actions", WRAPPERS)
@pytest.mark.parametrize("arguments", [{}, {"zooms": (2, 1)}, {"observe": "scene"}], ids=["no zoom", "zooms", "scene"])
@pytest.mark.parametrize("id", IDS)
def test_check_env_without_a_warning(id, arguments, actions):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        check_env(FlattenObservation(WRAPPERS[actions](gym.make(id, **arguments))))
    assert [str(warning.message) for warning in caught] == []


VARIANTS = [(id, {}) for id in IDS] + [(id, {"decide": "anytime"}) for id in CLASSIFICATION] + [(MNIST, {"zooms": (2, 1)})]
VARIANTS += [(id, {"observe": "scene"}) for id in (MNIST, "Glimpse-Catch-v0", "Glimpse-Search-v0")]


@pytest.mark.parametrize("actions", WRAPPERS)
@pytest.mark.parametrize(("id", "arguments"), VARIANTS)
def test_same_rollouts_as_dummy_vec_env(id, arguments, actions):
    """Bit for bit, terminal observations and infos and those of resets included, with staggered ends."""
    B = 3
    native = make_vec_env(id, B, seed=11, actions=actions, grid=5, **arguments)
    dummy = DummyVecEnv([lambda: WRAPPERS[actions](gym.make(id, **arguments))] * B)
    dummy.seed(11)
    assert native.observation_space == dummy.observation_space
    assert native.action_space == dummy.action_space
    assert_identical(dict(native.reset()), dict(dummy.reset()))
    assert_identical(native.reset_infos, dummy.reset_infos)
    native.action_space.seed(0)
    episodes, staggered = np.zeros(B, int), False
    while episodes.min() < 3:
        action = np.stack([native.action_space.sample() for _ in range(B)])
        (observation, *mine), (expected, *theirs) = native.step(action), dummy.step(action)
        assert_identical(dict(observation), dict(expected))
        assert_identical(mine, theirs)
        assert_identical(native.reset_infos, dummy.reset_infos)
        dones, infos = mine[1:]
        assert [("terminal_observation" in info) for info in infos] == dones.tolist()
        assert not any(info["TimeLimit.truncated"] for info in infos)
        episodes += dones
        staggered |= dones.any() and not dones.all()
    assert staggered == ("decide" in arguments)


def test_terminal_observation_is_the_one_before_the_reset():
    """By its meaning: with one glimpse an episode ends with the look it began with."""
    envs = make_vec_env(MNIST, 2, seed=0, num_glimpses=1)
    first = envs.reset()
    observation, _, dones, infos = envs.step(np.zeros((2, 3), np.int64))
    assert dones.all()
    for i in range(2):
        assert_identical(infos[i]["terminal_observation"], {key: value[i] for key, value in first.items()})
        assert not np.array_equal(observation["fixation"][i], first["fixation"][i])


def test_seeds_count_once_and_options_reach_their_environment():
    envs = make_vec_env(MNIST, 3, seed=5)
    one = envs.reset()
    two = envs.reset()
    assert not np.array_equal(one["fixation"], two["fixation"])
    envs.seed(5)
    assert_identical(envs.reset(), one)
    expected, _ = vector(MNIST, 3).reset(seed=5)
    assert_identical(one, expected)
    envs.set_options([{"index": j} for j in (7, 8, 9)])
    envs.reset()
    labels = vector(MNIST, 3).reset(options={"index": np.array([7, 8, 9])})[1]["label"]
    assert [info["label"] for info in envs.reset_infos] == labels.tolist()
    envs.set_options([{"index": 7}, {}, {}])
    with pytest.raises(ValueError, match="same options"):
        envs.reset()


def test_single_environments_get_equal_options():
    envs = make_vec_env("Ticking-v0", 2)
    envs.set_options([{"level": 3, "map": np.ones(2)}] * 2)
    envs.reset()
    options = [env.unwrapped.options for env in envs.envs.unwrapped.envs]
    assert [one["level"] for one in options] == [3, 3]
    assert [one["map"].tolist() for one in options] == [[1, 1]] * 2
    envs.set_options([{"level": 3}, {"level": 5}])
    with pytest.raises(ValueError, match=r"all get the same options: give each equal values, got .*5"):
        envs.reset()


def test_attributes_and_methods_are_those_of_the_whole():
    envs = make_vec_env(MNIST, 3, actions="box", render_mode="rgb_array")
    envs.reset()
    assert envs.get_attr("render_mode") == ["rgb_array"] * 3
    assert envs.get_attr("action_space", [0]) == [envs.action_space]
    assert [retina.patch_size for retina in envs.get_attr("retina", [0, 2])] == [8, 8]
    assert not envs.has_attr("nothing")
    envs.set_attr("note", "seen")
    assert envs.get_attr("note", 1) == ["seen"]
    with pytest.raises(ValueError, match="one object"):
        envs.set_attr("note", 1, indices=[0])
    frames = envs.env_method("render", indices=[1])
    assert frames[0].shape == envs.get_images()[1].shape
    assert envs.render().ndim == 3
    with pytest.raises(ValueError, match="for all environments together"):
        envs.env_method("step")
    envs.env_method("set_arguments", num_clutter=0)
    with pytest.raises(AttributeError, match=r"would change nothing: call set_arguments\(num_clutter=\.\.\.\)"):
        envs.set_attr("num_clutter", 0)
    assert envs.env_is_wrapped(VectorFlattenAction) == [True] * 3
    assert envs.env_is_wrapped(Monitor, [0]) == [False]
    envs.close()


def test_what_cannot_be_made_is_refused():
    with pytest.raises(ValueError, match="multidiscrete"):
        make_vec_env(MNIST, 2, actions="dict")
    with pytest.raises(ValueError, match="SameStep"):
        NativeVecEnv(VectorFlattenAction(vector(MNIST, 2)))


def test_monitor_counts_the_return_of_each_episode():
    envs = VecMonitor(make_vec_env(MNIST, 4, seed=0, reward="every"))
    envs.reset()
    for step in range(7):
        _, _, dones, infos = envs.step(np.full((4, 3), 3))
        assert dones.all() == (step == 6)
    assert all(info["episode"]["l"] == 7 for info in infos)
    assert [info["episode"]["r"] for info in infos] == pytest.approx([info["mean_accuracy"] for info in infos], abs=1e-5)


def ticking(**info):
    """An environment of another package: three steps, and an info."""

    class Ticking(gym.Env):
        observation_space, action_space = gym.spaces.Box(0, 255, (9, 9, 3), np.uint8), gym.spaces.Discrete(2)

        def reset(self, *, seed=None, options=None):
            super().reset(seed=seed)
            self.options, self.steps = options, 0
            return self.observation_space.low, copy.deepcopy(info)

        def step(self, action):
            self.steps += 1
            return self.observation_space.low, 2.0, self.steps == 3, False, copy.deepcopy(info)

    return GlimpseWrapper(Ticking())


gym.register("Ticking-v0", ticking)


def test_infos_within_infos():
    place = {"place": {"x": 1, "_y": 2.5, "within": {"name": "a"}}, "final_score": 7}
    envs = make_vec_env("Ticking-v0", 2, **place)
    envs.reset()
    assert envs.reset_infos == [place] * 2
    assert envs.step(np.zeros((2, 3), int))[3] == [{**place, "TimeLimit.truncated": False}] * 2


@pytest.mark.parametrize("vector", [False, True])
def test_statistics_of_gymnasium_reach_the_learner(vector):
    """Those of single environments, and of a vector, tell of the episode that ended, in its last info."""
    if vector:
        made = gym.make_vec("Glimpse-Catch-v0", 2, num_balls=1, autoreset_mode=AutoresetMode.SAME_STEP)
        envs = NativeVecEnv(VectorDiscretizeAction(gym.wrappers.vector.RecordEpisodeStatistics(made)))
    else:
        envs = make_vec_env("Ticking-v0", 2, wrappers=[gym.wrappers.RecordEpisodeStatistics])
    envs.reset()
    steps, earned, dones = 0, np.zeros(2), np.zeros(2, bool)
    while not dones.any():
        _, rewards, dones, infos = envs.step(np.zeros((2, 3), int))
        steps, earned = steps + 1, earned + rewards
    for i in np.flatnonzero(dones):
        assert (infos[i]["episode"]["l"], infos[i]["episode"]["r"]) == (steps, earned[i])
        assert "episode" not in envs.reset_infos[i]


RECURRENT = pytest.param("RecurrentPPO", {}, {"n_steps": 14, "batch_size": 28}, id="RecurrentPPO")


@pytest.mark.parametrize(
    ("algorithm", "made", "arguments"),
    [
        pytest.param(PPO, {}, {"n_steps": 14, "batch_size": 28}, id="PPO"),
        pytest.param(PPO, {"actions": "box"}, {"n_steps": 14, "batch_size": 28}, id="PPO, box"),
        pytest.param(A2C, {}, {"n_steps": 7}, id="A2C"),
        pytest.param(DQN, {"actions": "discrete"}, {"learning_starts": 20, "buffer_size": 100}, id="DQN"),
        pytest.param(SAC, {"actions": "box"}, {"learning_starts": 20, "buffer_size": 100}, id="SAC"),
        pytest.param(
            SAC,
            {"actions": "box", "observe": "scene"},
            {"learning_starts": 20, "buffer_size": 100, "batch_size": 8},
            id="SAC, scene",
        ),
        pytest.param(PPO, {"observe": "scene"}, {"n_steps": 14, "batch_size": 28}, id="PPO, scene"),
        RECURRENT,
    ],
)
def test_algorithm_trains_on_it(algorithm, made, arguments):
    """It takes steps, changes its weights and keeps them finite; that it learns something is for the examples to show."""
    policy, stacked = "MultiInputPolicy", True
    if algorithm == "RecurrentPPO":
        algorithm = pytest.importorskip("sb3_contrib").RecurrentPPO
        policy, stacked = "MultiInputLstmPolicy", False
    envs = make_vec_env(MNIST, 4, grid=3, **made)
    if stacked:
        envs = VecFrameStack(envs, 3)
    extractor = {"features_extractor_class": GlimpseExtractor, "features_extractor_kwargs": {"features_dim": 16}}
    model = algorithm(policy, VecMonitor(envs), seed=0, policy_kwargs={**extractor, "net_arch": [16]}, **arguments)
    read = re.compile(rf"parts\.{made.get('observe', 'glimpse')}\.\d\.weight")
    before = {name: value.clone() for name, value in model.policy.state_dict().items()}
    model.learn(60)
    after = model.policy.state_dict()
    assert all(value.isfinite().all() for value in after.values())
    assert any(not value.equal(before[name]) for name, value in after.items() if read.search(name))
    assert len(model.ep_info_buffer) > 0


@pytest.mark.parametrize("seen", OBSERVED)
def test_extractor_standardizes_by_all_it_was_trained_on(seen):
    space = gym.spaces.Dict({seen: gym.spaces.Box(0, 1, (2, 4, 4)), "fixation": gym.spaces.Box(-1, 1, (2,))})
    extractor = GlimpseExtractor(space, 8)
    standardize = extractor.parts[seen][0]
    brighter = torch.linspace(0, 1, 5).view(5, 1, 1, 1, 1)  # from batch to batch
    batches = (torch.rand(5, 64, 2, 4, 4) + brighter) * torch.tensor([0.05, 0.5]).view(2, 1, 1)
    for batch in batches:
        extractor({seen: batch, "fixation": torch.zeros(64, 2)})
    extractor.eval()
    scaled = standardize(batches.flatten(0, 1))
    torch.testing.assert_close(scaled.mean((0, 2, 3)), torch.zeros(2), atol=1e-4, rtol=0)
    torch.testing.assert_close(scaled.var((0, 2, 3)), torch.ones(2), atol=1e-3, rtol=0)
    before = standardize.running_mean.clone()
    extractor({seen: batches[0], "fixation": torch.zeros(64, 2)})
    assert standardize.running_mean.equal(before), "playing changes nothing"


@pytest.mark.parametrize(
    ("id", "arguments"),
    [
        (MNIST, {"canvas": 14}),
        (MNIST, {"retina": LogPolarRetina(num_rings=5, num_wedges=7, radius=10)}),
        ("Glimpse-Search-v0", {"observe": "scene", "zooms": (2, 1)}),
        ("Glimpse-Catch-v0", {"observe": "scene", "scene_size": (5, 20)}),
    ],
    ids=str,
)
def test_extractor_reads_every_entry_of_any_shape(id, arguments):
    envs = make_vec_env(id, 3, seed=0, **arguments)
    extractor = GlimpseExtractor(envs.observation_space, 8).eval()
    observation = {key: torch.from_numpy(value) for key, value in envs.reset().items()}
    features = extractor(observation)
    for key, value in observation.items():
        assert not torch.equal(features, extractor({**observation, key: 1 - value})), key


def test_extractor_reads_each_pixel_of_a_scene():
    space = gym.spaces.Dict(scene=gym.spaces.Box(0, 1, (1, 21, 40)), fixation=gym.spaces.Box(-1, 1, (2,)))
    extractor = GlimpseExtractor(space, 8)
    scene = torch.rand(1, 1, 21, 40, requires_grad=True)
    extractor({"scene": scene, "fixation": torch.zeros(1, 2)}).sum().backward()
    assert (scene.grad != 0).all()


def test_extractor_reads_entries_of_any_kind_that_the_library_flattens():
    kinds = {"gear": gym.spaces.Discrete(5), "lamps": gym.spaces.MultiBinary(3), "cards": gym.spaces.MultiDiscrete([2, 3])}
    space = gym.spaces.Dict(glimpse=gym.spaces.Box(0, 1, (1, 4, 4)), **kinds)
    extractor = GlimpseExtractor(space, 8).eval()
    observation = {key: torch.from_numpy(value[None]) for key, value in space.sample().items() if key in ("glimpse", "lamps")}
    observation |= {"gear": torch.tensor([3]), "cards": torch.tensor([[1, 2]])}
    seen = preprocess_obs(observation, space)
    for key, value in seen.items():
        assert not torch.equal(extractor(seen), extractor({**seen, key: 1 - value})), key


def test_extractor_names_what_it_cannot_read():
    glimpse = gym.spaces.Box(0, 1, (1, 4, 4))
    for kind in (gym.spaces.Text(5), gym.spaces.Dict(far=glimpse), gym.spaces.Sequence(glimpse)):
        with pytest.raises(ValueError, match="cannot read the entry 'other'"):
            GlimpseExtractor(gym.spaces.Dict(glimpse=glimpse, other=kind), 8)
    with pytest.raises(ValueError, match="reads a Dict, got Box"):
        GlimpseExtractor(glimpse, 8)
