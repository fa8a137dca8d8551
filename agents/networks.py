"""The networks of Mnih et al. (2014), one class each, and the parts that better agents swap in.

Shapes: B episodes, K*C patches of G x G pixels in a glimpse, D units, n environment actions, S numbers of a core's state.

A *glimpse network* maps an observation to g (B, size) in two steps: ``maps`` makes features, ``join`` mixes them. So a
network that wraps another can weigh its features in between.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  # the field's name

from agents.cores import Core
from agents.heads import Heads, Step, ZoomHeads

Observation = dict[str, Tensor]
"""The observation of the environment, by key: ``glimpse`` (B, K*C, G, G), ``fixation`` (B, 2), perhaps ``canvas``
(B, C + 1, S, S), ``cue`` (B, C, h, w) and ``zoom_level`` (B, Z)."""


class Standardize(nn.Module):
    """Shift and scale each patch channel to mean 0 and variance 1, as measured once on glimpses at random locations.

    Without it, a network learns little from sparse scenes: averages over coarse cells are close to 0.

    Args:
        num_channels: K*C.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, num_channels: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(num_channels, 1, 1))
        self.register_buffer("std", torch.ones(num_channels, 1, 1))

    def fit(self, glimpses: Tensor) -> None:
        """Measure glimpses (B, K*C, G, G)."""
        self.mean.copy_(glimpses.mean((0, 2, 3)).view_as(self.mean))
        self.std.copy_(glimpses.std((0, 2, 3)).clamp(min=1e-3).view_as(self.std))

    def forward(self, glimpses: Tensor) -> Tensor:
        """(B, K*C, G, G) in [0, 1] to the same shape, about standard normal."""
        return (glimpses - self.mean) / self.std


class LocalContrast(nn.Module):
    """Shift and scale each patch of each glimpse by itself: faint shapes stand out, whatever the brightness around them.

    The local contrast normalization of Jarrett et al. (2009), over a whole patch. It takes the place of `Standardize`.
    """

    _FAINTEST = 0.05  # of the range [0, 1]: less contrast is hardly amplified

    def forward(self, glimpses: Tensor) -> Tensor:
        """(B, K*C, G, G) in [0, 1] to the same shape, each patch of mean 0 and of a standard deviation below 1."""
        centered = glimpses - glimpses.mean((2, 3), keepdim=True)
        return centered / (centered.square().mean((2, 3), keepdim=True).sqrt() + self._FAINTEST)


class GlimpseNetwork(nn.Module):
    """What and where, as one vector: h_g = ReLU(W rho), h_l = ReLU(W l), g = ReLU(W h_g + W h_l) (section 3.1, f_g).

    Args:
        glimpse_shape: (K*C, G, G).
        hidden_size: units of h_g and of h_l, 128 in the paper.
        size: units of g, 256 in the paper.
        filters: convolutions before h_g; the paper has none.
    """

    def __init__(
        self, glimpse_shape: tuple[int, ...], hidden_size: int = 128, size: int = 256, filters: nn.Sequential | None = None
    ) -> None:
        super().__init__()
        filters = filters or nn.Sequential()
        self.size = size
        self.num_maps: Sequence[int] = (hidden_size, hidden_size)
        self.standardize: nn.Module = Standardize(glimpse_shape[0])
        self.what = nn.Sequential(
            *filters, nn.Flatten(), nn.Linear(num_features(filters, glimpse_shape), hidden_size), nn.ReLU()
        )
        self.where = nn.Sequential(nn.Linear(2, hidden_size), nn.ReLU())
        self.mix = nn.Linear(2 * hidden_size, size)  # W h_g + W h_l, as one product

    def maps(self, observation: Observation) -> list[Tensor]:
        """h_g and h_l, (B, hidden_size) each."""
        return [self.what(self.standardize(observation["glimpse"])), self.where(observation["fixation"])]

    def join(self, maps: Sequence[Tensor]) -> Tensor:
        """h_g and h_l to g (B, size)."""
        return F.relu(self.mix(torch.cat(list(maps), dim=1)))

    def forward(self, observation: Observation) -> Tensor:
        """An observation to g (B, size)."""
        return self.join(self.maps(observation))


class ConvGlimpseNetwork(GlimpseNetwork):
    """The glimpse network with two convolutions before h_g, and a maximum over 2x2 cells between them.

    Args:
        glimpse_shape: (K*C, G, G), G at least 2.
        hidden_size: units of h_g and of h_l.
        size: units of g.
        num_filters: of the first convolution; the second has half as many again.
    """

    def __init__(self, glimpse_shape: tuple[int, ...], hidden_size: int = 256, size: int = 256, num_filters: int = 32) -> None:
        first, second = _convolution(glimpse_shape[0], num_filters), _convolution(num_filters, num_filters * 3 // 2)
        super().__init__(glimpse_shape, hidden_size, size, nn.Sequential(*first, nn.MaxPool2d(2), *second))
        keep_signals(self.what, self.where, self.mix)


class CanvasGlimpseNetwork(nn.Module):
    """A glimpse network, and convolutions over the canvas, which shows all glimpses so far where they were taken.

    The canvas is centered on the gaze, which may be some pixels off the digit: pooling makes up for that. A cue weighs
    what the last convolution reads, so that this convolution finds what matches the cue, wherever it is on the canvas.

    Args:
        glimpse_network: reads the glimpse.
        canvas_shape: (C + 1, S, S), S at least 7.
        size: units in addition to those of the glimpse network.
        num_filters: filters of the first convolution; each lower resolution has twice as many.

    Raises:
        ValueError: the canvas is smaller than that, so that pooling leaves nothing.
    """

    def __init__(
        self, glimpse_network: GlimpseNetwork, canvas_shape: tuple[int, ...], size: int = 256, num_filters: int = 32
    ) -> None:
        super().__init__()
        if min(canvas_shape[1:]) < 7:
            raise ValueError(f"canvas={canvas_shape[1:]} is too small to be read: take 7 pixels or more each way.")
        self.glimpse_network = glimpse_network
        self.size = glimpse_network.size + size
        self.num_maps: Sequence[int] = (*glimpse_network.num_maps, 2 * num_filters)
        self.read = convolutions(canvas_shape[0], num_filters)
        self.mix = nn.Linear(num_features(self.read, canvas_shape), size)
        keep_signals(self.read, self.mix)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # twice as fast on a CPU

    def maps(self, observation: Observation) -> list[Tensor]:
        """The glimpse network's, and those of all convolutions but the last (B, 2 * num_filters, s, s)."""
        return [*self.glimpse_network.maps(observation), self.read[:-2](observation["canvas"])]

    def join(self, maps: Sequence[Tensor]) -> Tensor:
        """The maps to g (B, size)."""
        *of_glimpse, of_canvas = maps
        read = F.relu(self.mix(self.read[-2:](of_canvas).flatten(1)))  # by the last convolution and its ReLU
        return torch.cat([self.glimpse_network.join(of_glimpse), read], dim=1)

    def forward(self, observation: Observation) -> Tensor:
        """An observation with a canvas to g (B, size)."""
        return self.join(self.maps(observation))


class ZoomedGlimpseNetwork(nn.Module):
    """A glimpse network for glimpses of several zooms: each has its own scale of input, and weighs the features.

    Args:
        glimpse_network: the network that reads the rest of the observation; its own input stays unscaled.
        num_channels: K*C.
        num_zooms: Z.
    """

    def __init__(self, glimpse_network: "GlimpseNetwork | CanvasGlimpseNetwork", num_channels: int, num_zooms: int) -> None:
        super().__init__()
        self.glimpse_network = glimpse_network
        self.size, self.num_maps = glimpse_network.size, glimpse_network.num_maps
        self.scales = nn.ModuleList(Standardize(num_channels) for _ in range(num_zooms))
        self.weigh = nn.Linear(num_zooms, sum(self.num_maps))
        nn.init.zeros_(self.weigh.weight)
        nn.init.zeros_(self.weigh.bias)

    def fit(self, glimpses: Tensor, zoom_levels: Tensor) -> None:
        """Measure glimpses (N, K*C, G, G), each at its level (N, Z), one-hot."""
        for scale, chosen in zip(self.scales, zoom_levels.bool().T, strict=True):
            if chosen.any():
                scale.fit(glimpses[chosen])  # type: ignore[operator]

    def maps(self, observation: Observation) -> list[Tensor]:
        """The features of the glimpse network, weighted by the zoom."""
        levels = observation["zoom_level"]
        scaled = torch.stack([scale(observation["glimpse"]) for scale in self.scales], dim=1)  # (B, Z, K*C, G, G)
        glimpse = torch.einsum("bz,bzchw->bchw", levels, scaled)
        return _weighed(self.glimpse_network.maps({**observation, "glimpse": glimpse}), self.weigh(levels))

    def join(self, maps: Sequence[Tensor]) -> Tensor:
        """The maps to g (B, size)."""
        return self.glimpse_network.join(maps)

    def forward(self, observation: Observation) -> Tensor:
        """An observation with a zoom to g (B, size)."""
        return self.join(self.maps(observation))


class CuedGlimpseNetwork(nn.Module):
    """A glimpse network whose features are weighted by the cue.

    Args:
        glimpse_network: the network that reads the rest of the observation.
        cue_shape: (C, h, w).
        hidden_size: units of the hidden layer over the cue.
    """

    def __init__(
        self,
        glimpse_network: GlimpseNetwork | CanvasGlimpseNetwork | ZoomedGlimpseNetwork,
        cue_shape: tuple[int, ...],
        hidden_size: int = 256,
    ) -> None:
        super().__init__()
        self.glimpse_network = glimpse_network
        self.size, self.num_maps = glimpse_network.size, glimpse_network.num_maps
        self.weigh = nn.Sequential(
            nn.Flatten(),
            nn.Linear(math.prod(cue_shape), hidden_size),
            nn.ReLU(),
            nn.Linear(hidden_size, sum(self.num_maps)),
        )

    def forward(self, observation: Observation) -> Tensor:
        """An observation with a cue (B, C, h, w) to g (B, size)."""
        maps = self.glimpse_network.maps(observation)
        return self.glimpse_network.join(_weighed(maps, self.weigh(observation["cue"])))


class RecurrentAttentionModel(nn.Module):
    """Glimpse network, core and heads, one glimpse a call (figure 1 of the paper).

    Args:
        glimpse_network: an observation to g (B, input_size).
        core: g (B, input_size) and a state (B, S) to h (B, D) and the next state; zeros are the first.
        heads: h (B, D) and g to logits, mean and baseline, perhaps with the logits of the zoom.
    """

    def __init__(self, glimpse_network: nn.Module, core: Core, heads: Heads | ZoomHeads) -> None:
        super().__init__()
        self.glimpse_network, self.core, self.heads = glimpse_network, core, heads

    def initial_state(self, batch_size: int) -> Tensor:
        """The state (B, S) before the first glimpse: zeros."""
        return torch.zeros(batch_size, self.core.state_size, device=next(self.parameters()).device)

    def forward(self, observation: Observation, state: Tensor) -> Step:
        """Take one glimpse in.

        Args:
            observation: float32, see `Observation`.
            state: (B, S), of `initial_state` or the step before.
        """
        g = self.glimpse_network(observation)
        h, state = self.core(g, state)
        logits, mean, baseline, *zoom = self.heads(h, g)
        return Step(logits, mean, baseline, state, *zoom)


def convolutions(num_channels: int, num_filters: int = 32) -> nn.Sequential:
    """Four convolutions over pictures (B, C, H, W), with 4 * num_filters filters in the last."""
    return nn.Sequential(
        nn.Conv2d(num_channels, num_filters, 5, stride=2, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        *_convolution(num_filters, 2 * num_filters),
        *_convolution(2 * num_filters, 2 * num_filters),
        nn.MaxPool2d(2),
        *_convolution(2 * num_filters, 4 * num_filters),
    )


def keep_signals(*networks: nn.Module) -> None:
    """Give ReLU layers initial weights through which no signal fades (He et al. 2015), and biases of 0."""
    for layer in (layer for network in networks for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.Linear)):
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        nn.init.zeros_(layer.bias)  # type: ignore[arg-type]


def _weighed(maps: Sequence[Tensor], weights: Tensor) -> list[Tensor]:
    """Each map (B, n, ...) times 1 + its part of the weights (B, sum of all n)."""
    parts = torch.split(1 + weights, [m.shape[1] for m in maps], dim=1)
    return [m * w.view(*w.shape, *[1] * (m.ndim - 2)) for m, w in zip(maps, parts, strict=True)]


def num_features(filters: nn.Module, shape: tuple[int, ...]) -> int:
    """The number of output values of filters."""
    with torch.no_grad():
        return int(filters(torch.zeros(1, *shape)).numel())


def _convolution(num_inputs: int, num_filters: int) -> list[nn.Module]:
    return [nn.Conv2d(num_inputs, num_filters, 3, padding=1), nn.ReLU()]
