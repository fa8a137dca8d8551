"""Environments of a run: each purpose has seeds of its own, and a config makes what it says."""

import dataclasses

import lamps  # noqa: F401  # registers its ids
import numpy as np
import pytest
import tiny_task  # noqa: F401
from hypothesis import given
from hypothesis import strategies as st
from tiny_runs import TINY

from agents import environments, ram
from agents.config import Config
from agents.policy import Policy
from agents.presets import PRESETS, preset
from agents.rollout import greedy
from glimpse_env import TASKS

pytestmark = pytest.mark.usefixtures("undrawn")
SPLITS = ("train", "validation", "test")
PURPOSES = (None, *SPLITS)  # a training, and evaluations
LONGEST = 2**40  # episodes of a run: 800,000 years of training
seeds = st.integers(0, 2**63 - 1)


# Seeds.


@given(seeds, seeds, st.integers(0, LONGEST), st.integers(0, LONGEST))
def test_no_episode_of_one_purpose_is_ever_one_of_another(one, other, n, m):
    found = [{environments.first_seed(seed, purpose) + k for seed in (one, other) for k in (0, n, m)} for purpose in PURPOSES]
    assert len(set.union(*found)) == sum(map(len, found))


@given(st.sampled_from([*PURPOSES, "train+validation"]), seeds)
def test_each_purpose_has_a_quarter_of_all_seeds(purpose, seed):
    first = environments.first_seed(seed, purpose)
    assert first >= 0
    assert first + LONGEST < 2**64, "which Gymnasium and NumPy take"
    assert first // 2**62 == (first + LONGEST - 1) // 2**62
    assert first // 2**62 != environments.first_seed(seed, "train" if purpose == "test" else "test") // 2**62
    assert first == environments.first_seed(seed, purpose)


@pytest.mark.parametrize("split", ["train", "train+validation"])
def test_an_evaluation_on_the_training_images_plays_no_episode_of_a_training(split):
    config = preset("game", "Glimpse-Catch-v0")
    envs, asked = environments.evaluation_envs(config, split), []
    reset = envs.reset
    envs.reset = lambda seed, options=None: asked.append(seed) or reset(seed=seed, options=options)
    next(greedy(envs, Policy(ram.prepare(config), envs.single_action_space), split))
    first = environments.first_seed(config.seed)
    assert asked[0] not in range(first, first + LONGEST)


def test_seeds_beside_one_another_share_no_episodes():
    firsts = sorted(environments.first_seed(seed) for seed in range(2000))
    assert np.diff(firsts).min() > 10**9


@pytest.mark.parametrize("seed", [0, 2**24, 20261126, 2**63 - 1])
def test_any_seed_trains(seed, tmp_path):
    config = dataclasses.replace(TINY, seed=seed, num_episodes=64, num_validations=1)
    assert ram.train(config, runs=tmp_path).scores["learned"][-1] <= 100


@pytest.mark.parametrize("seed", [-1, 2**63, 2**70])
def test_other_seeds_are_refused(seed):
    with pytest.raises(ValueError, match="seed must be"):
        dataclasses.replace(TINY, seed=seed)


def test_a_run_plays_episodes_one_after_the_other_and_none_of_an_evaluation(tmp_path, monkeypatch):
    made, asked = environments.make_envs, {"train": [], "validation": [], "test": []}

    def watched(config, num_envs, split, **arguments):
        envs = made(config, num_envs, split, **arguments)
        reset = envs.reset

        def noted(*, seed=None, options=None):
            asked[split] += [] if seed is None else list(np.arange(envs.num_envs) + seed if np.isscalar(seed) else seed)
            return reset(seed=seed, options=options)

        envs.reset = noted
        return envs

    monkeypatch.setattr(environments, "make_envs", watched)
    ram.train(dataclasses.replace(TINY, num_episodes=192), runs=tmp_path)
    first = environments.first_seed(0)
    assert set(range(first, first + 192)) <= set(asked["train"])
    assert asked["validation"]
    assert asked["test"]
    assert not set(asked["train"]) & set(asked["validation"] + asked["test"])
    assert not set(asked["validation"]) & set(asked["test"])


# What a config makes.


def test_flags_of_the_environment_are_handed_on():
    config = dataclasses.replace(TINY, num_glimpses=5, patch_size=4, num_scales=2, canvas=9, env={"scene_size": 20})
    envs = environments.make_envs(config, 2, "train")
    assert envs.single_observation_space["glimpse"].shape == (2, 4, 4)
    assert envs.single_observation_space["canvas"].shape == (2, 9, 9)
    assert environments.task(envs).num_glimpses == 5
    assert envs.unwrapped.scenes.shape == (2, 20, 20, 1)
    assert environments.task_of("Tiny-v0", num_glimpses=4).num_glimpses == 4


def test_a_preset_that_is_none_is_told_with_those_there_are():
    with pytest.raises(ValueError, match="Unknown preset 'bst': use one of best, canvas, modern"):
        preset("bst")


def test_an_argument_that_is_none_is_named():
    with pytest.raises(ValueError, match=r"patch_sizee"):
        environments.make_envs(dataclasses.replace(TINY, env={"patch_sizee": 4}), 2, "train")


def test_splits_are_of_other_images():
    shown = [environments.make_envs(TINY, 24, split) for split in SPLITS]
    for envs in shown:
        envs.reset(seed=0, options={"index": np.arange(24)})
    one, two, three = (envs.unwrapped.scenes for envs in shown)
    assert (one != two).any()
    assert (two != three).any()
    mnist = preset("best", "Glimpse-MNIST-v0")
    sizes = [environments.task(environments.make_envs(mnist, 2, split)).num_images for split in ("train+validation", *SPLITS)]
    assert sizes[0] == sizes[1] + sizes[2]


def test_what_environments_ask_is_told_by_native_and_wrapped_ones():
    assert environments.task_of("Tiny-v0").measure == "error"
    assert environments.task_of("lamps:Lamp-v0").measure == "return"
    assert environments.is_native("Tiny-v0")
    assert not environments.is_native("lamps:Lamp-v0")


def test_a_small_split_is_evaluated_at_once_and_no_image_twice(tmp_path):
    images, labels = np.zeros((30, 28, 28), np.uint8), np.arange(30) % 2
    env = {"dataset": (images, labels)}
    config = dataclasses.replace(preset("canvas", "Glimpse-MNIST-v0"), env=env)
    assert environments.evaluation_envs(config, "test").num_envs == 3


@pytest.mark.parametrize(("size", "num_envs"), [(60, 500), (2_000, 67), (20_000, 1)])
def test_large_scenes_are_evaluated_a_few_at_a_time(size, num_envs):
    config = dataclasses.replace(preset("canvas", "Glimpse-MNIST-v0"), canvas=None, scene_size=size)
    assert environments.evaluation_envs(config, "validation").num_envs == num_envs


@pytest.mark.parametrize("id", TASKS)
@pytest.mark.parametrize("name", PRESETS)
def test_every_task_has_a_preset(id, name):
    config = preset(name, id)
    assert config.env_id == id
    assert config.run_name == f"{id}-learned-0"


def test_a_task_of_ones_own_starts_from_what_it_asks():
    labels, reward = preset("best", "Tiny-v0"), preset("best", "lamps:Lamp-v0")
    assert labels == dataclasses.replace(preset("canvas"), env_id="Tiny-v0")
    assert reward == dataclasses.replace(preset("game"), env_id="lamps:Lamp-v0")
    assert (labels.hybrid, reward.hybrid) == (True, False)
    assert reward.run_name == "Lamp-v0-learned-0"


@pytest.mark.parametrize(
    "changes",
    [
        {"batch_size": 0},
        {"max_steps": 0},
        {"gamma": 1.5},
        {"std_end": 0.0},
        {"learning_rate": float("nan")},
        {"num_threads": 0},
        {"num_validations": -1},
        {"size": 0},
        {"short": 1.1},
        {"hybrid": False},
        {"gae_lambda": 0.9},
    ],
)
def test_a_config_refuses_what_cannot_be_trained(changes):
    (name,) = changes
    with pytest.raises(ValueError, match=name):
        Config(**changes)


def test_the_name_of_a_run_tells_what_it_is():
    config = dataclasses.replace(TINY, name=None, dataset="somewhere/photos", looking="random", seed=3)
    assert config.run_name == "Tiny-v0-photos-random-3"
    assert TINY.run_name == "tiny"
