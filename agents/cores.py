"""Cores integrate glimpses over time: a *core* maps g and its state to h and the next state (f_h, section 3.1).

Shapes: B episodes, S numbers of a core's state.
"""

from typing import Protocol

import torch
from torch import Tensor, nn


class Core(Protocol):
    """Integrates glimpses: g (B, input_size) and a state (B, state_size) to h (B, size) and the next state.

    Attributes:
        size: units of h.
        state_size: S.
    """

    size: int
    state_size: int

    def __call__(self, g: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Take one glimpse in."""


class ReLUCore(nn.RNNCell):
    """h_t = ReLU(W h_{t-1} + W g_t) (section 4, f_h for classification).

    Recurrent weights start as the identity and biases at 0, so that it remembers from the start (Le et al. 2015).
    """

    def __init__(self, input_size: int, size: int = 256) -> None:
        super().__init__(input_size, size, nonlinearity="relu")
        self.size = self.state_size = size
        nn.init.eye_(self.weight_hh)
        nn.init.zeros_(self.bias_hh)
        nn.init.zeros_(self.bias_ih)

    def forward(self, g: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        """(B, input_size) and (B, size) to h (B, size), which is the state, too."""
        h = super().forward(g, state)
        return h, h


class GRUCore(nn.GRUCell):
    """A gated recurrent unit (Cho et al. 2014) as the core."""

    def __init__(self, input_size: int, size: int = 256) -> None:
        super().__init__(input_size, size)
        self.size = self.state_size = size

    def forward(self, g: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        """(B, input_size) and (B, size) to h (B, size), which is the state, too."""
        h = super().forward(g, state)
        return h, h


class LSTMCore(nn.LSTMCell):
    """An LSTM as the core (section 4.2, f_h for the game); its state holds h and c side by side."""

    def __init__(self, input_size: int, size: int = 256) -> None:
        super().__init__(input_size, size)
        self.size, self.state_size = size, 2 * size

    def forward(self, g: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        """(B, input_size) and (B, 2 * size) to h (B, size) and the state."""
        h, c = super().forward(g, state.chunk(2, dim=1))  # type: ignore[arg-type]
        return h, torch.cat([h, c], dim=1)


class CountingCore(nn.Module):
    """A core that counts: h ends with the number of the glimpse, one-hot, (B, core.size + num_glimpses).

    Args:
        core: any core.
        num_glimpses: T; it counts to T, then starts again.
    """

    def __init__(self, core: Core, num_glimpses: int) -> None:
        super().__init__()
        self.core = core
        self.size, self.state_size = core.size + num_glimpses, core.state_size + num_glimpses

    def forward(self, g: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """(B, input_size) and (B, state_size) to h (B, size) and the state."""
        before, count = state[:, : self.core.state_size], state[:, self.core.state_size :]
        h, after = self.core(g, before)
        count = torch.cat([1 - count[:, :-1].sum(1, keepdim=True), count[:, :-1]], dim=1)
        return torch.cat([h, count.to(h)], dim=1), torch.cat([after, count.to(after)], dim=1)
