"""A training with captured models equals one without; on a CPU, without the capture itself."""

import dataclasses

import pytest
import torch

from agents import parallel, ram
from agents.captured import CapturedModel
from agents.environments import make_envs, task
from agents.policy import Policy
from agents.presets import preset

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


@pytest.mark.parametrize("name", ["paper", "canvas"])
def test_updates_are_those_of_the_plain_model(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if DEVICE == "cpu":
        monkeypatch.setattr(torch.cuda, "make_graphed_callables", lambda calls, samples, **_: calls)
    config = dataclasses.replace(preset(name), batch_size=4, blind=0.0, short=0.0)
    envs = make_envs(config, config.batch_size, config.split)
    num_glimpses = task(envs).num_glimpses
    assert num_glimpses is not None
    ranks = parallel.Ranks(torch.device(DEVICE))
    losses = []
    for captures in (False, True):
        model = ram.prepare(config).to(DEVICE)
        if captures:
            seen = Policy(model, envs.single_action_space).see(envs.reset(seed=0)[0])
            model = CapturedModel(model, seen, num_glimpses)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
        losses.append([ram.train_step(model, optimizer, envs, config, update, ranks)["action"] for update in range(2)])
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
