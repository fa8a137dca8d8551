"""A training on scenes of several sizes: which update has which, with clutter in proportion, and what cannot be mixed."""

import dataclasses
import json

import pytest
from tiny_runs import TINY, stopped_after, weights_of

from agents import checkpoints, environments, ram
from agents.config import Config
from agents.presets import preset

SIZED = dataclasses.replace(TINY, scene_sizes=(14, 20, 30), name="sized")


def test_the_first_half_adds_one_after_the_other_and_the_second_has_all_in_turn():
    config = Config(num_episodes=12 * 64, scene_sizes=(60, 100, 200))
    found = [config.scene_size_of(update) for update in range(12)]
    assert found == [60, 60, 60, 100, 100, 200, 60, 100, 200, 60, 100, 200]
    twice = dataclasses.replace(config, scene_sizes=(60, 100, 100))
    assert [twice.scene_size_of(update) for update in range(6, 12)] == [60, 100, 100] * 2
    assert Config().scene_size_of(3) is None


def test_clutter_is_in_proportion():
    config = preset("best", "Glimpse-ClutteredMNIST-v0")
    for size, pieces in ((60, 4), (120, 16), (84, 8)):
        envs = environments.training_envs(config, 2, size)
        assert envs.unwrapped.scene_shape == (size, size, 1)
        assert envs.unwrapped.world._composer.num_clutter == pieces


def test_it_trains_on_them_and_resumes(tmp_path, monkeypatch):
    seen = []
    step = ram.train_step
    with monkeypatch.context() as patch:
        patch.setattr(ram, "train_step", lambda *given: seen.append(given[2].unwrapped.scene_shape[0]) or step(*given))
        whole = ram.train(SIZED, runs=tmp_path / "whole")
    assert seen == [SIZED.scene_size_of(update) for update in range(SIZED.num_updates)]
    stopped_after(7, monkeypatch, tmp_path, SIZED)
    assert weights_of(ram.train(SIZED, resume=True, runs=tmp_path).policy.model).equal(weights_of(whole.policy.model))


def test_a_file_keeps_them():
    saved = json.loads(json.dumps(dataclasses.asdict(SIZED)))
    assert checkpoints.config_of(Config, saved, "it") == SIZED
    with pytest.raises(ValueError, match="scene_sizes"):
        checkpoints.config_of(Config, {**saved, "scene_sizes": ["large"]}, "it")


def test_sizes_that_change_the_observation_are_refused():
    with pytest.raises(ValueError, match="Scenes of 20 pixels have other observations: scene_sizes needs a canvas of pixels"):
        environments.training_envs(dataclasses.replace(SIZED, canvas="scene"), 2, 20)
    with pytest.raises(ValueError, match=r"scene_sizes must be at least 1 each, got \(0,\)"):
        Config(scene_sizes=(0,))
    with pytest.raises(ValueError, match=r"scene_sizes is for the ids of this package, .* not for lamps:Lamp-v0"):
        environments.training_envs(Config(env_id="lamps:Lamp-v0"), 2, 20)


def test_a_task_without_clutter_has_other_sizes_too():
    envs = environments.training_envs(preset("best", "Glimpse-CircleSquare-v0"), 2, 40)
    assert envs.unwrapped.scene_shape == (40, 40, 1)
