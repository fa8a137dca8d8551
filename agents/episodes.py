"""Episodes as they were played: what a rollout gives, and the wrapper that makes one end for good."""

import dataclasses
from collections.abc import Sequence
from typing import Any, SupportsFloat

import gymnasium as gym
import torch
from torch import Tensor


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
        baselines: (T, B), the return expected after each glimpse.
        fixations: (T, B, 2), where each glimpse was taken.
        labels: (T, B) int64, the target at each step, as the info before it told; None in a task that has none.
        scored: (T, B) bool, whether the action of the step was to be an answer, as the info before it told; None where it
            does not tell, and the last action of an episode alone is one.
        cut: (B,) bool, whether the episode was truncated: more would have come.
        after: (B,), the baseline of the observation behind the end, where it was cut, no gradient; None if none was.
    """

    playing: Tensor
    logits: Tensor
    actions: Tensor
    rewards: Tensor
    means: Tensor
    locations: Tensor
    baselines: Tensor
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
        assert self.labels is not None, "a task without labels"
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


def joined(parts: Sequence[Tensor]) -> Tensor:
    """Join batches (T_i, B_i, ...) along B; of shorter ones the last step stays."""
    T = max(map(len, parts))
    return torch.cat([torch.cat([part, part[-1:].expand(T - len(part), *part.shape[1:])]) for part in parts], dim=1)
