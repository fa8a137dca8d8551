"""Episodes: the result of a rollout."""

import dataclasses
from collections.abc import Sequence

import torch
from torch import Tensor


@dataclasses.dataclass(frozen=True)
class Episodes:
    """B episodes of at most T glimpses; entries after the end of a shorter one do not count.

    Locations are drawn after glimpses 1 to T-1; the location after the last glimpse is never used.

    Attributes:
        playing: (T, B) bool, whether the episode had not ended before this glimpse.
        logits: (T, B, n), after each glimpse; for continuous actions, the means.
        actions: (T, B) int64, the environment actions; (T, B, n) for continuous ones, before clipping.
        rewards: (T, B), from the environment; 0 after the end.
        means: (T-1, B, 2), the means of the location policy.
        locations: (T-1, B, 2), as drawn, before clipping; no gradient.
        baselines: (T, B), the expected return after each glimpse.
        fixations: (T, B, 2), where each glimpse was taken.
        labels: (T, B) int64, the right answer at each step, from the previous info; None in a task without labels.
        scored: (T, B) bool, whether the action of a step was an answer, from the previous info; None if only the last action
            of an episode is an answer.
        cut: (B,) bool, whether the episode was truncated.
        after: (B,), the baseline of the observation after a truncated episode, no gradient; None if none was truncated.
        zoom_logits: (T-1, B, Z), over the zooms of the next glimpse; None if the agent does not zoom.
        zooms: (T-1, B) int64, as drawn; None if the agent does not zoom.
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
    zoom_logits: Tensor | None = None
    zooms: Tensor | None = None

    @property
    def ends(self) -> Tensor:
        """(T, B) bool, True only at the last step of each episode."""
        return self.playing & ~torch.cat([self.playing[1:], torch.zeros_like(self.playing[:1])])

    @property
    def answers(self) -> Tensor:
        """(T, B) bool, True at the steps whose action is an answer."""
        return self.ends if self.scored is None else self.scored & self.playing

    @property
    def answer(self) -> Tensor:
        """(B,) int64, the action of the last step of each episode."""
        return (self.actions * self.ends).sum(0)

    @property
    def rewarded(self) -> Tensor:
        """(B,) bool, whether the last step of an episode had a reward above 0: its answer was right."""
        return (self.rewards * self.ends).sum(0) > 0

    @property
    def wrong(self) -> Tensor:
        """(T, B) bool, whether an answer so far was wrong, or would be wrong at this step."""
        assert self.labels is not None, "a task without labels"
        missed = self.playing & (self.logits.argmax(-1) != self.labels)
        return missed | ((missed & self.answers).cumsum(0) > 0)


def joined(parts: Sequence[Tensor]) -> Tensor:
    """Join batches (T_i, B_i, ...) along B; shorter ones repeat their last step."""
    T = max(map(len, parts))
    return torch.cat([torch.cat([part, part[-1:].expand(T - len(part), *part.shape[1:])]) for part in parts], dim=1)
