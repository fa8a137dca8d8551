"""Sums of columns: wide patches come from them where that is cheaper, and are the same to the bit."""

import copy
import os
import subprocess
import sys

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import given, settings
from hypothesis import strategies as st
from rollouts import IDS, WORLDS, actions_of, assert_identical, vector

from glimpse_env import Retina
from glimpse_env.sums import ColumnSums
from glimpse_env.testing import check_world
from glimpse_env.worlds import find

LARGE = {"scene_size": (500, 600), "num_scales": 6, "num_clutter": 9}
CLUTTERED = "Glimpse-ClutteredMNIST-v0"


@given(st.data())
@settings(deadline=None, max_examples=100, derandomize=True)
def test_glimpses_are_the_same(data):
    retina = Retina(data.draw(st.integers(1, 5)), data.draw(st.integers(1, 3)), data.draw(st.sampled_from([2, 3, 5])))
    H, W, C = (data.draw(st.integers(1, most)) for most in (90, 90, 3))
    zooms = np.array(data.draw(st.lists(st.integers(1, 10), min_size=1, max_size=4)))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    scenes = rng.integers(0, 256, (len(zooms), H, W, C), np.uint8) if data.draw(st.booleans()) else None
    scenes = np.full((len(zooms), H, W, C), 255, np.uint8) if scenes is None else scenes
    locations = rng.uniform(-1.5, 1.5, (len(zooms), 2)).astype(np.float32)
    summed = ColumnSums(scenes, 2)
    summed.update(np.arange(len(zooms)))
    found = retina(scenes, locations, 2, zooms, summed.sums)
    np.testing.assert_array_equal(found, retina(scenes, locations, 1, zooms))


def test_the_largest_cells_do_not_overflow():
    white = np.full((1, 1200, 600, 1), 255, np.uint8)
    summed = ColumnSums(white, 1)
    summed.update(np.zeros(1, np.int64))
    glimpse = Retina(2, 9)(white, np.zeros((1, 2), np.float32), 1, None, summed.sums)
    np.testing.assert_array_equal(glimpse, np.ones((1, 9, 2, 2), np.float32))


@pytest.mark.parametrize("sums", [np.zeros((1, 10, 9), np.uint16), np.zeros((2, 9, 9), np.uint16), np.zeros((2, 10, 9), int)])
def test_sums_of_other_scenes_are_refused(sums):
    with pytest.raises(ValueError, match=r"sums must be \(2, 10, 9\) uint16, got .*: see sums.ColumnSums"):
        Retina(2, 4)(np.zeros((2, 9, 9, 1), np.uint8), np.zeros((2, 2), np.float32), sums=sums)


@pytest.mark.parametrize("zooms", [{}, {"zooms": (1, 4)}], ids=["no zoom", "zooms"])
@pytest.mark.parametrize("mode", list(AutoresetMode), ids=lambda mode: mode.name)
def test_environments_with_large_scenes_see_what_their_retina_sees(mode, zooms):
    envs = vector(CLUTTERED, 3, mode, decide="anytime", num_threads=2, **LARGE, **zooms)
    eye = envs.unwrapped._eye
    assert eye._sums is not None
    observation, _ = envs.reset(seed=0)
    rng = np.random.default_rng(0)
    for t in range(12):
        given = {"zooms": np.array(zooms["zooms"])[observation["zoom_level"].argmax(1)]} if zooms else {}
        expected = eye.retina(envs.unwrapped.scenes, observation["fixation"], **given)
        np.testing.assert_array_equal(observation["glimpse"], expected)
        observation, _, ended, *_ = envs.step(actions_of(envs, rng))
        if t == 5:
            ended[1] = True
        if mode == AutoresetMode.DISABLED and ended.any():
            observation, _ = envs.reset(options={"reset_mask": ended})


@pytest.mark.parametrize("id", sorted(set(IDS) - {"Glimpse-Haystack-v0"}))
def test_sums_are_made_only_where_they_save_time(id):
    assert vector(id, 2).unwrapped._eye._sums is None
    if WORLDS[id] == "classification":
        assert vector(id, 2, scene_size=1000).unwrapped._eye._sums is None, "no patch is wide"
        assert vector(id, 2, scene_size=1000, num_scales=7, num_glimpses=1).unwrapped._eye._sums is None, "too few glimpses"
        assert vector(id, 2, scene_size=1000, num_scales=7).unwrapped._eye._sums is not None
        assert vector(id, 2, scene_size=100, num_scales=7).unwrapped._eye._sums is not None
        assert vector(id, 2, scene_size=150, num_scales=4).unwrapped._eye._sums is None, "a small scene is quick to read"


class Restless(find("circle_square")):
    """It says that it is still, but is not."""

    def step(self, actions, playing):
        self.scenes[playing] ^= 1
        return super().step(actions, playing)


def test_a_world_that_only_says_that_it_is_still_is_found_out():
    with pytest.raises(AssertionError, match="still is True, but step changed scenes"):
        check_world(Restless)


def test_worlds_that_move_are_not_still():
    assert not find("catch").still
    assert {name for name in set(WORLDS.values()) if find(name).still} == set(WORLDS.values()) - {"catch"}


SCRIPT = """
import numpy as np
from glimpse_env import Retina
from glimpse_env.sums import ColumnSums
scenes = np.random.default_rng(0).integers(0, 256, (2, 300, 40, 1), np.uint8)
summed = ColumnSums(scenes, 1)
summed.update(np.arange(2))
print(Retina(2, 6)(scenes, np.zeros((2, 2), np.float32), 1, None, summed.sums).tobytes().hex())
"""


def test_python_computes_the_same_bits_without_a_warning():
    told = [
        subprocess.run(
            [sys.executable, "-W", "error", "-c", SCRIPT],
            env={**os.environ, "NUMBA_DISABLE_JIT": off},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for off in "01"
    ]
    assert told[0] == told[1] != ""


def test_a_copy_of_an_environment_has_its_own():
    envs = vector(CLUTTERED, 2, **LARGE)
    envs.reset(seed=0)
    other = copy.deepcopy(envs)
    rng, again = np.random.default_rng(0), np.random.default_rng(0)
    for _ in range(10):
        assert_identical(envs.step(actions_of(envs, rng)), other.step(actions_of(other, again)))
    assert not np.shares_memory(envs.unwrapped._eye._sums.sums, other.unwrapped._eye._sums.sums)
