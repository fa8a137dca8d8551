"""Play whole episodes of a vector environment and keep the graph: the trainer backpropagates through the rollout."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from tqdm import tqdm

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
    """Play from a reset until every environment has ended its episode.

    Args:
        envs: environments with autoreset at the next step, just reset.
        policy: the agent.
        start: the result of that reset.
        noise: the random numbers.
        std: the standard deviation of the locations around their means.
        explore: whether to draw actions from the policy rather than take the most likely ones.
        watched: called with the networks' outputs after each glimpse, before the action.

    Returns:
        The episodes, with the graph of the networks if gradients are enabled.
    """
    device = policy.device
    observation, info = start
    state = policy.model.initial_state(envs.num_envs)
    steps: list[Step] = []
    played, actions, rewards, locations, fixations = [], [], [], [], []
    zooms: list[Tensor] = []
    told: dict[str, list[Tensor]] = {"label": [], "scored": []}
    playing, cut, after = np.ones(envs.num_envs, np.bool_), np.zeros(envs.num_envs, np.bool_), None
    seen = policy.see(observation)
    while playing.any():
        fixations.append(seen["fixation"])
        for name, values in told.items():
            if name in info:
                values.append(torch.from_numpy(info[name]).to(device))
            elif values:  # only the reset had it
                values.append(values[-1])
        step = policy.model(seen, state)
        if watched is not None:
            watched(step)
        steps.append(step)
        state = step.state
        decision = policy.decide(step, noise, std, explore)
        locations.append(decision.location)
        if decision.zoom is not None:
            zooms.append(decision.zoom)
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
        zoom_logits=torch.stack([step.zoom for step in steps if step.zoom is not None])[:-1] if zooms else None,
        zooms=torch.stack(zooms)[:-1] if zooms else None,
    )


def greedy(
    envs: Envs,
    policy: Policy,
    split: str,
    seed: int = 0,
    num_episodes: int = 10_000,
    watched: Callable[[Step], object] | None = None,
    progress: str = "",
) -> Iterator[tuple[Episodes, npt.NDArray[np.bool_]]]:
    """Play the episodes of an evaluation, with the mean location and the most likely action, one rollout each.

    Args:
        envs: the result of `environments.evaluation_envs`.
        policy: the agent.
        split: the split of the environments; no training has the same episodes.
        seed: the seed of the scenes; the scene of image j depends only on it and j, not on the number of environments.
        num_episodes: the number of episodes if the task has no images; otherwise each image is shown once.
        watched: see `collect`.
        progress: the name of a progress bar; empty for none.

    Yields:
        The episodes of a batch, and which of them to count, (B,) bool.
    """
    noise = Noise(seed, envs.num_envs)
    total = -(-(task(envs).num_images or num_episodes) // envs.num_envs)
    begun = starts(envs, first_seed(seed, split), num_episodes)
    for observation, info, fresh in tqdm(
        begun, progress, total, leave=False, unit="batch", dynamic_ncols=True, disable=not progress
    ):
        with torch.no_grad():
            yield collect(envs, policy, (observation, info), noise, watched=watched), fresh


def starts(envs: Envs, seed: int, num_episodes: int) -> Iterator[tuple[dict[str, Any], dict[str, Any], npt.NDArray[np.bool_]]]:
    """Begin the episodes of an evaluation: on each image of the split, or num_episodes if there are none.

    Yields:
        observation, info, and which environments to count, (B,) bool, as `glimpse_env.walk`.
    """
    if task(envs).num_images:
        yield from glimpse_env.walk(envs, seed)
        return
    for first in range(0, num_episodes, envs.num_envs):
        observation, info = envs.reset(seed=seed + first)
        yield observation, info, np.arange(first, first + envs.num_envs) < num_episodes
