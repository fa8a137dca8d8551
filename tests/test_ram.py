"""The trainer: reproducible, resumable, and measured as its files say; test_faults.py has it on several processes."""

import csv
import dataclasses
import json
import pathlib
import signal

import pytest
import tiny_task  # noqa: F401
import torch
from tiny_runs import TINY, stopped_after, weights_of

from agents import checkpoints, environments, evaluation, models, parallel, ram
from agents.config import Config
from agents.policy import Noise, Policy
from agents.presets import preset
from agents.rollout import collect

pytestmark = pytest.mark.usefixtures("undrawn")
ROOT = pathlib.Path(ram.__file__).parents[1]


def weights(result):
    return weights_of(result.policy.model)


def test_a_run_leaves_its_files_and_is_deterministic(tmp_path):
    first, second = (ram.train(TINY, runs=tmp_path / name) for name in "ab")
    assert weights(first).equal(weights(second))
    assert first.scores == second.scores
    folder = tmp_path / "a" / "tiny"
    assert first.folder == folder
    state = {"config.json", "metrics.csv", "checkpoint.pt", "checkpoint.previous.pt", "results.json"}
    assert {path.name for path in folder.iterdir() if not path.name.startswith(".")} == state
    assert Config(**json.loads((folder / "config.json").read_text())) == TINY
    assert json.loads((folder / "results.json").read_text()) == first.scores
    rows = list(csv.DictReader((folder / "metrics.csv").read_text().splitlines()))
    assert [int(row["episodes"]) for row in rows] == [160, 320]
    assert {"validation_error", "error", "action", "location", "baseline", "grad_norm", "std"} <= rows[0].keys()
    assert list(first.scores) == ["learned", "random", "center", "center first"]
    assert all(len(errors) == 3 for errors in first.scores.values())
    other = ram.train(dataclasses.replace(TINY, seed=1), runs=tmp_path / "c")
    assert not weights(other).equal(weights(first))


def test_the_results_are_those_of_the_policy_that_is_returned(tmp_path):
    result = ram.train(TINY, runs=tmp_path)
    envs = environments.evaluation_envs(TINY, "test")
    assert evaluation.evaluate(result.policy, envs, "test") == result.scores["learned"]
    last = str(result.report).splitlines()[-1]
    assert last == f"test error after 3 glimpses: {result.scores['learned'][-1]:.2f} %"
    assert "24 images" in str(result.report)


@pytest.mark.parametrize("learn_from", ["labels", "reward"])
def test_the_task_is_learned(learn_from, tmp_path):
    config = dataclasses.replace(TINY, num_episodes=6400, num_validations=1, learn_from=learn_from)
    assert ram.train(config, runs=tmp_path).scores["learned"][-1] < 10  # levels of gray; 67 by chance


@pytest.mark.parametrize("changes", [{}, {"core": "lstm", "looking": "fixed", "canvas": 9}], ids=["plain", "others"])
def test_resumed_run_is_the_uninterrupted_one_bit_for_bit(tmp_path, monkeypatch, changes):
    config = dataclasses.replace(TINY, **changes)
    whole = ram.train(config, runs=tmp_path / "whole")
    stopped_after(7, monkeypatch, tmp_path / "cut", config)
    assert checkpoints.load(tmp_path / "cut" / "tiny")["update"] == 7
    resumed = ram.train(config, resume=True, runs=tmp_path / "cut")
    assert weights(resumed).equal(weights(whole))
    assert resumed.scores == whole.scores


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

    with monkeypatch.context() as patch:
        patch.setattr(torch.optim.AdamW, "step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            ram.train(TINY, runs=tmp_path / "cut")
    assert checkpoints.load(tmp_path / "cut" / "tiny")["update"] == 4
    assert weights(ram.train(TINY, resume=True, runs=tmp_path / "cut")).equal(weights(whole))
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_stopped_while_validating_repeats_no_update(tmp_path, monkeypatch):
    whole = ram.train(TINY, runs=tmp_path / "whole")

    def stopped(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(evaluation, "evaluate", stopped)  # first called after update 5
        with pytest.raises(KeyboardInterrupt):
            ram.train(TINY, runs=tmp_path / "cut")
    assert checkpoints.load(tmp_path / "cut" / "tiny")["update"] == 5
    assert weights(ram.train(TINY, resume=True, runs=tmp_path / "cut")).equal(weights(whole))


def test_training_begins_with_episodes_of_half_the_glimpses_for_the_share_that_is_short(tmp_path, monkeypatch):
    lengths, losses = [], ram.losses

    def watched(episodes, *arguments):
        lengths.append(len(episodes.playing))
        return losses(episodes, *arguments)

    monkeypatch.setattr(ram, "losses", watched)
    result = ram.train(dataclasses.replace(TINY, num_glimpses=5, short=0.6), runs=tmp_path)
    assert lengths == 6 * [2] + 4 * [5]
    assert len(result.scores["learned"]) == 5


@pytest.mark.parametrize(
    "changes",
    [{"env_id": "Glimpse-MultiMNIST-v0"}, {"env_id": "lamps:Lamp-v0", "hybrid": False, "credit": "reward"}],
    ids=["MultiMNIST", "Lamp"],
)
def test_a_training_cannot_begin_with_short_episodes_where_their_length_is_not_given(tmp_path, changes):
    with pytest.raises(ValueError, match="num_glimpses"):
        ram.train(dataclasses.replace(TINY, short=0.6, **changes), runs=tmp_path)


def test_looks_are_random_at_first(tmp_path, monkeypatch):
    looked, losses = [], ram.losses

    def watched(episodes, policy, *arguments):
        looked.append(policy.looking)
        return losses(episodes, policy, *arguments)

    monkeypatch.setattr(ram, "losses", watched)
    ram.train(dataclasses.replace(TINY, blind=0.3), runs=tmp_path)
    assert looked == 3 * ["random"] + 7 * ["learned"]


def test_a_batch_that_the_processes_cannot_share_is_refused(tmp_path, monkeypatch):
    class Three(parallel.Ranks):
        def __init__(self, device):
            super().__init__(device)
            self.size = 3

    monkeypatch.setattr(parallel, "Ranks", Three)
    with pytest.raises(ValueError, match="batch_size=32 must be a multiple of the 3 processes"):
        ram.train(TINY, runs=tmp_path)


def looking_about(config, std=0.5):
    """A new agent whose locations depend on what it sees."""
    envs = environments.make_envs(config, 2, "train")
    model = models.make_model(config, envs)
    with torch.no_grad():
        model.heads.location.weight.normal_(std=std)
    return Policy(model, envs.single_action_space, config.looking)


def test_evaluation_is_greedy_exact_and_independent_of_the_number_of_environments():
    policy = looking_about(TINY)
    errors = [
        evaluation.evaluate(policy, environments.make_envs(TINY, n, "validation"), "validation") for n in (24, 24, 10, 500)
    ]
    assert errors[0] == errors[1] == errors[2] == errors[3]
    assert all((error * 24 / 100) == pytest.approx(round(error * 24 / 100)) for error in errors[0])


def test_where_there_are_no_images_as_many_episodes_are_played_as_is_said():
    config = preset("best", "Glimpse-Catch-v0")
    policy = looking_about(dataclasses.replace(config, size=16, hidden_size=16))
    scores = [
        evaluation.evaluate(policy, environments.make_envs(config, n, "validation"), "validation", 0, 50) for n in (50, 20)
    ]
    assert scores[0] == pytest.approx(scores[1])
    assert (scores[0][0] / 2) == pytest.approx(round(scores[0][0] / 2)), "in percent, of 50 episodes"


def test_fixations_are_where_the_policy_looks_and_samples_are_kept_unclamped():
    envs, policy = environments.make_envs(TINY, 50, "train"), looking_about(TINY)
    episodes = collect(envs, policy, envs.reset(seed=0), Noise(0, 50), std=1.5)
    assert episodes.locations.abs().max() > 1
    assert not episodes.locations.requires_grad
    assert episodes.means.requires_grad
    torch.testing.assert_close(episodes.fixations[1:], episodes.locations.clamp(-1, 1))
    assert episodes.logits.shape == (3, 50, 3)
    assert len(episodes.locations) == 2
    assert episodes.rewards[:-1].eq(0).all()
    right = episodes.actions == episodes.labels
    assert episodes.rewards[-1].equal(right[-1].float())
    assert episodes.wrong.equal(~right), "each glimpse's class is measured as if it were the last"


def test_what_the_networks_make_of_each_glimpse_can_be_watched():
    envs, policy, watched = environments.make_envs(TINY, 5, "train"), looking_about(TINY), []
    episodes = collect(envs, policy, envs.reset(seed=0), Noise(0, 5), watched=watched.append)
    assert torch.stack([step.logits for step in watched]).equal(episodes.logits)


def test_a_game_is_played_from_reward_alone(tmp_path):
    config = dataclasses.replace(
        preset("best", "Glimpse-Catch-v0"),
        size=16,
        hidden_size=16,
        num_episodes=128,
        batch_size=64,
        num_validations=1,
        num_test_episodes=100,
        name="game",
    )
    result = ram.train(config, runs=tmp_path)
    assert result.scores.keys() == {"learned", "random", "center", "center first"}
    assert all(len(values) == 1 and 0 <= values[0] <= 100 for values in result.scores.values())
    (row,) = csv.DictReader((tmp_path / "game" / "metrics.csv").read_text().splitlines())
    assert {"validation_score", "score", "return", "entropy", "location", "baseline", "action"} <= row.keys()
    assert str(result.report).splitlines()[-1] == f"balls caught: {result.scores['learned'][0]:.2f} %"


def test_a_fixed_sequence_is_the_same_for_every_scene_and_learned():
    config = dataclasses.replace(TINY, looking="fixed", batch_size=40)
    envs = environments.make_envs(config, 40, "train")
    model = models.make_model(config, envs)
    (path,) = model.heads.location.parameters()
    assert path.shape == (3, 2)
    with torch.no_grad():
        path.uniform_(-0.9, 0.9)
    policy = Policy(model, envs.single_action_space, "fixed")
    fixations = collect(envs, policy, envs.reset(seed=0), Noise(0, 40)).fixations
    torch.testing.assert_close(fixations[1:], path[:2].detach().unsqueeze(1).expand(2, 40, 2))
    before = path.detach().clone()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    ram.train_step(model, optimizer, envs, config, 5, parallel.Ranks(torch.device("cpu")))
    moved = (path.detach() - before).abs().sum(1)
    assert (moved[:2] > 1e-4).all(), "by REINFORCE"


def test_half_precision_trains_and_is_measured_in_float32(tmp_path):
    result = ram.train(dataclasses.replace(TINY, precision="bfloat16"), runs=tmp_path)
    assert weights(result).isfinite().all()
    assert weights(result).dtype == torch.float32


def test_an_episode_of_several_answers_is_wrong_from_the_first_wrong_one_on():
    config = dataclasses.replace(preset("best", "Glimpse-MultiMNIST-v0"), size=16, hidden_size=16)
    envs = environments.make_envs(config, 20, "validation")
    episodes = collect(envs, looking_about(config), envs.reset(seed=0), Noise(0, 20))
    missed = (episodes.actions != episodes.labels) & episodes.answers
    expected = missed.any(0)
    assert episodes.answers.sum(0).min() > 1
    assert episodes.wrong[-1].equal(expected | (episodes.wrong[-1] & episodes.playing[-1]))
    assert episodes.wrong[-1][expected].all()
