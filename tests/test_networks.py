"""What the networks do to their input: the window that is cut out of a canvas, and what reads it."""

import pytest
import torch
from torch import nn

from agents.networks import CanvasNetwork, RecurrentAttentionModel, Window


def middles(*pixels: tuple[float, float]) -> torch.Tensor:
    """Middles in a canvas of 44 rows and 52 columns, from pixels (x, y) off its own."""
    return torch.tensor(pixels) * 2 / torch.tensor([52, 44])


def test_a_window_is_a_crop_around_its_middle():
    canvases = torch.rand(2, 2, 44, 52)
    resting, moved = Window((2, 44, 52), 28)(canvases, middles((0, 0), (3, -5)))
    torch.testing.assert_close(resting, canvases[0, :, 8:36, 12:40])
    torch.testing.assert_close(moved, canvases[1, :, 3:31, 15:43])


def test_between_pixels_it_interpolates_and_outside_the_canvas_it_is_black():
    canvases = torch.rand(2, 2, 44, 52)
    half, outside = Window((2, 44, 52), 28)(canvases, middles((0.5, 0), (-40, 0)))
    torch.testing.assert_close(half, (canvases[0, :, 8:36, 12:40] + canvases[0, :, 8:36, 13:41]) / 2)
    assert (outside == 0).all()


@pytest.mark.parametrize("place", [(0, 0), (40, 0), (24, 32)], ids=str)
def test_the_middle_is_where_the_heat_is(place):
    window = Window((2, 44, 52), 28)
    window.heat = nn.Sequential(nn.AvgPool2d(4), nn.Conv2d(2, 1, 1, bias=False))
    nn.init.constant_(window.heat[1].weight, 100.0)
    canvas = torch.zeros(1, 2, 44, 52)
    y, x = place
    canvas[:, :, y : y + 4, x : x + 4] = 1
    expected = torch.tensor([[(x + 2) * 2 / 52 - 1, (y + 2) * 2 / 44 - 1]])
    torch.testing.assert_close(window.middles(canvas), expected)


def agent(canvas_span: tuple[float, float] | None, side: int = 36) -> RecurrentAttentionModel:
    torch.manual_seed(0)
    return RecurrentAttentionModel(
        (1, 8, 8), 10, size=16, location_stream=8, canvas_shape=(2, side, side), window=28, canvas_span=canvas_span
    )


def observed(side: int = 36) -> dict[str, torch.Tensor]:
    return {"glimpse": torch.rand(3, 1, 8, 8), "fixation": torch.rand(3, 2) - 0.5, "canvas": torch.rand(3, 2, side, side)}


def test_the_class_loss_moves_the_window_and_the_location_does_not():
    model = agent((0.6, 0.5))
    step = model(observed(), model.initial_state(3))
    model.location.weight.data.fill_(1.0)
    model(observed(), model.initial_state(3)).mean.sum().backward()
    assert all(p.grad is None for p in model.window.parameters())
    step.logits[:, 0].sum().backward()
    parameters = dict(model.window.named_parameters())
    del parameters["heat.4.bias"]  # the softmax does not feel it
    assert all(p.grad.abs().sum() > 0 for p in parameters.values())


@pytest.mark.parametrize("span", [(0.6, 0.5), None])
def test_the_location_reads_where_the_window_lies_in_the_scene(span):
    model, seen = agent(span), observed()
    found = model.window.middles(seen["canvas"])
    # A canvas over the whole scene does not move with the gaze.
    expected = seen["fixation"] + torch.tensor(span) * found if span else found
    torch.testing.assert_close(model(seen, model.initial_state(3)).features[:, -2:], expected)


@pytest.mark.parametrize("depth", [1, 2])
def test_a_canvas_of_any_shape_is_read(depth):
    assert CanvasNetwork((4, 7, 21), hidden_size=5, depth=depth)(torch.rand(3, 4, 7, 21)).shape == (3, 5)


def test_no_signal_fades_in_a_deeper_one():
    torch.manual_seed(0)
    plain, deep = (CanvasNetwork((2, 28, 28), depth=depth)(torch.rand(64, 2, 28, 28)).std().item() for depth in (1, 2))
    assert deep > 0.3 > 0.1 > plain
