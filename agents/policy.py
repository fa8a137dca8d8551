"""A policy: the networks, and how they look and explore. Training, evaluation and users all act through it."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
import numpy.typing as npt
import torch
from gymnasium import spaces
from torch import Tensor

from agents.heads import Step
from agents.networks import RecurrentAttentionModel

READ = ("glimpse", "fixation", "canvas", "cue", "zoom_level")
"""The entries of an observation that the networks read."""


class NotFiniteError(ValueError):
    """The networks return numbers that are not finite: their training diverged."""


class Noise:
    """The random numbers of a batch, drawn for the whole batch, so that they do not depend on the number of processes.

    Args:
        seed: the seed of `numpy.random.default_rng`.
        batch_size: the number of episodes in the whole batch.
        part: the episodes that this process plays.
    """

    def __init__(self, seed: Any, batch_size: int, part: slice = slice(None)) -> None:
        self._generator = np.random.default_rng(seed)
        self._batch_size, self._part = batch_size, part

    def __call__(self, kind: str, like: Tensor, *arguments: float) -> Tensor:
        """Draw numbers of the shape of ``like`` (b, n), by a method of NumPy's generators."""
        drawn = getattr(self._generator, kind)(*arguments, size=(self._batch_size, like.shape[1]))
        return torch.from_numpy(drawn[self._part]).to(like)


Way = Callable[[Tensor, Noise, float], Tensor]
_LEARNED: Way = lambda mean, noise, std: mean + std * noise("standard_normal", mean) if std else mean  # noqa: E731
LOOKING: dict[str, Way] = {
    "learned": _LEARNED,
    "fixed": _LEARNED,
    "raster": lambda mean, noise, std: mean,
    "random": lambda mean, noise, std: noise("uniform", mean, -1.0, 1.0),
    "center": lambda mean, noise, std: torch.zeros_like(mean),
}
"""Ways of looking: each maps means (B, 2), noise and a standard deviation to locations (B, 2)."""


class Decision(NamedTuple):
    """The location, action and zoom chosen after a glimpse.

    Attributes:
        location: (B, 2), as drawn, before clipping.
        action: (B,) int64; (B, n) for continuous actions, as drawn, before clipping.
        zoom: (B,) int64; None if the agent does not zoom.
    """

    location: Tensor
    action: Tensor
    zoom: Tensor | None = None


class Policy:
    """An agent that acts.

    Args:
        model: its networks.
        action_space: the action space of a single environment: a Dict of ``location``, ``action`` and perhaps ``zoom``.
        looking: how it chooses locations, one of `LOOKING`; "learned", "fixed" and "raster" follow the networks. Zooms always
            follow the networks.
        std: the standard deviation of the location when it explores, in units of half the scene.
        seed: the seed of its noise, when it explores or looks at random.
        env_arguments: the arguments of its environments, such as the canvas that it reads.
    """

    def __init__(
        self,
        model: RecurrentAttentionModel,
        action_space: gym.Space[Any],
        looking: str = "learned",
        std: float = 0.07,
        seed: int = 0,
        env_arguments: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        self.model, self.looking, self.std = model, looking, std
        self.env_arguments = dict(env_arguments)
        self.action_space: gym.Space[Any] = action_space["action"]  # type: ignore[index]
        self._seed, self._calls = seed, 0

    @property
    def device(self) -> torch.device:
        """The device of the networks."""
        return next(self.model.parameters()).device

    def see(self, observation: dict[str, Any]) -> dict[str, Tensor]:
        """Convert an observation, arrays (B, ...), to the tensors that the networks read, on their device."""
        pinned = self.device.type == "cuda"  # page-locked copies reach a GPU while it computes
        tensors = {key: torch.from_numpy(observation[key]) for key in READ if key in observation}
        return {
            key: (tensor.pin_memory() if pinned else tensor).to(self.device, non_blocking=pinned)
            for key, tensor in tensors.items()
        }

    def decide(self, step: Step, noise: Noise, std: float = 0.0, explore: bool = False) -> Decision:
        """Choose a location, an action and perhaps a zoom.

        Args:
            step: the networks' outputs after the latest glimpse.
            noise: the random numbers.
            std: the standard deviation of the location around its mean; with 0, the zoom is the most likely one.
            explore: whether to draw the action from the policy rather than take the most likely one.
        """
        head = self.model.heads.action
        location = LOOKING[self.looking](step.mean, noise, std)
        action = head.draw(step.logits, noise(head.noise, step.logits)) if explore else head.likeliest(step.logits)
        zoom = None
        if step.zoom is not None:
            zoom = (step.zoom.detach() + (noise("gumbel", step.zoom) if std else 0)).argmax(-1)
        return Decision(location.detach(), action.detach(), zoom)

    def env_action(self, decision: Decision) -> dict[str, npt.NDArray[Any]]:
        """Convert a decision to an action of the environments, arrays (B, ...).

        Locations are clipped to [-1, 1]. Actions in a Box are scaled from [-1, 1] to its bounds, if it has any, and clipped.

        Raises:
            NotFiniteError: the networks returned a number that is not finite.
        """
        action = {
            "location": decision.location.clamp(-1, 1).float().cpu().numpy(),
            "action": _in_space(self.action_space, decision.action.cpu().numpy()),
        }
        if decision.zoom is not None:
            action["zoom"] = decision.zoom.cpu().numpy()
        for name, values in action.items():
            if not np.isfinite(values).all():
                raise NotFiniteError(f"the agent's {name} is not finite")
        return action

    @torch.no_grad()
    def predict(
        self,
        observation: dict[str, npt.NDArray[Any]],
        state: npt.NDArray[np.float32] | None = None,
        episode_start: npt.NDArray[np.bool_] | bool | None = None,
        deterministic: bool = True,
    ) -> tuple[dict[str, Any], npt.NDArray[np.float32]]:
        """Act, as the policies of Stable-Baselines3 do.

        Args:
            observation: the observation of a vector environment, arrays (B, ...), or of a single one.
            state: the state that the last call returned; None at the start of an episode.
            episode_start: (B,) bool, the environments whose episode begins with this observation; their state is reset.
            deterministic: whether to use the mean location and the most likely action rather than draw both.

        Returns:
            The action, ready for the environment's ``step``, and the state (B, S).

        Raises:
            ValueError: the observation is not one of the agent's environments.
        """
        alone = np.ndim(observation["fixation"]) == 1
        if alone:
            observation = {key: np.asarray(value)[np.newaxis] for key, value in observation.items()}
        for key in READ:
            if key in observation and observation[key].dtype != np.float32:
                raise ValueError(f"{key} must be float32, as the environments return it, got {observation[key].dtype}.")
        seen = self.see(observation)
        batch_size = len(seen["fixation"])
        before = self.model.initial_state(batch_size) if state is None else torch.from_numpy(state).to(self.device)
        if episode_start is not None:
            going_on = ~np.broadcast_to(np.asarray(episode_start, np.bool_), batch_size)
            before = before * torch.from_numpy(going_on).to(self.device)[:, None]
        try:
            step = self.model(seen, before)
        except (KeyError, RuntimeError) as error:
            raise ValueError(
                f"The agent cannot read this observation ({error!r}): make the environment with **policy.env_arguments."
            ) from error
        noise = Noise((self._seed, self._calls), batch_size)
        self._calls += 1
        decision = self.decide(step, noise, 0.0 if deterministic else self.std, explore=not deterministic)
        action = self.env_action(decision)
        return {key: value[0] for key, value in action.items()} if alone else action, step.state.cpu().numpy()


def _in_space(space: gym.Space[Any], values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Convert choices (B,) from 0, or numbers (B, n), to actions of a Discrete or a Box."""
    if isinstance(space, spaces.Discrete):
        return np.asarray(space.start + values)
    assert isinstance(space, spaces.Box)
    bounded = np.isfinite(space.low) & np.isfinite(space.high)
    low, high = np.where(bounded, space.low, -1.0), np.where(bounded, space.high, 1.0)
    values = (low + high) / 2 + (high - low) / 2 * values.reshape(-1, *space.shape)
    return np.asarray(values.clip(space.low, space.high), space.dtype)
