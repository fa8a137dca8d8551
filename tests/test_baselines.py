"""The paper's networks on whole scenes: their sizes, their stream of scenes, and that they learn."""

import dataclasses

import numpy as np
import pytest
import torch

from agents import baselines, environments
from agents.baselines import BaselineConfig

TINY = BaselineConfig(env_id="Glimpse-MNIST-v0", network="fc64", num_episodes=12_800, num_validations=1, name="tiny")


@pytest.mark.parametrize(
    ("network", "parameters"),
    [
        ("fc64", 3600 * 64 + 64 + 64 * 64 + 64 + 64 * 10 + 10),
        ("fc256", 3600 * 256 + 256 + 256 * 256 + 256 + 256 * 10 + 10),
        ("conv", 8 * 100 + 8 + 8 * 11 * 11 * 256 + 256 + 256 * 10 + 10),  # 10x10, stride 5: 60 pixels give 11 places
        ("deep", 832 + 18_496 + 36_928 + 73_856 + 128 * 7 * 7 * 256 + 256 + 256 * 10 + 10),  # 60 pixels, then 30, 15, 7
    ],
)
def test_networks_are_the_papers(network, parameters):
    made = baselines.make_network(network, (60, 60, 1), 10)
    assert sum(p.numel() for p in made.parameters()) == parameters
    assert made(torch.zeros(3, 1, 60, 60)).shape == (3, 10)


@pytest.mark.parametrize(
    "changes", [{"precision": "bfloat16"}, {"max_grad_norm": 2.0}, {"scene_sizes": (60,)}, {"device": "cuda"}]
)
def test_what_is_for_the_agent_alone_is_refused(changes):
    (name,) = changes
    with pytest.raises(ValueError, match=f"{name}=.*leave it out"):
        BaselineConfig(**changes)


def test_it_sees_the_scenes_that_the_agent_is_measured_on():
    envs, agents = (environments.make_envs(TINY, 50, "validation") for _ in range(2))
    envs.reset(seed=3)
    agents.reset(seed=3)
    np.testing.assert_array_equal(baselines.scenes_of(envs)[:, 0].numpy() * 255, agents.unwrapped.world.scenes[..., 0])


def test_it_learns_and_goes_on_bit_for_bit(tmp_path, monkeypatch):
    whole = baselines.train(TINY, runs=tmp_path / "whole")
    assert whole < 20, "200 updates on centered digits"
    evaluate = baselines.evaluate
    calls = []

    def stopped(*arguments, **more):
        calls.append(arguments)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return evaluate(*arguments, **more)

    monkeypatch.setattr(baselines, "evaluate", stopped)
    config = dataclasses.replace(TINY, num_validations=2)
    with pytest.raises(KeyboardInterrupt):
        baselines.train(config, runs=tmp_path / "cut")
    assert baselines.train(config, resume=True, runs=tmp_path / "cut") == whole


def test_a_task_without_images_is_measured_on_as_many_episodes_as_asked():
    envs = environments.make_envs(BaselineConfig(env_id="Glimpse-CircleSquareRelative-v0"), 300, "test")
    wrong = [
        baselines.evaluate(lambda scenes, name=name: torch.eye(2)[name].expand(len(scenes), 2), envs, "test", num_episodes=700)
        for name in (0, 1)
    ]
    assert sum(wrong) == pytest.approx(100)
    assert 7 * wrong[0] == pytest.approx(round(7 * wrong[0])), "a share of 700"
