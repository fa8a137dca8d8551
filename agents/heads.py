"""What is read off the core: the next location, the action and the baseline (Mnih et al. 2014, section 3.1).

Shapes: B episodes, D units of h, n environment actions, S numbers of a core's state.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.distributions import Categorical, Distribution, Independent, Normal


class LocationNetwork(nn.Linear):
    """Mean of the Gaussian over the next location (f_l): (B, D) to (B, 2).

    Linear in h and not bounded (who acts clips), and 0, the scene's center, at first.

    Args:
        in_features: D.
        num_planned: how many of the last features of h count glimpses, see `CountingCore`. Their weights, a plan, begin at
            random: a gaze that rests is hard to move, since a step to any side gains as much.
    """

    def __init__(self, in_features: int, num_planned: int = 0) -> None:
        super().__init__(in_features, 2)
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.bias)
        nn.init.normal_(self.weight[:, in_features - num_planned :], std=0.3)


class DetachedLocationNetwork(LocationNetwork):
    """The location network by the other reading of the paper: its gradient stops before h."""

    def forward(self, h: Tensor) -> Tensor:
        """(B, D) to (B, 2)."""
        return super().forward(h.detach())


class ScanPath(nn.Module):
    """One learned sequence of locations for all scenes, a control: the mean depends on the glimpse's number alone.

    Args:
        num_glimpses: T, the last features of h, in which a `CountingCore` counts.
    """

    def __init__(self, num_glimpses: int) -> None:
        super().__init__()
        self.path = nn.Parameter(0.3 * torch.randn(num_glimpses, 2))

    def forward(self, h: Tensor) -> Tensor:
        """(B, D) to (B, 2)."""
        return h[:, -len(self.path) :] @ self.path


class ActionNetwork(nn.Linear):
    """Logits over the environment actions, linear in h (f_a): (B, D) to (B, n)."""

    noise = "gumbel"  # what `draw` needs, (B, n), by the name of the method of NumPy's generators

    def policy(self, logits: Tensor) -> Distribution:
        """The distribution of actions (...) for logits (..., n)."""
        return Categorical(logits=logits)  # type: ignore[no-untyped-call]

    def likeliest(self, logits: Tensor) -> Tensor:
        """The action (...) to take without noise."""
        return logits.argmax(-1)

    def draw(self, logits: Tensor, noise: Tensor) -> Tensor:
        """An action (...) of the policy."""
        return (logits + noise).argmax(-1)


class GaussianActionNetwork(ActionNetwork):
    """Means of continuous actions, linear in h, with a learned standard deviation each: (B, D) to (B, n).

    An action is what was drawn, before it is clipped for the environment.
    """

    noise = "standard_normal"

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(in_features, out_features)
        self.log_std = nn.Parameter(torch.full((out_features,), math.log(0.5)))

    def policy(self, means: Tensor) -> Distribution:
        """The distribution of actions (..., n) with these means."""
        return Independent(Normal(means, self.log_std.exp()), 1)  # type: ignore[no-untyped-call]

    def likeliest(self, means: Tensor) -> Tensor:
        """The means."""
        return means

    def draw(self, means: Tensor, noise: Tensor) -> Tensor:
        """Actions (..., n) of the policy."""
        return means + self.log_std.exp() * noise


class BaselineNetwork(nn.Linear):
    """Expected return b_t, linear in h, which it does not shape: (B, D) to (B,)."""

    def __init__(self, in_features: int) -> None:
        super().__init__(in_features, 1)

    def forward(self, h: Tensor) -> Tensor:
        """(B, D) to (B,)."""
        return super().forward(h.detach()).squeeze(-1)


class Heads(nn.Module):
    """What is read off h: the action, the next location, the baseline.

    Args:
        action: (B, D) to (B, n).
        location: (B, D) to (B, 2).
        baseline: (B, D) to (B,).
    """

    def __init__(self, action: ActionNetwork, location: nn.Module, baseline: nn.Module) -> None:
        super().__init__()
        self.action, self.location, self.baseline = action, location, baseline

    def forward(self, h: Tensor, g: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """H (B, D) to logits (B, n), mean (B, 2) and baseline (B,), in float32."""
        return self.action(h).float(), self.location(h).float(), self.baseline(h).float()


class SkipHeads(Heads):
    """Heads whose action reads g beside h: what the latest glimpse shows need not pass the core.

    Args:
        action: (B, D + input_size) to (B, n); the others as those of `Heads`.
    """

    def forward(self, h: Tensor, g: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """H (B, D) and g (B, input_size) to logits (B, n), mean (B, 2) and baseline (B,), in float32."""
        return self.action(torch.cat([h, g], dim=1)).float(), self.location(h).float(), self.baseline(h).float()


class Step(NamedTuple):
    """What the agent makes of one glimpse.

    Attributes:
        logits: (B, n), over the environment actions; the means of continuous ones.
        mean: (B, 2), where to look next.
        baseline: (B,), the return that it expects from here on.
        state: (B, S), what the next step needs.
    """

    logits: Tensor
    mean: Tensor
    baseline: Tensor
    state: Tensor
