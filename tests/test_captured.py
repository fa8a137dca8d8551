"""On a GPU, a training with captured models equals one without."""

import dataclasses

import pytest
import torch

from agents import parallel, ram
from agents.captured import CapturedModel
from agents.environments import make_envs, task
from agents.policy import Policy
from agents.presets import preset


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", ["paper", "canvas", "modern"])
def test_updates_are_those_of_the_plain_model(name: str) -> None:
    config = dataclasses.replace(preset(name), batch_size=32, blind=0.0, short=0.0)
    envs = make_envs(config, config.batch_size, config.split)
    ranks = parallel.Ranks(torch.device("cuda"))
    losses = []
    for captures in (False, True):
        model = ram.prepare(config).to("cuda")
        policy = Policy(model, envs.single_action_space)
        if captures:
            glimpses = task(envs).num_glimpses
            assert glimpses is not None
            policy.model = CapturedModel(model, policy.see(envs.reset(seed=0)[0]), glimpses)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
        losses.append([ram.train_step(policy, optimizer, envs, config, update, ranks)["action"] for update in range(5)])
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
