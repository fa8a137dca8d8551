"""Runs of a few seconds, which several tests share."""

import dataclasses

import pytest
import torch

from agents import ram
from agents.config import Config

TINY = Config(
    env_id="tiny_task:Tiny-v0", num_episodes=320, batch_size=32, num_validations=2, hidden_size=16, size=16, name="tiny"
)


def flags_of(config=TINY):
    """What the command line needs to make this config on the canvas preset's or any other defaults."""
    flags = []
    for field in dataclasses.fields(config):
        value, name = getattr(config, field.name), field.name.replace("_", "-")
        if isinstance(value, bool):
            flags.append(f"--{name}" if value else f"--no-{name}")
        elif isinstance(value, tuple):
            flags += [f"--{name}", *map(str, value)] if value else []
        elif not isinstance(value, dict) and name != "images":  # which a training fills in
            flags.append(f"--{name}={value}")
    return flags


def weights_of(model):
    """All weights of a model, in one tensor."""
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def stopped_after(update, monkeypatch, folder, config=TINY):
    """A run that was interrupted after so many updates."""
    step = ram.train_step

    def stopped(*arguments):
        if arguments[4] == update:
            raise KeyboardInterrupt
        return step(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(ram, "train_step", stopped)
        with pytest.raises(KeyboardInterrupt):
            ram.train(config, runs=folder)
