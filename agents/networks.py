"""The networks of Mnih et al. (2014), one class each, and the parts that better agents swap in.

Shapes: B episodes, K*C patches of G x G pixels in a glimpse, D hidden units, n environment actions.
"""

import itertools
import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.distributions import Categorical, Distribution, Independent, Normal
from torch.nn import functional as F  # noqa: N812  # the field's name

State = tuple[Tensor, ...]


Observation = dict[str, Tensor]
"""What the environment shows, by its keys: ``glimpse`` (B, K*C, G, G), ``fixation`` (B, 2), perhaps ``canvas``
(B, C + 1, S, S) and ``cue`` (B, C, h, w)."""


class Standardise(nn.Module):
    """Shift and scale each patch channel to mean 0 and variance 1, as measured once on glimpses at random locations.

    Without it a network hardly sees a sparse scene: pixels averaged over a coarse cell are close to 0.

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


class GlimpseNetwork(nn.Module):
    """What and where, as one vector: h_g = ReLU(W rho), h_l = ReLU(W l), g = ReLU(W h_g + W h_l) (section 3.1, f_g).

    Args:
        glimpse_shape: (K*C, G, G).
        hidden_size: units of h_g and of h_l, 128 in the paper.
        size: units of g, 256 in the paper.
    """

    def __init__(self, glimpse_shape: tuple[int, int, int], hidden_size: int = 128, size: int = 256) -> None:
        super().__init__()
        self.what = nn.Sequential(nn.Flatten(), nn.Linear(glimpse_shape[0] * glimpse_shape[1] ** 2, hidden_size), nn.ReLU())
        self.where = nn.Sequential(nn.Linear(2, hidden_size), nn.ReLU())
        self.join = nn.Linear(2 * hidden_size, size)  # W h_g + W h_l, as one product

    def forward(self, glimpses: Tensor, fixations: Tensor) -> Tensor:
        """(B, K*C, G, G) and (B, 2) to (B, size)."""
        return F.relu(self.join(torch.cat([self.what(glimpses), self.where(fixations)], dim=1)))


def _num_features(filters: nn.Module, shape: tuple[int, int, int]) -> int:
    """How many values come out of flattened filters."""
    with torch.no_grad():
        return int(filters(torch.zeros(1, *shape)).shape[1])


class ConvGlimpseNetwork(GlimpseNetwork):
    """The glimpse network with two strided convolutions before h_g: a patch is an image, too.

    Args:
        glimpse_shape: (K*C, G, G), G at least 4.
        hidden_size: units of h_g and of h_l.
        size: units of g.
        num_filters: of each convolution.
    """

    def __init__(
        self, glimpse_shape: tuple[int, int, int], hidden_size: int = 256, size: int = 256, num_filters: int = 64
    ) -> None:
        super().__init__(glimpse_shape, hidden_size, size)
        filters = nn.Sequential(
            nn.Conv2d(glimpse_shape[0], num_filters, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(num_filters, num_filters, 3, stride=1 if glimpse_shape[1] < 10 else 2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
        )
        self.what = nn.Sequential(*filters, nn.Linear(_num_features(filters, glimpse_shape), hidden_size), nn.ReLU())


class Window(nn.Module):
    """Cut a window out of a canvas, around what there is to read.

    It is a spatial transformer that only shifts (Jaderberg et al. 2015). The gaze, and with it the canvas, rests some pixels
    off what it reads: a small convolutional network draws a heat map over the canvas, and the window lies around its centre of
    mass, interpolated linearly, and black outside the canvas.

    Args:
        canvas_shape: (C + 1, S, S), S at least 4.
        size: side of the window, in pixels.
        num_filters: of each hidden convolution.
    """

    def __init__(self, canvas_shape: tuple[int, int, int], size: int, num_filters: int = 16) -> None:
        super().__init__()
        self.size = size
        self.heat = nn.Sequential(
            nn.Conv2d(canvas_shape[0], num_filters, 8, stride=4, padding=2),
            nn.ReLU(),
            nn.Conv2d(num_filters, num_filters, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(num_filters, 1, 3, padding=1),
        )
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def middles(self, canvases: Tensor) -> Tensor:
        """(B, C + 1, S, S) to the middles of the windows (B, 2), x and y in (-1, 1) as the canvas has its sides."""
        heat = self.heat(canvases).float().squeeze(1)
        shares = heat.flatten(1).softmax(-1).view_as(heat)
        x, y = (torch.linspace(1 / n - 1, 1 - 1 / n, n, device=heat.device) for n in (heat.shape[2], heat.shape[1]))
        return torch.stack([shares.sum(1) @ x, shares.sum(2) @ y], dim=1)

    def forward(self, canvases: Tensor, middles: Tensor) -> Tensor:
        """(B, C + 1, S, S) and (B, 2) to (B, C + 1, size, size), in [0, 1] as the canvas is."""
        B, C, *sides = canvases.shape
        shares = canvases.new_tensor([self.size / side for side in reversed(sides)])  # of the canvas's width and height
        moves = torch.cat([shares.diag().expand(B, 2, 2), middles.unsqueeze(2)], dim=2)
        grid = F.affine_grid(moves, [B, C, self.size, self.size], align_corners=False)
        return F.grid_sample(canvases, grid, align_corners=False)


def _convolutions(num_inputs: int, num_filters: int, depth: int) -> list[nn.Module]:
    """As many convolutions of 3x3 as the depth says, which keep the size."""
    sizes = [num_inputs] + depth * [num_filters]
    return [layer for i, o in itertools.pairwise(sizes) for layer in (nn.Conv2d(i, o, 3, padding=1), nn.ReLU())]


class CanvasNetwork(nn.Sequential):
    """Convolutions and a hidden layer over what was seen so far: (B, C + 1, S, S) in [0, 1] to (B, hidden_size).

    The gaze, and with it the canvas, rests some pixels off what there is to read: pooling makes up for that.

    Args:
        canvas_shape: (C + 1, S, S), S at least 7.
        hidden_size: units of its output.
        num_filters: of the first convolution; twice as many at each lower resolution.
        depth: 1: one convolution at each of three resolutions; 2: two of them but at the lowest, and the weights at first those
            of He et al. (2015), through which no signal fades.

    Raises:
        ValueError: a smaller canvas, of which the pooling leaves nothing.
    """

    def __init__(
        self, canvas_shape: tuple[int, int, int], hidden_size: int = 256, num_filters: int = 32, depth: int = 1
    ) -> None:
        if min(canvas_shape[1:]) < 7:
            raise ValueError(
                f"The agent reads a canvas of 7 pixels or more each way, not {canvas_shape[1:]}: take a larger canvas."
            )
        filters = nn.Sequential(
            nn.Conv2d(canvas_shape[0], num_filters, 5, stride=2, padding=2),
            nn.ReLU(),
            *_convolutions(num_filters, num_filters, depth - 1),
            nn.MaxPool2d(2),
            *_convolutions(num_filters, 2 * num_filters, depth),
            nn.MaxPool2d(2),
            *_convolutions(2 * num_filters, 4 * num_filters, 1),
            nn.Flatten(),
        )
        super().__init__(*filters, nn.Linear(_num_features(filters, canvas_shape), hidden_size), nn.ReLU())
        for layer in self if depth > 1 else ():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        self.num_maps = 4 * num_filters
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # twice as fast on a CPU

    def forward(self, canvas: Tensor, weights: Tensor | None = None) -> Tensor:
        """(B, C + 1, S, S) to (B, hidden_size); weights (B, num_maps) say how much each map of the last convolution counts."""
        for layer in self:
            if weights is not None and isinstance(layer, nn.Flatten):
                canvas = canvas * weights[:, :, None, None]
            canvas = layer(canvas)
        return canvas


class CueNetwork(nn.Sequential):
    """A hidden layer over the cue, whose outputs weigh what is seen: (B, C, h, w) in [0, 1] to (B, num_weights).

    Args:
        cue_shape: (C, h, w).
        hidden_size: units of the hidden layer.
        num_weights: units of its output.
    """

    def __init__(self, cue_shape: tuple[int, int, int], hidden_size: int, num_weights: int) -> None:
        inputs = math.prod(cue_shape)
        super().__init__(nn.Flatten(), nn.Linear(inputs, hidden_size), nn.ReLU(), nn.Linear(hidden_size, num_weights))


class ReLUCore(nn.RNNCell):
    """h_t = ReLU(W h_{t-1} + W g_t) (section 4, f_h for classification): (B, input) and (B, D) to (B, D)."""

    def __init__(self, input_size: int, size: int = 256) -> None:
        super().__init__(input_size, size, nonlinearity="relu")


class GRUCore(nn.GRUCell):
    """A gated recurrent unit (Cho et al. 2014) as the core: (B, input) and (B, D) to (B, D)."""


class LSTMCore(nn.LSTMCell):
    """An LSTM as the core (section 4.2, f_h for the game); its state holds h and c side by side: (B, 2D), h first."""

    def forward(self, inputs: Tensor, state: Tensor) -> Tensor:  # type: ignore[override]
        """(B, input) and (B, 2D) to the next (B, 2D)."""
        h, c = state.chunk(2, dim=1)
        return torch.cat(super().forward(inputs, (h, c)), dim=1)


class LocationNetwork(nn.Linear):
    """Mean of the Gaussian over the next location (f_l): (B, F) to (B, 2).

    Linear in its features and not bounded (who samples clips), and 0, the scene's centre, at first.
    """

    def reset_parameters(self) -> None:
        """Begin at the centre."""
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.bias)


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
    """Expected return b_t, linear in its features, which it does not shape: (..., D) to (..., 1)."""

    def forward(self, features: Tensor) -> Tensor:
        """(..., D) to (...)."""
        return super().forward(features.detach()).squeeze(-1)


class Step(NamedTuple):
    """What the agent makes of one glimpse.

    Attributes:
        logits: (B, n), over the environment actions; the means of continuous ones.
        mean: (B, 2), of the next location.
        features: (B, F), what the baseline reads; nothing later than this glimpse is in it.
        state: what the next step needs.
    """

    logits: Tensor
    mean: Tensor
    features: Tensor
    state: State


GLIMPSE_NETWORKS = {"fc": GlimpseNetwork, "conv": ConvGlimpseNetwork}
CORES = {"relu": ReLUCore, "gru": GRUCore, "lstm": LSTMCore}


class RecurrentAttentionModel(nn.Module):
    """Glimpse network, core and heads, one glimpse a call (figure 1 of the paper).

    The location's gradient stops before h, as the hybrid loss of the paper has it: the core learns to read, or to play.

    Args:
        glimpse_shape: (K*C, G, G).
        num_actions: n; of continuous actions, how many numbers.
        continuous: whether an action is n numbers rather than one of n choices.
        glimpse_network: "fc", the paper's, or "conv".
        core: "relu", the paper's, "gru" or "lstm".
        hidden_size: units of h_g and of h_l.
        size: D, units of g and of h.
        location_stream: units of a second stream with a glimpse network and a core of its own, which only REINFORCE
            trains and which also reads the first one's h; 0 for none, as in the paper: the location is linear in h.
        canvas_shape: of the observation's canvas (C + 1, S, S), which core and action network then read beside g and h; None
            where there is none.
        canvas_depth: see `CanvasNetwork`.
        window: side of the `Window` of the canvas that is read; the location network reads where it lies, too. 0: the whole
            canvas is read.
        canvas_span: width and height of a canvas that follows the gaze, in those of the scene; None for one that lies over all
            of it.
        cue_shape: of the observation's cue (C, h, w): it then weighs the units of g, and the maps of the canvas, as what is
            looked for makes some features count more than others; None where there is none.
        num_planned: how many glimpses the plan covers: a sequence of locations, the same for all scenes, to which the location
            network adds what it makes of this one. Without it, a gaze that rests is never moved: a step to any side gains as
            much as to the other, and their gradients cancel.
        plan_std: spread of the plan at first.
    """

    def __init__(
        self,
        glimpse_shape: tuple[int, int, int],
        num_actions: int,
        *,
        continuous: bool = False,
        glimpse_network: str = "fc",
        core: str = "relu",
        hidden_size: int = 128,
        size: int = 256,
        location_stream: int = 0,
        canvas_shape: tuple[int, int, int] | None = None,
        canvas_depth: int = 1,
        window: int = 0,
        canvas_span: tuple[float, float] | None = None,
        cue_shape: tuple[int, int, int] | None = None,
        num_planned: int = 0,
        plan_std: float = 0.3,
    ) -> None:
        super().__init__()
        self.size = size
        self.location_stream = location_stream
        self.state_size = 2 * size if core == "lstm" else size
        self.standardise = Standardise(glimpse_shape[0])
        self.glimpse = GLIMPSE_NETWORKS[glimpse_network](glimpse_shape, hidden_size, size)
        self.window = Window(canvas_shape, window) if canvas_shape and window else None
        read_shape = (canvas_shape[0], window, window) if canvas_shape and window else canvas_shape
        self.canvas_span = canvas_span
        self.canvas = CanvasNetwork(read_shape, size, depth=canvas_depth) if read_shape else None
        num_maps = self.canvas.num_maps if self.canvas else 0
        self.cue = CueNetwork(cue_shape, size, size + num_maps) if cue_shape else None
        self.core = CORES[core](2 * size if canvas_shape else size, size)
        if location_stream:
            self.location_glimpse = GlimpseNetwork(glimpse_shape, location_stream, location_stream)
            self.location_core = GRUCore(location_stream + size, location_stream)
        features = location_stream + size + (2 if self.window else 0)
        self.location = LocationNetwork(features, 2)
        self.location_plan = nn.Parameter(plan_std * torch.randn(num_planned, 2))
        action_network = GaussianActionNetwork if continuous else ActionNetwork
        self.action = action_network(2 * size if canvas_shape else size, num_actions)
        self.baseline = BaselineNetwork(features, 1)

    def initial_state(self, batch_size: int) -> State:
        """The state before the first glimpse: zeros."""
        zeros = self.standardise.mean.new_zeros
        return (zeros(batch_size, self.state_size), zeros(batch_size, self.location_stream))

    def forward(self, observation: Observation, state: State) -> Step:
        """Take one glimpse in.

        Args:
            observation: float32, see `Observation`.
            state: from `initial_state` or the step before.
        """
        core_state, location_state = state
        glimpses, fixations = self.standardise(observation["glimpse"]), observation["fixation"]
        g, map_weights = self.glimpse(glimpses, fixations), None
        if self.cue:
            weights = 1 + self.cue(observation["cue"])
            g, map_weights = g * weights[:, : self.size], weights[:, self.size :]
        seen, window_at = [], []
        if self.canvas:
            canvas = observation["canvas"]
            if self.window:
                middles = self.window.middles(canvas)
                canvas = self.window(canvas, middles)
                middles = middles.detach()
                window_at = [fixations + middles * middles.new_tensor(self.canvas_span) if self.canvas_span else middles]
            seen = [self.canvas(canvas, map_weights)]
        core_state = self.core(torch.cat([g, *seen], dim=1), core_state)
        h = core_state[:, : self.size]
        features = h.detach()
        if self.location_stream:
            looked = self.location_glimpse(glimpses, fixations)
            location_state = self.location_core(torch.cat([looked, features], dim=1), location_state)
            features = torch.cat([features, location_state], dim=1)
        features = torch.cat([features, *window_at], dim=1)
        logits = self.action(torch.cat([h, *seen], dim=1))
        return Step(logits.float(), self.location(features).float(), features, (core_state, location_state))
