"""The heads of the core: the next location, the action and the baseline (Mnih et al. 2014, section 3.1), and the next zoom.

Shapes: B episodes, D units of h, n environment actions, Z zooms, S numbers of a core's state.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.distributions import Categorical, Distribution, Independent, Normal


class LocationNetwork(nn.Linear):
    """Mean of the Gaussian over the next location (f_l): (B, D) to (B, 2).

    It is linear in h and unbounded: the policy clips it. At the start it is 0, the scene's center.

    Args:
        in_features: D.
        num_planned: the number of last features of h that count glimpses, see `CountingCore`. Their weights, a plan, start as
            a raster scan, since a gaze at rest is slow to learn to move.
    """

    def __init__(self, in_features: int, num_planned: int = 0) -> None:
        super().__init__(in_features, 2)
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.bias)
        if num_planned:
            with torch.no_grad():
                self.weight[:, -num_planned:] = raster(num_planned).T


class DetachedLocationNetwork(LocationNetwork):
    """The location network whose gradient stops before h, the other reading of the paper."""

    def forward(self, h: Tensor) -> Tensor:
        """(B, D) to (B, 2)."""
        return super().forward(h.detach())


class ScanPath(nn.Module):
    """One sequence of locations for all scenes, a control: the mean depends only on the glimpse's number.

    Args:
        num_glimpses: T; a `CountingCore` counts in the last T features of h.
        learned: whether the sequence is learned, or stays the raster scan that it starts as.
    """

    path: Tensor

    def __init__(self, num_glimpses: int, learned: bool) -> None:
        super().__init__()
        if learned:
            self.path = nn.Parameter(raster(num_glimpses))
        else:
            self.register_buffer("path", raster(num_glimpses))

    def forward(self, h: Tensor) -> Tensor:
        """(B, D) to (B, 2)."""
        return h[:, -len(self.path) :] @ self.path


def raster(num_glimpses: int) -> Tensor:
    """Locations (num_glimpses, 2) that scan the scene row by row, one for each glimpse; the last, never looked at, repeats."""
    num_looks = max(1, num_glimpses - 1)
    num_rows = math.isqrt(num_looks)
    lengths = [(num_looks + row) // num_rows for row in range(num_rows)]
    path = [
        ((2 * n + 1) / length - 1, (2 * row + 1) / num_rows - 1) for row, length in enumerate(lengths) for n in range(length)
    ]
    return torch.tensor([*path, path[-1]][:num_glimpses])


class ActionNetwork(nn.Linear):
    """Logits over the environment actions, linear in h (f_a): (B, D) to (B, n)."""

    noise = "gumbel"  # the noise (B, n) that `draw` needs: a method of NumPy's generators

    def policy(self, logits: Tensor) -> Distribution:
        """The distribution of actions (...) for logits (..., n)."""
        return Categorical(logits=logits)  # type: ignore[no-untyped-call]

    def likeliest(self, logits: Tensor) -> Tensor:
        """The most probable action (...)."""
        return logits.argmax(-1)

    def draw(self, logits: Tensor, noise: Tensor) -> Tensor:
        """A sample (...) of the policy."""
        return (logits + noise).argmax(-1)


class GaussianActionNetwork(ActionNetwork):
    """Means of continuous actions, linear in h, with a learned standard deviation each: (B, D) to (B, n).

    Actions are as drawn; the environment gets them clipped.
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
        """A sample (..., n) of the policy."""
        return means + self.log_std.exp() * noise


class BaselineNetwork(nn.Linear):
    """Expected return b_t, linear in h; its gradient stops before h: (B, D) to (B,)."""

    def __init__(self, in_features: int) -> None:
        super().__init__(in_features, 1)

    def forward(self, h: Tensor) -> Tensor:
        """(B, D) to (B,)."""
        return super().forward(h.detach()).squeeze(-1)


class Heads(nn.Module):
    """The three heads: the action, the next location, the baseline.

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
    """Heads whose action also reads g, so that the latest glimpse can bypass the core.

    Args:
        action: (B, D + input_size) to (B, n); the others as those of `Heads`.
    """

    def forward(self, h: Tensor, g: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """H (B, D) and g (B, input_size) to logits (B, n), mean (B, 2) and baseline (B,), in float32."""
        return self.action(torch.cat([h, g], dim=1)).float(), self.location(h).float(), self.baseline(h).float()


class ZoomNetwork(nn.Linear):
    """Logits over the zooms of the next glimpse, linear in h: (B, D) to (B, Z).

    At the start it takes the last zoom, usually the finest, about four times in five if there are three: there a class is
    learned first.
    """

    _PREFERRED = 2.0  # the logit of the last zoom at the start; those of the others are 0

    def __init__(self, in_features: int, num_zooms: int) -> None:
        super().__init__(in_features, num_zooms)
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.bias)
        with torch.no_grad():
            self.bias[-1] = self._PREFERRED


class DetachedZoomNetwork(ZoomNetwork):
    """The zoom network whose gradient stops before h, as that of `DetachedLocationNetwork`."""

    def forward(self, h: Tensor) -> Tensor:
        """(B, D) to (B, Z)."""
        return super().forward(h.detach())


class ZoomHeads(nn.Module):
    """Heads that also choose a zoom.

    Args:
        heads: the other heads.
        zoom: (B, D) to (B, Z).
    """

    def __init__(self, heads: Heads, zoom: nn.Module) -> None:
        super().__init__()
        self.heads, self.zoom = heads, zoom

    @property
    def action(self) -> ActionNetwork:
        """The action network."""
        return self.heads.action

    @property
    def location(self) -> nn.Module:
        """The location network."""
        return self.heads.location

    def forward(self, h: Tensor, g: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """H (B, D) and g to logits (B, n), mean (B, 2), baseline (B,) and zoom logits (B, Z), in float32."""
        logits, mean, baseline = self.heads(h, g)
        return logits, mean, baseline, self.zoom(h).float()


class Step(NamedTuple):
    """The output of the model for one glimpse.

    Attributes:
        logits: (B, n), over the environment actions; the means of continuous ones.
        mean: (B, 2), where to look next.
        baseline: (B,), the expected return from here on.
        state: (B, S), the input of the next step.
        zoom: (B, Z), logits over the zooms of the next glimpse; None if the agent does not zoom.
    """

    logits: Tensor
    mean: Tensor
    baseline: Tensor
    state: Tensor
    zoom: Tensor | None = None
