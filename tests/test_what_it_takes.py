"""Each step and fault of ``benchmarks.what_it_takes`` is what its name says, and is gone afterwards."""

import dataclasses
import pathlib

import pytest
import torch

pytest.importorskip("scipy")

from agents import cores, environments, models, ram, reinforce
from agents.parallel import Ranks
from agents.presets import preset
from benchmarks import what_it_takes
from benchmarks.what_it_takes import ROWS
from glimpse_env import datasets

LAST = next(row for row in reversed(ROWS) if not row.fault)
LONG = {"weight_decay", "short"}  # changes that an update does not show


def row(words):
    (found,) = [one for one in ROWS if words in one.name]
    return found


def an_update(one):
    """All gradients of one update, of an agent that looks about widely, and what the update told."""
    config = dataclasses.replace(preset("paper"), num_episodes=64, **{"batch_size": 16, **one.changes})
    with what_it_takes.patched(one):
        envs = environments.make_envs(config, config.batch_size, "train")
        model = ram.prepare(config)
        torch.nn.init.normal_(model.heads.location.weight)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
        told = ram.train_step(model, optimizer, envs, config, 2, Ranks(torch.device("cpu")))
    return torch.cat([parameter.grad.flatten() for parameter in model.parameters()]), told


@pytest.fixture(scope="module")
def as_the_preset():
    torch.manual_seed(0)
    return an_update(LAST)


def test_the_last_step_is_the_preset():
    assert LAST.changes == {}
    assert LAST.patches == ()


@pytest.mark.parametrize("one", [row for row in ROWS if row.patches or set(row.changes) - LONG], ids=lambda one: one.name)
def test_each_line_learns_otherwise_than_the_preset_and_leaves_the_agent_as_it_was(one, as_the_preset):
    before = ram.losses, ram.collect, reinforce.gaussian_log_prob, reinforce.advantages, datasets.load, models.CORES["relu"]
    torch.manual_seed(0)
    changed = an_update(one)
    after = ram.losses, ram.collect, reinforce.gaussian_log_prob, reinforce.advantages, datasets.load, models.CORES["relu"]
    assert after == before
    assert models.CORES["relu"] is cores.ReLUCore
    gradient, told = as_the_preset
    assert not (changed[0].equal(gradient) and changed[1] == told)


def test_a_gradient_through_the_sample_cancels_that_of_the_density():
    means = torch.zeros(5, 2, requires_grad=True)
    what_it_takes._attached_log_prob(torch.randn(5, 2), means, 0.2).sum().backward()
    assert means.grad.abs().max() < 1e-6


def test_the_visible_box_is_of_the_background_alone():
    plain, boxed = datasets.load("mnist", "test"), what_it_takes._boxed("mnist", "test")
    assert boxed.images.min() == 20
    assert (boxed.images[plain.images >= 20] == plain.images[plain.images >= 20]).all()


def test_the_page_has_a_line_for_each_row_that_was_run(monkeypatch, tmp_path):
    run = next(run for run in what_it_takes.evidence.load(what_it_takes.ID).runs if "random" in run.scores)
    runs = {one.name: [dataclasses.replace(run, name=one.name)] for one in (ROWS[0], ROWS[-1])}
    page = what_it_takes.page(runs)
    assert all((one.name in page) == (one.name in runs) for one in ROWS)
    lost = dataclasses.replace(runs[ROWS[-1].name][0], seed=1, scores={})
    assert "1 more diverged" in what_it_takes.page({ROWS[-1].name: [*runs[ROWS[-1].name], lost]})
    assert f"| {ROWS[-1].name} | diverges |" in what_it_takes.page({ROWS[-1].name: [lost]})
    monkeypatch.setattr(what_it_takes, "PICTURE", tmp_path / "picture.png")
    what_it_takes.draw(runs)
    assert (tmp_path / "picture.png").exists()


def test_the_page_is_what_the_command_writes():
    page = (pathlib.Path(__file__).parents[1] / what_it_takes.PAGE).read_text()
    runs = what_it_takes.evidence.load(what_it_takes.ID).rows(what_it_takes.TABLE)
    assert what_it_takes.page(runs) == page, "run python -m benchmarks.what_it_takes --row"
