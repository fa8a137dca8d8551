"""The contracts of `test_contracts`, for color, scenes that are not square, other label sets, and the fetched ids."""

import gymnasium as gym
import numpy as np
import pytest
import test_contracts as contracts
import tiny_files
from rollouts import MODES, single

from glimpse_env import FETCHED

RNG = np.random.default_rng(0)


def own(num_classes, shape, **arguments):
    images = RNG.integers(0, 256, (max(num_classes, 30), *shape), np.uint8)
    return {"dataset": (images, np.arange(len(images)) % num_classes), "patch_size": 7, "num_scales": 3, **arguments}


OWN = {
    "Own2-v0": own(2, (37, 91, 3), num_glimpses=4),
    "Own100-v0": own(100, (20, 11, 3), scene_size=(37, 91), translate=True, num_clutter=2, clutter_size=9, num_glimpses=3),
    "Own1000-v0": own(1000, (9, 8, 1), scene_size=(91, 37), num_glimpses=3),
}
images, labels = OWN["Own2-v0"]["dataset"]
OWN["OwnPairs-v0"] = {**OWN["Own2-v0"], "dataset": list(zip(images, labels, strict=True))}
for id, arguments in OWN.items():
    gym.register(
        id,
        entry_point="glimpse_env:GlimpseEnv",
        vector_entry_point="glimpse_env.envs:GlimpseVectorEnv",
        kwargs=arguments,
    )
IDS = [*OWN, *FETCHED]


@pytest.fixture(autouse=True, scope="module")
def small_files(tmp_path_factory):
    pytest.importorskip("pooch")
    pytest.importorskip("tqdm")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contracts, "CLASSIFICATION", IDS)
        yield tiny_files.publish(patch, tmp_path_factory.mktemp("data"))


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
@pytest.mark.parametrize("variant", contracts.VARIANTS)
@pytest.mark.parametrize("id", IDS)
def test_vector_env_is_single_envs_side_by_side(id, variant, mode):
    contracts.test_vector_env_is_single_envs_side_by_side(id, contracts.VARIANTS[variant], mode)


@pytest.mark.parametrize(("num_threads", "mode"), [(1, "NEXT_STEP"), (4, "SAME_STEP"), (2, "DISABLED")])
@pytest.mark.parametrize("id", IDS)
def test_an_episode_depends_on_its_seed_and_number_alone(id, num_threads, mode):
    contracts.test_an_episode_depends_on_its_seed_and_number_alone(id, 5, num_threads, mode)


@pytest.mark.parametrize("id", IDS)
def test_gymnasiums_own_checks(id):
    for render_mode in (None, "rgb_array"):
        contracts.test_check_env_without_a_warning(id, render_mode, "glimpse")
    contracts.test_spaces_and_plain_types(id)
    contracts.test_vector_spaces(id)
    contracts.test_rollout_is_deterministic(id)
    contracts.test_what_was_handed_out_is_never_written_again(id)


@pytest.mark.parametrize("id", FETCHED)
def test_fetched_ids_go_by_their_names(id):
    contracts.test_pickle_is_small(id)
    contracts.test_spec_round_trip(id)


@pytest.mark.parametrize(("id", "shape", "num_classes"), [
    ("Own2-v0", (37, 91, 3), 2), ("Own100-v0", (37, 91, 3), 100), ("Own1000-v0", (91, 37, 1), 1000),
    ("OwnPairs-v0", (37, 91, 3), 2), ("Glimpse-FashionMNIST-v0", (28, 28, 1), 10), ("Glimpse-CIFAR10-v0", (32, 32, 3), 10),
    ("Glimpse-SVHN-v0", (32, 32, 3), 10),
])  # fmt: skip
def test_what_they_are(id, shape, num_classes):
    env = single(id)
    assert env.scene_shape == shape
    assert env.action_space["action"].n == num_classes
    K, G = env.retina.num_scales, env.retina.patch_size
    assert env.observation_space["glimpse"].shape == (K * shape[2], G, G)
