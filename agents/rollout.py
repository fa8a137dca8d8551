"""Whole episodes of a vector env, the network's graph kept: the trainer backpropagates through the rollout itself."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any, SupportsFloat

import gymnasium as gym
import numpy as np
import numpy.typing as npt
import torch
from gymnasium.vector import VectorEnv
from torch import Tensor

import glimpse_env
from agents import tasks
from agents.actions import for_env
from agents.networks import RecurrentAttentionModel, Step

KEYS = ("glimpse", "fixation", "canvas", "cue")
"""The entries of an observation that are read."""
_FIRST_SEED = 2**63  # of evaluated episodes without images: no training comes near it
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
    """B episodes, of T glimpses at the most; what follows the end of a shorter one does not count.

    Locations are those drawn after glimpses 1 to T-1: the one after the last is never seen.

    Attributes:
        playing: (T, B) bool, whether the episode was still going on at this glimpse.
        logits: (T, B, n), after each glimpse; the means of continuous actions.
        actions: (T, B) int64, the environment actions taken; (T, B, n), as drawn, before clipping, of continuous ones.
        rewards: (T, B), from the environment; 0 after the end.
        means: (T-1, B, 2), of the location policy.
        locations: (T-1, B, 2), as drawn, before clipping; no gradient.
        features: (T, B, F), what the baseline reads.
        fixations: (T, B, 2), where each glimpse was taken.
        labels: (T, B) int64, the target at each step, as the info before it told; None in a world that has none.
        scored: (T, B) bool, whether the action of the step was to be an answer, as the info before it told; None where it
            does not tell, and the last action of an episode alone is one.
        cut: (B,) bool, whether the episode was truncated: more would have come.
        after: (B, F), what the baseline reads of the observation behind the end, where it was cut; None if none was.
    """

    playing: Tensor
    logits: Tensor
    actions: Tensor
    rewards: Tensor
    means: Tensor
    locations: Tensor
    features: Tensor
    fixations: Tensor
    labels: Tensor | None
    scored: Tensor | None
    cut: Tensor
    after: Tensor | None

    @property
    def ends(self) -> Tensor:
        """(T, B) bool, True at the last step of each episode alone."""
        return self.playing & ~torch.cat([self.playing[1:], torch.zeros_like(self.playing[:1])])

    @property
    def answers(self) -> Tensor:
        """(T, B) bool, True at the steps whose action is an answer."""
        return self.ends if self.scored is None else self.scored & self.playing

    @property
    def wrong(self) -> Tensor:
        """(T, B) bool, whether an answer so far is not the right one, or would not be if it were due now."""
        assert self.labels is not None, "a world without labels"
        missed = self.playing & (self.logits.argmax(-1) != self.labels)
        return missed | ((missed & self.answers).cumsum(0) > 0)


class OneEpisode(gym.Wrapper[Any, Any, Any, Any]):
    """Plays one episode a seed, then rests: autoreset without a seed begins no other, whose steps nobody would count."""

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        self._last: Any = None
        self._over = False

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode if a seed is given, or none is over."""
        if self._over and seed is None:
            return self._last, {}
        self._over = False
        return self.env.reset(seed=seed, options=options)

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Step on; after the end, show what was seen last."""
        if self._over:
            return self._last, 0.0, False, False, {}
        self._last, reward, terminated, truncated, info = self.env.step(action)
        self._over = terminated or truncated
        return self._last, reward, terminated, truncated, info


def collect(
    envs: VectorEnv[Any, Any, Any],
    model: RecurrentAttentionModel,
    start: tuple[dict[str, Any], dict[str, Any]],
    gaze: Gaze,
    sample: Callable[[Tensor], Tensor] | None = None,
) -> Episodes:
    """Play from a reset until each environment has ended an episode.

    Args:
        envs: with autoreset at the next step, just reset.
        model: the agent.
        start: what that reset returned.
        gaze: chooses locations.
        sample: draws environment actions from logits (B, n); the likeliest unless given.

    Returns:
        The episodes, with the graph of ``model`` where gradients are on.
    """
    device = model.standardise.mean.device
    action_space: Any = envs.single_action_space["action"]  # type: ignore[index]
    observation, info = start
    state = model.initial_state(envs.num_envs)
    steps: list[Step] = []
    played, actions, rewards, means, locations, fixations = [], [], [], [], [], []
    told: dict[str, list[Tensor]] = {"label": [], "scored": []}
    playing, cut, after = np.ones(envs.num_envs, np.bool_), np.zeros(envs.num_envs, np.bool_), None
    seen = _tensors(observation, device)
    while playing.any():
        fixations.append(seen["fixation"])
        for name, values in told.items():
            if name in info:
                values.append(torch.from_numpy(info[name]).to(device))
            elif values:  # told at the reset alone
                values.append(values[-1])
        step = model(seen, state)
        steps.append(step)
        state = step.state
        mean, location = gaze(len(steps) - 1, step)
        means.append(mean)
        locations.append(location.detach())
        actions.append(model.action.likeliest(step.logits).detach() if sample is None else sample(step.logits))
        observation, reward, terminated, truncated, info = envs.step(
            {"location": locations[-1].clamp(-1, 1).cpu().numpy(), "action": for_env(action_space, actions[-1])}
        )
        rewards.append(torch.from_numpy(reward * playing).float().to(device))
        played.append(torch.from_numpy(playing).to(device))
        seen = _tensors(observation, device)
        stopped = playing & truncated & ~terminated
        if stopped.any():
            here = torch.from_numpy(stopped).to(device).unsqueeze(1)
            features = model(seen, state).features.detach()
            after = torch.where(here, features, torch.zeros_like(features) if after is None else after)
        cut |= stopped
        playing = playing & ~terminated & ~truncated
    return Episodes(
        playing=torch.stack(played),
        logits=torch.stack([step.logits for step in steps]),
        actions=torch.stack(actions),
        rewards=torch.stack(rewards),
        means=torch.stack(means)[:-1],
        locations=torch.stack(locations)[:-1],
        features=torch.stack([step.features for step in steps]),
        fixations=torch.stack(fixations),
        labels=torch.stack(told["label"]) if told["label"] else None,
        scored=torch.stack(told["scored"]) if told["scored"] else None,
        cut=torch.from_numpy(cut).to(device),
        after=after,
    )


def starts(
    envs: VectorEnv[Any, Any, Any], seed: int, num_episodes: int
) -> Iterator[tuple[dict[str, Any], dict[str, Any], npt.NDArray[np.bool_]]]:
    """Begin the episodes of an evaluation: one on each image of the split, where there are images.

    Args:
        envs: of `build.make_envs`.
        seed: of the first; the others follow, however many environments there are.
        num_episodes: how many are begun where there are no images.

    Yields:
        observation, info, and which of the environments to count, (B,) bool.
    """
    if tasks.world(envs.unwrapped.spec) and envs.unwrapped.task.num_images:  # type: ignore[arg-type,attr-defined]
        yield from glimpse_env.walk(envs, seed)
        return
    for first in range(0, num_episodes, envs.num_envs):
        observation, info = envs.reset(seed=_FIRST_SEED + seed + first)
        yield observation, info, np.arange(first, first + envs.num_envs) < num_episodes


def joined(parts: Sequence[Tensor]) -> Tensor:
    """Join batches (T_i, B_i, ...) along B; of shorter ones the last step stays."""
    T = max(map(len, parts))
    return torch.cat([torch.cat([part, part[-1:].expand(T - len(part), *part.shape[1:])]) for part in parts], dim=1)


def _tensors(observation: dict[str, Any], device: torch.device) -> dict[str, Tensor]:
    """What the networks read; an environment's other entries are left alone."""
    return {key: torch.from_numpy(observation[key]).to(device) for key in KEYS if key in observation}
