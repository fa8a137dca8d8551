"""Whole episodes of a vector env, the networks' graph kept: the trainer backpropagates through the rollout itself."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

import glimpse_env
from agents.environments import Envs, first_seed, task
from agents.episodes import Episodes
from agents.heads import Step
from agents.policy import Noise, Policy

Start = tuple[dict[str, Any], dict[str, Any]]


def collect(
    envs: Envs,
    policy: Policy,
    start: Start,
    noise: Noise,
    std: float = 0.0,
    explore: bool = False,
    watched: Callable[[Step], object] | None = None,
) -> Episodes:
    """Play from a reset until each environment has ended an episode.

    Args:
        envs: with autoreset at the next step, just reset.
        policy: the agent.
        start: what that reset returned.
        noise: where random numbers come from.
        std: of the locations around their means.
        explore: draw actions from the policy; otherwise the likeliest.
        watched: is called with what the networks make of each glimpse, before it is acted on.

    Returns:
        The episodes, with the graph of the networks where gradients are on.
    """
    device = policy.device
    observation, info = start
    state = policy.model.initial_state(envs.num_envs)
    steps: list[Step] = []
    played, actions, rewards, locations, fixations = [], [], [], [], []
    told: dict[str, list[Tensor]] = {"label": [], "scored": []}
    playing, cut, after = np.ones(envs.num_envs, np.bool_), np.zeros(envs.num_envs, np.bool_), None
    seen = policy.see(observation)
    while playing.any():
        fixations.append(seen["fixation"])
        for name, values in told.items():
            if name in info:
                values.append(torch.from_numpy(info[name]).to(device))
            elif values:  # told at the reset alone
                values.append(values[-1])
        step = policy.model(seen, state)
        if watched is not None:
            watched(step)
        steps.append(step)
        state = step.state
        decision = policy.decide(step, noise, std, explore)
        locations.append(decision.location)
        actions.append(decision.action)
        observation, reward, terminated, truncated, info = envs.step(policy.env_action(decision))
        rewards.append(torch.from_numpy(reward * playing).float().to(device))
        played.append(torch.from_numpy(playing).to(device))
        seen = policy.see(observation)
        stopped = playing & truncated & ~terminated
        if stopped.any():
            here = torch.from_numpy(stopped).to(device)
            baseline = policy.model(seen, state).baseline.detach()
            after = torch.where(here, baseline, torch.zeros_like(baseline) if after is None else after)
        cut |= stopped
        playing = playing & ~terminated & ~truncated
    return Episodes(
        playing=torch.stack(played),
        logits=torch.stack([step.logits for step in steps]),
        actions=torch.stack(actions),
        rewards=torch.stack(rewards),
        means=torch.stack([step.mean for step in steps])[:-1],
        locations=torch.stack(locations)[:-1],
        baselines=torch.stack([step.baseline for step in steps]),
        fixations=torch.stack(fixations),
        labels=torch.stack(told["label"]) if told["label"] else None,
        scored=torch.stack(told["scored"]) if told["scored"] else None,
        cut=torch.from_numpy(cut).to(device),
        after=after,
    )


def greedy(
    envs: Envs,
    policy: Policy,
    split: str,
    seed: int = 0,
    num_episodes: int = 10_000,
    watched: Callable[[Step], object] | None = None,
) -> Iterator[tuple[Episodes, npt.NDArray[np.bool_]]]:
    """Play the episodes of an evaluation: the mean location looked at, the likeliest action taken, one rollout each.

    Args:
        envs: of `environments.evaluation_envs`.
        policy: the agent.
        split: of the envs; its episodes are none of any training.
        seed: of the scenes; the scene of image j depends on it and j alone, however many environments there are.
        num_episodes: how many are begun where the task has no images; otherwise each image is seen once.
        watched: see `collect`.

    Yields:
        the episodes of a batch, and which of them to count, (B,) bool.
    """
    noise = Noise(seed, envs.num_envs)
    for observation, info, fresh in _starts(envs, first_seed(split, seed), num_episodes):
        with torch.no_grad():
            yield collect(envs, policy, (observation, info), noise, watched=watched), fresh


def _starts(envs: Envs, seed: int, num_episodes: int) -> Iterator[tuple[dict[str, Any], dict[str, Any], npt.NDArray[np.bool_]]]:
    """Begin one episode on each image of the split; where there are none, so many."""
    if task(envs).num_images:
        yield from glimpse_env.walk(envs, seed)
        return
    for first in range(0, num_episodes, envs.num_envs):
        observation, info = envs.reset(seed=seed + first)
        yield observation, info, np.arange(first, first + envs.num_envs) < num_episodes
