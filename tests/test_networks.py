"""Networks: any parts make a model, each part is what the paper says, and gradients go where they may."""

import ast
import dataclasses
import inspect
import math
import textwrap

import pytest
import tiny_task  # noqa: F401
import torch
from gymnasium import spaces
from tiny_runs import TINY, weights_of
from torch import nn

from agents import cores, environments, heads, models, networks
from agents.policy import Noise, Policy
from agents.presets import PRESETS, preset
from agents.rollout import collect

B = 4


def observed(**shapes):
    """An observation of noise."""
    generator = torch.Generator().manual_seed(0)
    entries = {"glimpse": (2, 6, 6), **shapes}
    seen = {name: torch.rand(B, *shape, generator=generator) for name, shape in entries.items()}
    return {**seen, "fixation": 2 * torch.rand(B, 2, generator=generator) - 1}


def model_of(glimpse_network=None, core=None, read=None):
    """The paper's parts, small, unless others are given."""
    torch.manual_seed(0)
    glimpse_network = glimpse_network or networks.GlimpseNetwork((2, 6, 6), 8, 12)
    core = core or cores.GRUCore(glimpse_network.size, 10)
    read = read or heads.Heads(
        heads.ActionNetwork(core.size, 3), heads.LocationNetwork(core.size), heads.BaselineNetwork(core.size)
    )
    return networks.RecurrentAttentionModel(glimpse_network, core, read)


# A model of parts.


def test_a_model_has_no_branch():
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(networks.RecurrentAttentionModel.forward))).body
    branches = ast.If, ast.IfExp, ast.Match, ast.For, ast.While, ast.Try, ast.BoolOp
    assert not [node for node in ast.walk(tree) if isinstance(node, branches)]
    assert list(inspect.signature(networks.RecurrentAttentionModel).parameters) == ["glimpse_network", "core", "heads"]


class Brightness(nn.Module):
    """A glimpse network of one's own: it reads how bright a glimpse is and where it was taken."""

    size = 3

    def forward(self, observation):
        return torch.cat([observation["glimpse"].mean((1, 2, 3))[:, None], observation["fixation"]], dim=1)


class Sum(nn.Module):
    """A core of one's own: it adds up what it is given."""

    def __init__(self, size):
        super().__init__()
        self.size = self.state_size = size

    def forward(self, g, state):
        return state + g, state + g


class Mirror(nn.Module):
    """A location network of one's own: look at the other side."""

    def forward(self, h):
        return -h[:, 1:3]


def test_parts_of_ones_own_make_an_agent_that_acts():
    read = heads.Heads(heads.ActionNetwork(3, 4), Mirror(), heads.BaselineNetwork(3))
    model, seen = model_of(Brightness(), Sum(3), read), observed()
    first = model(seen, model.initial_state(B))
    second = model(seen, first.state)
    g = Brightness()(seen)
    torch.testing.assert_close(second.state, 2 * g)
    torch.testing.assert_close(second.mean, -2 * seen["fixation"])
    space = spaces.Dict({"location": spaces.Box(-1, 1, (2,)), "action": spaces.Discrete(4)})
    action, state = Policy(model, space).predict({name: value.numpy() for name, value in seen.items()})
    assert state.shape == (B, 3)
    assert action["location"] == pytest.approx(-seen["fixation"].numpy())


def test_a_step_is_what_the_parts_make_of_it():
    model, seen = model_of(), observed()
    state = torch.rand(B, 10)
    step = model(seen, state)
    g = model.glimpse_network(seen)
    h, after = model.core(g, state)
    assert step.state.equal(after)
    assert step.logits.equal(model.heads.action(h))
    assert step.mean.equal(model.heads.location(h))
    assert step.baseline.equal(model.heads.baseline(h))
    assert [tuple(part.shape) for part in step[:4]] == [(B, 3), (B, 2), (B,), (B, 10)]
    assert step.zoom is None
    assert model.initial_state(B).equal(torch.zeros(B, 10))


# Glimpse networks.


def test_the_glimpse_network_is_the_papers():
    network, seen = networks.GlimpseNetwork((2, 6, 6), 8, 12), observed()
    what, where = network.maps(seen)
    assert what.shape == where.shape == (B, 8)
    hidden = torch.cat([what, where], dim=1)
    torch.testing.assert_close(network(seen), torch.relu(hidden @ network.mix.weight.T + network.mix.bias))
    first, second = dict(network.named_parameters())["what.1.weight"], dict(network.named_parameters())["where.0.weight"]
    assert (first.shape, second.shape) == ((8, 72), (8, 2))


@pytest.mark.parametrize("local_contrast", [False, True])
@pytest.mark.parametrize("kind", ["fc", "conv"])
def test_local_contrast_makes_brightness_no_matter(kind, local_contrast):
    config = dataclasses.replace(TINY, glimpse_network=kind, local_contrast=local_contrast)
    envs = environments.make_envs(config, B, "train")
    model = models.make_model(config, envs)
    seen = observed(glimpse=envs.single_observation_space["glimpse"].shape)
    state = model.initial_state(B)
    dim, bright = ({**seen, "glimpse": seen["glimpse"] / 2 + ground} for ground in (0.0, 0.5))
    same = torch.allclose(model(dim, state).logits, model(bright, state).logits, atol=1e-6)
    assert same == local_contrast
    other = {**seen, "glimpse": seen["glimpse"].flip(-1)}
    assert not torch.allclose(model(seen, state).logits, model(other, state).logits, atol=1e-3), "shapes matter"


def test_a_faint_shape_stands_out_and_a_flat_patch_is_nothing():
    shape = torch.rand(1, 2, 6, 6, generator=torch.Generator().manual_seed(0))
    contrast = networks.LocalContrast()
    assert contrast(0.9 + 0.1 * shape).std() > 5 * (0.1 * shape).std()
    assert contrast(torch.full((1, 2, 6, 6), 0.7)).abs().max() < 1e-5


def test_with_local_contrast_no_signal_fades_at_first():
    def strength(local_contrast):
        config = dataclasses.replace(TINY, local_contrast=local_contrast, hidden_size=256, size=256)
        network = models.make_model(config, environments.make_envs(config, B, "train")).glimpse_network
        hidden = torch.randn(500, network.mix.in_features, generator=torch.Generator().manual_seed(0)).relu()
        return network.join([hidden]).square().mean() / hidden.square().mean()

    assert 0.8 < strength(True) < 1.2  # He et al. (2015)
    assert strength(False) < 0.3


@pytest.mark.parametrize("side", [2, 5, 6, 8, 12, 16])
def test_convolutions_read_patches_of_any_size(side):
    network = networks.ConvGlimpseNetwork((3, side, side), 8, 12, num_filters=5)
    seen = observed(glimpse=(3, side, side))
    assert network(seen).shape == (B, 12)
    assert not network(seen).equal(network({**seen, "glimpse": seen["glimpse"].flip(-1)}))


@pytest.mark.parametrize("shape", [(2, 28, 28), (4, 7, 21), (2, 7, 9)], ids=str)
def test_a_canvas_of_any_shape_is_read_besides(shape):
    inner = networks.GlimpseNetwork((2, 6, 6), 8, 12)
    network, seen = networks.CanvasGlimpseNetwork(inner, shape, 5, num_filters=4), observed(canvas=shape)
    assert network.size == 17
    found, dark = network(seen), network({**seen, "canvas": torch.zeros(B, *shape)})
    assert found.shape == (B, 17)
    assert found[:, :12].equal(inner(seen)), "the glimpse is read as without a canvas"
    assert not found[:, 12:].equal(dark[:, 12:])


def test_a_canvas_too_small_to_read_is_refused():
    with pytest.raises(ValueError, match="7 pixels or more"):
        networks.CanvasGlimpseNetwork(networks.GlimpseNetwork((2, 6, 6), 8, 12), (2, 6, 9))


def test_no_signal_fades_in_the_convolutions_of_a_glimpse():
    torch.manual_seed(0)
    network = networks.ConvGlimpseNetwork((2, 12, 12), 128, 128)
    seen = {"glimpse": torch.randn(64, 2, 12, 12), "fixation": torch.rand(64, 2) * 2 - 1}
    what, where = network.maps(seen)
    assert what.std() > 0.6
    assert where.std() > 0.3
    assert network(seen).std() > 0.5


def test_no_signal_fades_on_the_canvas():
    torch.manual_seed(0)
    network = networks.CanvasGlimpseNetwork(networks.GlimpseNetwork((2, 6, 6), 8, 12), (2, 28, 28))
    *_, features = network.maps(observed(canvas=(2, 28, 28)))
    assert features.std() > 0.3


@pytest.mark.parametrize("canvas", [False, True])
def test_a_cue_weighs_what_is_seen(canvas):
    inner = networks.GlimpseNetwork((2, 6, 6), 8, 12)
    if canvas:
        inner = networks.CanvasGlimpseNetwork(inner, (2, 9, 9), 5, num_filters=4)
    network = networks.CuedGlimpseNetwork(inner, (1, 3, 4), hidden_size=7)
    seen = observed(cue=(1, 3, 4), canvas=(2, 9, 9))
    other = {**seen, "cue": seen["cue"].flip(0)}
    assert network(seen).shape == (B, inner.size)
    assert not network(seen).allclose(network(other))
    with torch.no_grad():
        for parameter in network.weigh.parameters():
            parameter.zero_()
    torch.testing.assert_close(network(seen), inner(seen))  # each feature counts once
    with torch.no_grad():
        network.weigh[-1].bias.fill_(-1.0)  # and here not at all
        nothing = {**seen, "glimpse": torch.rand(B, 2, 6, 6), "fixation": torch.rand(B, 2)}
    torch.testing.assert_close(network(seen), network(nothing))


def test_glimpses_are_scaled_to_what_was_measured():
    torch.manual_seed(0)
    glimpses = 0.1 + 0.05 * torch.rand(500, 2, 6, 6) * torch.tensor([1.0, 2.0]).view(2, 1, 1)
    model = model_of()
    models.standardize(model, glimpses)
    found = model.glimpse_network.standardize(glimpses)
    torch.testing.assert_close(found.mean((0, 2, 3)), torch.zeros(2), atol=1e-4, rtol=0)
    torch.testing.assert_close(found.std((0, 2, 3)), torch.ones(2), atol=1e-2, rtol=0)
    models.standardize(model, torch.full((9, 2, 6, 6), 0.5))
    assert model.glimpse_network.standardize(glimpses).isfinite().all(), "glimpses that never change"


# Cores.


def test_the_relu_core_is_the_papers():
    core, g, h = cores.ReLUCore(5, 7), torch.randn(B, 5), torch.randn(B, 7)
    parameters = dict(core.named_parameters())
    expected = torch.relu(
        g @ parameters["weight_ih"].T + parameters["bias_ih"] + h @ parameters["weight_hh"].T + parameters["bias_hh"]
    )
    found, state = core(g, h)
    torch.testing.assert_close(found, expected)
    assert state.equal(found)


def test_the_relu_core_begins_by_remembering():
    core, h = cores.ReLUCore(5, 7), torch.rand(B, 7)
    assert core(torch.zeros(B, 5), h)[0].equal(h), "without input, what is positive stays"


@pytest.mark.parametrize("kind", [cores.ReLUCore, cores.GRUCore, cores.LSTMCore])
def test_cores_remember(kind):
    torch.manual_seed(0)
    core = kind(5, 7)
    assert core.size == 7
    start = torch.zeros(B, core.state_size)
    h, state = core(torch.randn(B, 5), start)
    assert (h.shape, state.shape) == ((B, 7), (B, core.state_size))
    g = torch.randn(B, 5)
    assert not core(g, state)[0].allclose(core(g, start)[0])


def test_an_lstm_keeps_what_is_hidden_in_its_state():
    torch.manual_seed(0)
    core, cell = cores.LSTMCore(5, 7), nn.LSTMCell(5, 7)
    cell.load_state_dict(core.state_dict())
    g, h, c = torch.randn(B, 5), torch.randn(B, 7), torch.randn(B, 7)
    found, state = core(g, torch.cat([h, c], dim=1))
    expected, memory = cell(g, (h, c))
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(state, torch.cat([expected, memory], dim=1))


def test_a_core_counts_the_glimpses_and_begins_anew():
    inner = cores.GRUCore(5, 7)
    core = cores.CountingCore(inner, 3)
    assert (core.size, core.state_size) == (10, 10)
    state, plain = torch.zeros(2, 10), torch.zeros(2, 7)
    for t in range(7):
        g = torch.randn(2, 5)
        h, state = core(g, state)
        of_inner, plain = inner(g, plain)
        torch.testing.assert_close(h[:, :7], of_inner)
        assert h[:, 7:].argmax(1).tolist() == [t % 3, t % 3]
        assert h[:, 7:].sum(1).tolist() == [1, 1]


# Heads.


def test_a_new_agent_looks_at_the_center():
    model = model_of()
    assert model(observed(), model.initial_state(B)).mean.equal(torch.zeros(B, 2))


def test_the_mean_is_not_bounded():
    location = heads.LocationNetwork(5)
    with torch.no_grad():
        location.bias.copy_(torch.tensor([3.0, -7.0]))
    assert location(torch.zeros(1, 5)).tolist() == [[3, -7]]


def test_a_scan_path_is_read_by_the_count_alone():
    torch.manual_seed(0)
    path = heads.ScanPath(3, learned=True)
    counted = torch.cat([torch.randn(2, 4), torch.tensor([[0.0, 1, 0], [0, 0, 1]])], dim=1)
    assert path(counted).equal(next(path.parameters())[1:])


def test_skip_heads_read_the_glimpse_beside_the_core():
    torch.manual_seed(0)
    read = heads.SkipHeads(heads.ActionNetwork(5 + 4, 3), heads.LocationNetwork(5), heads.BaselineNetwork(5))
    h, g = torch.randn(B, 5), torch.randn(B, 4)
    logits, mean, baseline = read(h, g)
    assert logits.equal(read.action(torch.cat([h, g], dim=1)))
    assert mean.equal(read.location(h))
    assert baseline.equal(read.baseline(h))


def test_numbers_are_of_a_gaussian_whose_spread_is_learned():
    action = heads.GaussianActionNetwork(5, 2)
    means, drawn = torch.randn(B, 2), torch.randn(B, 2)
    spread = dict(action.named_parameters())["log_std"].exp()
    expected = torch.distributions.Normal(means, spread).log_prob(drawn).sum(-1)
    torch.testing.assert_close(action.policy(means).log_prob(drawn), expected)
    assert action.likeliest(means).equal(means)
    torch.testing.assert_close(action.draw(means, torch.ones(B, 2)), means + spread)


def reached(model, part):
    """The parts of a model that a gradient reaches."""
    model.zero_grad()
    part.sum().backward(retain_graph=True)
    found = {name for name, p in model.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
    return {".".join(name.split(".")[: 2 if name.startswith("heads") else 1]) for name in found}


@pytest.mark.parametrize(("kind", "shaped"), [(heads.LocationNetwork, True), (heads.DetachedLocationNetwork, False)])
def test_the_locations_gradient_enters_the_core_unless_it_is_stopped(kind, shaped):
    torch.manual_seed(0)
    location = kind(10)
    with torch.no_grad():
        location.weight.normal_()
    model = model_of(read=heads.Heads(heads.ActionNetwork(10, 3), location, heads.BaselineNetwork(10)))
    step = model(observed(), model.initial_state(B))
    assert reached(model, step.mean) == {"heads.location"} | ({"core", "glimpse_network"} if shaped else set())
    assert reached(model, step.baseline) == {"heads.baseline"}
    assert reached(model, step.logits[:, 0]) == {"heads.action", "core", "glimpse_network"}


# What a config asks for.


def made(config):
    return models.make_model(config, environments.make_envs(config, 2, "train"))


def test_the_paper_is_one_flag_away():
    model = made(preset("paper", "Tiny-v0"))
    parts = model.glimpse_network, model.core, model.heads, model.heads.action, model.heads.location, model.heads.baseline
    assert [type(part).__name__ for part in parts] == [
        "GlimpseNetwork",
        "ReLUCore",
        "Heads",
        "ActionNetwork",
        "LocationNetwork",
        "BaselineNetwork",
    ]
    sizes = {name: tuple(p.shape) for name, p in model.named_parameters() if name.endswith("weight")}
    assert sizes["glimpse_network.what.1.weight"] == (128, 36)
    assert sizes["glimpse_network.where.0.weight"] == (128, 2)
    assert sizes["glimpse_network.mix.weight"] == (256, 256)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_makes_a_model(name):
    model = made(preset(name, "Tiny-v0"))
    assert sum(p.numel() for p in model.parameters()) < 3_000_000


@pytest.mark.parametrize("glimpse_network", models.GLIMPSE_NETWORKS)
@pytest.mark.parametrize("core", models.CORES)
@pytest.mark.parametrize("skip", [True, False])
@pytest.mark.parametrize("canvas", [None, 9])
@pytest.mark.parametrize("looking", ["learned", "fixed", "raster"])
def test_all_options_go_together(glimpse_network, core, skip, canvas, looking):
    config = dataclasses.replace(TINY, glimpse_network=glimpse_network, core=core, skip=skip, canvas=canvas, looking=looking)
    envs = environments.make_envs(config, 2, "train")
    model = models.make_model(config, envs)
    seen = Policy(model, envs.single_action_space, looking).see(envs.reset(seed=0)[0])
    step = model(seen, model.initial_state(2))
    assert step.logits.shape == (2, 3)
    assert all(part.isfinite().all() for part in step[:4])


def test_the_weights_are_the_seeds():
    first, again, other = made(TINY), made(TINY), made(dataclasses.replace(TINY, seed=1))
    assert weights_of(first).equal(weights_of(again))
    assert not weights_of(first).equal(weights_of(other))
    assert weights_of(made(dataclasses.replace(TINY, seed=2**63 - 1))).isfinite().all()


def test_a_scan_path_needs_a_number_of_glimpses():
    config = dataclasses.replace(preset("game", "lamps:Lamp-v0"), looking="fixed")
    with pytest.raises(
        ValueError, match="looking='fixed', looking='raster' and plan need a number of glimpses, and lamps:Lamp-v0 has none"
    ):
        made(config)


@pytest.mark.parametrize(("num_glimpses", "path"), [
    (1, []),
    (2, [(0, 0)]),
    (5, [(-0.5, -0.5), (0.5, -0.5), (-0.5, 0.5), (0.5, 0.5)]),
    (8, [(-2 / 3, -0.5), (0, -0.5), (2 / 3, -0.5), (-0.75, 0.5), (-0.25, 0.5), (0.25, 0.5), (0.75, 0.5)]),
])  # fmt: skip
def test_a_raster_scan_goes_row_by_row_in_all_scenes(num_glimpses, path):
    config = dataclasses.replace(TINY, looking="raster", num_glimpses=num_glimpses)
    envs = environments.make_envs(config, 3, "train")
    policy = Policy(models.make_model(config, envs), envs.single_action_space, "raster")
    episodes = collect(envs, policy, envs.reset(seed=0), Noise(0, 3), std=0.5)
    torch.testing.assert_close(episodes.fixations[1:], torch.tensor(path, dtype=torch.float32).view(-1, 1, 2).expand(-1, 3, 2))


def test_a_network_of_a_hundred_million_parameters_is_refused():
    config = dataclasses.replace(TINY, size=16_000)
    with torch.device("meta"), pytest.raises(ValueError, match=r"makes a network of [\d,]+ parameters"):
        made(config)


@pytest.mark.parametrize(
    ("space", "number"), [(spaces.Discrete(4, start=2), 4), (spaces.Box(-1, 1, (3,)), 3), (spaces.Box(0, 1, (2, 3)), 6)]
)
def test_as_many_outputs_as_the_action_needs(space, number):
    assert models.num_outputs(space) == number


def test_other_actions_are_refused():
    with pytest.raises(ValueError, match=r"plays a Discrete or a Box, not MultiDiscrete\(\[2 3\]\): wrap the environment"):
        models.num_outputs(spaces.MultiDiscrete([2, 3]))


def test_numbers_are_played_by_a_gaussian():
    action = made(preset("game", "lamps:LampLevel-v0")).heads.action
    assert isinstance(action, heads.GaussianActionNetwork)
    assert dict(action.named_parameters())["log_std"].exp().item() == pytest.approx(0.5)
    assert math.isfinite(action.policy(torch.zeros(1, 1)).entropy().item())
