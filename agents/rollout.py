"""Whole episodes of a vector env, the network's graph kept: the trainer backpropagates through the rollout itself."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from gymnasium.vector import VectorEnv
from torch import Tensor

from agents.networks import RecurrentAttentionModel, Step

Gaze = Callable[[int, Step], tuple[Tensor, Tensor]]
"""How the next location is chosen: (glimpse number from 0, what the agent made of it) -> mean and location, (B, 2) each, not
yet clipped."""


def make_gaze(
    model: RecurrentAttentionModel, looking: str, noise: np.random.Generator, batch_size: int, part: slice, std: float
) -> Gaze:
    """Choose locations: "learned" or "fixed", with Gaussian noise of this std around the mean, "random" or "center".

    The noise is drawn for the whole batch, of which this process plays a part, so that it does not depend on how many share it.
    """

    def gaze(glimpse: int, step: Step) -> tuple[Tensor, Tensor]:
        mean = step.mean
        if looking == "center":
            return mean, torch.zeros_like(mean)
        if looking == "random":
            return mean, torch.from_numpy(noise.uniform(-1, 1, (batch_size, 2))[part]).to(mean)
        plan = model.location_plan[glimpse : glimpse + 1]  # (1, 2), or empty where the plan is over
        if looking == "fixed":
            mean = plan.expand_as(mean)
        elif len(plan):
            mean = mean + plan
        return mean, mean + std * torch.from_numpy(noise.standard_normal((batch_size, 2))[part]).to(mean)

    return gaze


@dataclasses.dataclass(frozen=True)
class Episodes:
    """B episodes of T glimpses. Locations are those drawn after glimpses 1 to T-1: the one after the last is never seen.

    Attributes:
        logits: (T, B, n), after each glimpse.
        actions: (T, B) int64, the environment actions taken.
        rewards: (T, B), from the environment.
        means: (T-1, B, 2), of the location policy.
        locations: (T-1, B, 2), as drawn, before clipping; no gradient.
        features: (T, B, F), what the baseline reads.
        fixations: (T, B, 2), where each glimpse was taken.
        labels: (B,) int64, the targets; None in a world that has none.
    """

    logits: Tensor
    actions: Tensor
    rewards: Tensor
    means: Tensor
    locations: Tensor
    features: Tensor
    fixations: Tensor
    labels: Tensor | None


def collect(
    envs: VectorEnv[Any, Any, Any],
    model: RecurrentAttentionModel,
    start: tuple[dict[str, Any], dict[str, Any]],
    gaze: Gaze,
    sample: Callable[[Tensor], Tensor] | None = None,
) -> Episodes:
    """Play from a reset to the end of the episodes, which all end together.

    Args:
        envs: with autoreset disabled, just reset.
        model: the agent.
        start: what that reset returned.
        gaze: chooses locations.
        sample: draws environment actions (B,) from logits (B, n); the likeliest unless given.

    Returns:
        The episodes, with the graph of ``model`` where gradients are on.
    """
    device = model.standardise.mean.device
    observation, info = start
    labels = torch.from_numpy(info["label"]).to(device) if "label" in info else None
    state = model.initial_state(envs.num_envs)
    steps: list[Step] = []
    actions, rewards, means, locations, fixations = [], [], [], [], []
    ended = np.zeros(envs.num_envs, np.bool_)
    while not ended.any():
        seen = {key: torch.from_numpy(value).to(device) for key, value in observation.items()}
        fixations.append(seen["fixation"])
        step = model(seen, state)
        steps.append(step)
        state = step.state
        mean, location = gaze(len(steps) - 1, step)
        means.append(mean)
        locations.append(location.detach())
        actions.append(step.logits.argmax(-1) if sample is None else sample(step.logits))
        observation, reward, ended, _, info = envs.step(
            {"location": locations[-1].clamp(-1, 1).cpu().numpy(), "action": actions[-1].cpu().numpy()}
        )
        rewards.append(torch.from_numpy(reward).float().to(device))
    assert ended.all(), "episodes of different lengths"
    return Episodes(
        logits=torch.stack([step.logits for step in steps]),
        actions=torch.stack(actions),
        rewards=torch.stack(rewards),
        means=torch.stack(means)[:-1],
        locations=torch.stack(locations)[:-1],
        features=torch.stack([step.features for step in steps]),
        fixations=torch.stack(fixations),
        labels=labels,
    )
