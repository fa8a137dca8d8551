"""The trainer: reproducible, resumable, the same on several processes, exact in evaluation."""

import csv
import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch

from agents import build, checkpoints, evaluation, parallel, ram
from agents.config import Config, preset
from agents.networks import CanvasNetwork
from agents.rollout import collect, make_gaze

TINY = Config(
    env_id="Glimpse-MNIST-v0",
    num_glimpses=3,
    num_episodes=320,
    batch_size=32,
    num_validations=2,
    glimpse_network="fc",
    hidden_size=16,
    size=16,
    location_stream=8,
    precision="float32",
    name="tiny",
)


@pytest.fixture(autouse=True)
def small_splits(monkeypatch):
    """Evaluate on a few images: the first hundreds of each split, by the env's own arguments."""
    make_envs = build.make_envs

    def make_small(config, num_envs, split, **arguments):
        envs = make_envs(config, num_envs, split, **arguments)
        if split != "train" and envs.unwrapped.task.num_images:
            envs.unwrapped.world.task = dataclasses.replace(envs.unwrapped.task, num_images=600)
        return envs

    monkeypatch.setattr(build, "make_envs", make_small)


def weights(result: ram.Result) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in result.model.parameters()])


def test_a_run_leaves_its_files_and_is_deterministic(tmp_path, capsys):
    first = ram.train(TINY, runs=tmp_path / "a")
    second = ram.train(TINY, runs=tmp_path / "b")
    assert weights(first).equal(weights(second))
    assert first.errors == second.errors
    folder = tmp_path / "a" / "tiny"
    figures = {"paths.png", "curve.png", "fixations.png", "confusion.png"}
    state = {"config.json", "metrics.csv", "checkpoint.pt", "checkpoint.previous.pt", "results.json"}
    assert {p.name for p in folder.iterdir()} == state | figures
    assert Config(**json.loads((folder / "config.json").read_text())) == TINY
    assert json.loads((folder / "results.json").read_text()) == first.errors
    rows = list(csv.DictReader((folder / "metrics.csv").read_text().splitlines()))
    assert [int(row["episodes"]) for row in rows] == [160, 320]
    assert set(first.errors) == {"learned", "random", "center", "center first"}
    assert all(len(errors) == 3 for errors in first.errors.values())
    other = ram.train(dataclasses.replace(TINY, seed=1), runs=tmp_path / "c")
    assert not weights(other).equal(weights(first))


def test_resumed_run_is_the_uninterrupted_one_bit_for_bit(tmp_path, monkeypatch):
    whole = ram.train(TINY, runs=tmp_path / "whole")
    step = ram.train_step

    def stopped(*arguments):
        if arguments[4] == 7:  # the update
            raise KeyboardInterrupt
        return step(*arguments)

    monkeypatch.setattr(ram, "train_step", stopped)
    with pytest.raises(KeyboardInterrupt):
        ram.train(TINY, runs=tmp_path / "cut")
    monkeypatch.setattr(ram, "train_step", step)
    assert checkpoints.load(tmp_path / "cut" / "tiny")["update"] == 7
    resumed = ram.train(TINY, resume=True, runs=tmp_path / "cut")
    assert weights(resumed).equal(weights(whole))
    assert resumed.errors == whole.errors


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_waits_until_the_update_is_whole(tmp_path, monkeypatch, number):
    whole = ram.train(TINY, runs=tmp_path / "whole")
    step = torch.optim.AdamW.step
    calls = []

    def interrupted(self, *arguments):
        calls.append(0)
        if len(calls) == 4:
            signal.raise_signal(number)  # in the middle of the update
        return step(self, *arguments)

    monkeypatch.setattr(torch.optim.AdamW, "step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ram.train(TINY, runs=tmp_path / "cut")
    assert checkpoints.load(tmp_path / "cut" / "tiny")["update"] == 4
    assert weights(ram.train(TINY, resume=True, runs=tmp_path / "cut")).equal(weights(whole))
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_training_begins_with_episodes_of_half_the_glimpses_for_the_share_that_is_short(tmp_path, monkeypatch):
    lengths = []
    losses = ram.losses

    def watched(model, episodes, *arguments, **options):
        lengths.append(len(episodes.playing))
        return losses(model, episodes, *arguments, **options)

    monkeypatch.setattr(ram, "losses", watched)
    result = ram.train(dataclasses.replace(TINY, num_glimpses=5, short=0.6), runs=tmp_path)
    assert lengths == 6 * [2] + 4 * [5]
    assert len(result.errors["learned"]) == 5


def test_a_training_cannot_begin_with_short_episodes_where_their_length_is_not_given(tmp_path):
    with pytest.raises(ValueError, match="num_glimpses"):
        ram.train(dataclasses.replace(TINY, env_id="Glimpse-MultiMNIST-v0", num_glimpses=None, short=0.6), runs=tmp_path)


def test_nor_in_an_environment_of_another_package(tmp_path):
    flags = {"env_id": "lamps:Lamp-v0", "num_glimpses": None, "hybrid": False, "credit": "reward", "short": 0.5}
    with pytest.raises(ValueError, match="num_glimpses"):
        ram.train(dataclasses.replace(TINY, **flags), runs=tmp_path)


def test_a_window_needs_a_canvas_to_be_cut_out_of(tmp_path):
    with pytest.raises(ValueError, match="window=28"):
        ram.train(dataclasses.replace(TINY, window=28), runs=tmp_path)


def test_a_canvas_is_measured_in_the_widths_and_heights_of_the_scene():
    config = dataclasses.replace(TINY, env_id="Glimpse-ClutteredMNIST-v0", canvas=36, window=28)
    envs = build.make_envs(config, 2, "train", scene_size=(60, 72))
    assert build.make_model(config, envs).canvas_span == (36 / 72, 36 / 60)


def test_stopped_while_validating_repeats_no_update(tmp_path, monkeypatch):
    whole = ram.train(TINY, runs=tmp_path / "whole")
    evaluate = evaluation.evaluate

    def stopped(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(evaluation, "evaluate", stopped)  # first called after update 5
    with pytest.raises(KeyboardInterrupt):
        ram.train(TINY, runs=tmp_path / "cut")
    monkeypatch.setattr(evaluation, "evaluate", evaluate)
    assert checkpoints.load(tmp_path / "cut" / "tiny")["update"] == 5
    assert weights(ram.train(TINY, resume=True, runs=tmp_path / "cut")).equal(weights(whole))


def test_two_processes_learn_what_one_does(tmp_path):
    """N ranks are one big vector env: the same scenes, the same noise, the same gradient to float tolerance."""
    config = dataclasses.replace(TINY, hybrid=False, credit="reward", gamma=1.0, canvas=12)  # whose weights lie otherwise
    one = weights(ram.train(config, runs=tmp_path / "one"))
    flags = [f"--{f.name.replace('_', '-')}={getattr(config, f.name)}" for f in dataclasses.fields(Config)]
    flags = [flag for flag in flags if not flag.startswith("--hybrid")] + ["--no-hybrid"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(pathlib.Path(ram.__file__).parents[1])}
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--master-port=29517", "-m", "agents.ram"]
    done = subprocess.run([*command, *flags], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    saved = checkpoints.load(tmp_path / "runs" / "tiny")["model"]
    two = torch.cat(
        [saved[name].flatten() for name, _ in build.make_model(config, build.make_envs(config, 2, "train")).named_parameters()]
    )
    torch.testing.assert_close(two, one, atol=2e-5, rtol=1e-4)
    assert done.stderr.count("0/10 [00:00<?, ?batch/s]") == 1, "one progress bar"


def test_evaluation_is_greedy_exact_and_independent_of_the_number_of_environments():
    model = build.make_model(TINY, build.make_envs(TINY, 64, "train"))
    with torch.no_grad():
        model.location.weight.normal_(std=0.5)
    errors = [evaluation.evaluate(model, build.make_envs(TINY, n, "validation"), "learned") for n in (100, 100, 77)]
    assert errors[0] == errors[1] == errors[2]
    images = 600
    assert all((error * images / 100) == pytest.approx(round(error * images / 100)) for error in errors[0])


def test_fixations_are_where_the_policy_looks_and_samples_are_kept_unclamped():
    envs = build.make_envs(TINY, 50, "train")
    model = build.make_model(TINY, envs)
    gaze = make_gaze(model, "learned", np.random.default_rng(0), 50, slice(None), std=1.5)
    episodes = collect(envs, model, envs.reset(seed=0), gaze)
    assert episodes.locations.abs().max() > 1
    assert not episodes.locations.requires_grad
    assert episodes.means.requires_grad
    torch.testing.assert_close(episodes.fixations[1:], episodes.locations.clamp(-1, 1))
    assert episodes.logits.shape == (3, 50, 10)
    assert len(episodes.locations) == 2
    assert episodes.rewards[:-1].eq(0).all()
    right = episodes.actions == episodes.labels
    assert episodes.rewards[-1].equal(right[-1].float())
    assert episodes.wrong.equal(~right), "each glimpse's class is measured as if it were the last"


def test_a_game_is_played_from_reward_alone(tmp_path, capsys):
    config = dataclasses.replace(
        preset("best", "Glimpse-Catch-v0"),
        size=16,
        hidden_size=16,
        num_episodes=128,
        batch_size=64,
        num_validations=1,
        name="game",
    )
    result = ram.train(config, runs=tmp_path)
    assert set(result.errors) == {"learned", "random", "center", "center first"}
    assert all(len(values) == 1 and 0 <= values[0] <= 1 for values in result.errors.values())
    (row,) = csv.DictReader((tmp_path / "game" / "metrics.csv").read_text().splitlines())
    assert {"validation_return", "return", "entropy", "location", "baseline", "action"} <= row.keys()
    evaluation.print_report(result.errors, config, "test")
    assert capsys.readouterr().out.strip().splitlines()[-1] == f"balls caught: {100 * result.errors['learned'][0]:.1f} %"


def test_a_fixed_sequence_is_the_same_for_every_scene_and_learned():
    config = dataclasses.replace(TINY, looking="fixed", batch_size=40)
    envs = build.make_envs(config, 40, "train")
    model = build.make_model(config, envs)
    assert model.location_plan.shape == (3, 2)
    with torch.no_grad():
        model.location_plan.uniform_(-0.9, 0.9)
    gaze = make_gaze(model, "fixed", np.random.default_rng(0), 40, slice(None), std=0.0)
    fixations = collect(envs, model, envs.reset(seed=0), gaze).fixations
    torch.testing.assert_close(fixations[1:], model.location_plan[:2].detach().unsqueeze(1).expand(2, 40, 2))
    before = model.location_plan.detach().clone()
    ram.train_step(model, build.make_optimizer(model, config), envs, config, 5, parallel.Ranks("cpu"))
    moved = (model.location_plan.detach() - before).abs().sum(1)
    assert (moved[:2] > 0).all(), "by REINFORCE"


def test_the_network_adds_to_the_plan_of_each_glimpse():
    envs = build.make_envs(TINY, 40, "train")
    model = build.make_model(TINY, envs)  # its location network begins at 0
    assert model.location_plan.shape == (3, 2)
    gaze = make_gaze(model, "learned", np.random.default_rng(0), 40, slice(None), std=0.0)
    episodes = collect(envs, model, envs.reset(seed=0), gaze)
    torch.testing.assert_close(episodes.means, model.location_plan[:2].unsqueeze(1).expand(2, 40, 2))
    with torch.no_grad():
        model.location.bias += torch.tensor([0.25, -0.5])
    moved = collect(envs, model, envs.reset(seed=0), gaze).means - episodes.means
    torch.testing.assert_close(moved, torch.tensor([0.25, -0.5]).expand(2, 40, 2))
    assert build.make_model(preset("paper"), build.make_envs(preset("paper"), 2, "train")).location_plan.numel() == 0


def test_no_two_episodes_of_a_run_share_a_seed():
    seeds = [TINY.first_seed(update) + i for update in range(50) for i in range(TINY.batch_size)]
    assert len(set(seeds)) == 50 * TINY.batch_size
    assert dataclasses.replace(TINY, seed=1).first_seed(0) > TINY.first_seed(10**9)


def test_center_and_random_gazes_look_there():
    envs = build.make_envs(TINY, 200, "train")
    model = build.make_model(TINY, envs)
    for looking, spread in (("center", 0.0), ("random", 1 / 3**0.5)):
        gaze = make_gaze(model, looking, np.random.default_rng(0), 200, slice(None), std=0.3)
        episodes = collect(envs, model, envs.reset(seed=0), gaze)
        assert episodes.fixations[1:].std() == pytest.approx(spread, abs=0.05)
        assert episodes.fixations[1:].mean() == pytest.approx(0, abs=0.08)


@pytest.mark.parametrize(
    "changes", [{"batch_size": 0}, {"max_steps": 0}, {"gamma": 1.5}, {"std_end": 0.0}, {"learning_rate": float("nan")}]
)
def test_config_refuses_what_cannot_be_trained(changes):
    (name,) = changes
    with pytest.raises(ValueError, match=name):
        Config(**changes)


def test_the_paper_is_one_flag_away():
    envs = build.make_envs(preset("paper"), 2, "train")
    model = build.make_model(preset("paper"), envs)
    names = [type(module).__name__ for module in (model.glimpse, model.core, model.location, model.action, model.baseline)]
    assert names == ["GlimpseNetwork", "ReLUCore", "LocationNetwork", "ActionNetwork", "BaselineNetwork"]
    assert not model.location_stream


def test_a_canvas_too_small_to_read_is_refused():
    assert CanvasNetwork((2, 7, 9), 5)(torch.zeros(3, 2, 7, 9)).shape == (3, 5)
    with pytest.raises(ValueError, match="7 pixels or more"):
        CanvasNetwork((2, 6, 9), 5)


@pytest.mark.parametrize(("size", "num_envs"), [(60, 500), (2_000, 67), (20_000, 1)])
def test_large_scenes_are_evaluated_a_few_at_a_time(size, num_envs):
    envs = evaluation.make_envs(Config(), "validation", scene_size=size)
    assert envs.num_envs == num_envs
