"""The leaderboard: exact evaluation, budgets, trials that are made once, submissions that are checked, and the page."""

import dataclasses
import json
import pathlib
import re
import time

import numpy as np
import pytest

pytest.importorskip("sb3_contrib")

from rollouts import vector

from agents import figures
from benchmarks import entries, evidence, leaderboard, learners
from benchmarks.algorithms import ALGORITHMS, Algorithm
from benchmarks.learners import Budget, Trained, Watch
from glimpse_env.datasets import load
from glimpse_env.wrappers import VectorDiscretizeAction

MNIST, _, CIRCLE = entries.IDS
RULES = (pathlib.Path(__file__).parents[1] / "docs" / "benchmark_rules.md").read_text()
SUBMISSION = json.loads(re.search(r"```json\n(.*?)```", RULES, re.DOTALL)[1])


class Always:
    """Names one class, whatever it sees; its state is that an episode has begun."""

    def __init__(self, name):
        self.name = name

    def predict(self, observation, state, episode_start, deterministic):
        assert deterministic
        assert (episode_start == (state is None)).all()
        return np.tile([3, 3, self.name], (len(episode_start), 1)), "begun"


@pytest.mark.parametrize("num_envs", [500, 333])
def test_error_counts_each_image_of_the_split_once(num_envs):
    envs = VectorDiscretizeAction(vector(MNIST, num_envs, "Disabled", split="test", num_glimpses=2), 7)
    labels = load("mnist", "test").labels
    assert learners.error(Always(3), envs, "test") == pytest.approx(100 * (labels != 3).mean())


def test_error_counts_as_many_episodes_where_there_are_no_images(monkeypatch):
    monkeypatch.setattr(learners, "NUM_EPISODES", 700)
    wrong = [
        learners.error(Always(name), VectorDiscretizeAction(vector(CIRCLE, 300, "Disabled", split="test"), 7), "test")
        for name in (0, 1)
    ]
    assert sum(wrong) == pytest.approx(100)
    assert 700 * wrong[0] / 100 == pytest.approx(round(700 * wrong[0] / 100))


def test_a_watch_measures_points_of_the_steps_or_the_minutes_whichever_goes_on(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(time, "process_time", lambda: clock[0])
    by_steps, by_minutes = Watch(Budget(100, 10), lambda: 50.0), Watch(Budget(10**6, 1), lambda: 50.0)
    assert [by_steps(steps) for steps in range(5, 101, 5)] == [True] * 19 + [False]
    assert [steps for steps, *_ in by_steps.curve] == list(range(10, 101, 10))
    went_on = []
    for clock[0] in range(3, 61, 3):
        went_on.append(by_minutes(int(clock[0])))
    assert went_on == [True] * 19 + [False]
    assert [minutes for *_, minutes in by_minutes.curve] == pytest.approx(np.arange(1, 11) / 10)
    ends = [watch.trained(lambda: 40.0, 7).ended_by for watch in (by_steps, by_minutes)]
    assert ends == ["steps", "minutes"]
    early = Watch(Budget(100, 10), lambda: 50.0)
    assert early(60)
    assert early.trained(lambda: 40.0, 7).ended_by == "itself"


@pytest.mark.parametrize("algorithm", [name for name in ALGORITHMS if "looks" not in name])  # those are RAM looking otherwise
def test_an_algorithm_trains_and_ends_with_its_curve(algorithm, monkeypatch, undrawn, few_images):
    monkeypatch.setattr(learners, "NUM_POINTS", 2)
    monkeypatch.setattr(figures, "save_tiles", lambda *_: None)
    trained = ALGORITHMS[algorithm].run(MNIST, 0, Budget(3584, 20.0))
    assert 0 <= trained.error <= 100
    assert trained.parameters > 1000
    assert trained.ended_by == "steps"
    assert 3584 - 7 * 64 < trained.steps <= 3584 + 7 * 64
    assert [steps for steps, *_ in trained.curve] == pytest.approx([1792, 3584], abs=7 * 64)
    assert 0 < trained.curve[0][2] < trained.curve[1][2] <= trained.minutes


@pytest.mark.parametrize(
    ("algorithm", "minutes"),
    [
        ("RAM, reward alone", 0.1),
        ("RAM, reward alone", 1e-6),  # over before the training begins
        ("SAC, stacked glimpses (Stable-Baselines3)", 0.1),
    ],
)
def test_a_training_ends_when_its_minutes_are_over(algorithm, minutes, undrawn, few_images):
    trained = ALGORITHMS[algorithm].run(MNIST, 0, Budget(50_000_000, minutes))
    assert trained.ended_by == "minutes"
    assert 0 < trained.steps < 50_000_000
    assert minutes <= trained.minutes < 0.5


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A place of its own for entries and the page."""
    monkeypatch.setattr(leaderboard, "PAGE", tmp_path / "benchmark.md")
    monkeypatch.setattr(evidence, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(evidence, "IMAGES", tmp_path / "images")
    monkeypatch.setattr(evidence, "head", lambda: "1234567")
    return tmp_path


def test_a_finished_trial_is_not_made_again_and_a_cut_one_is(kept, monkeypatch):
    calls = []

    def fake(id, seed, budget):
        calls.append((id, seed, budget))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return Trained(10.0 + seed, 5_000_000, 10.0, "steps", [(2_500_000, 30.0, 5.0), (5_000_000, 20.0, 10.0)], 1234)

    monkeypatch.setattr(leaderboard, "ALGORITHMS", {"ours": Algorithm("labels allowed", fake, "by hand", 3)})
    monkeypatch.setattr(leaderboard, "fits", lambda *_: True)
    monkeypatch.setattr(leaderboard.argparse.ArgumentParser, "error", lambda self, message: pytest.fail(message))
    flags = ["--id", MNIST, "--seed", "0", "1", "--algorithm", "ours"]
    with pytest.raises(SystemExit):
        leaderboard.main(flags)
    assert not leaderboard.PAGE.exists()
    leaderboard.main(flags)
    assert [call[:2] for call in calls] == [(MNIST, 0), (MNIST, 1), (MNIST, 1)]
    (entry,) = entries.read_all()
    assert [trial.error for trial in entry.of(MNIST)] == [10.0, 11.0]
    page = leaderboard.PAGE.read_text()
    assert "| ours |  | 10.50 ± 6.35 |  |  | 3, by hand |" in page
    assert f"| ours | {MNIST} | 2 | 5,000,000 | 10.0 | steps | 8,333 | 1,234 | `1234567` |" in page
    assert evidence.picture("benchmark", MNIST).stat().st_size > 1000
    leaderboard.main([*flags, "--steps", "70"])
    assert calls[-1] == (MNIST, 1, Budget(70, entries.MINUTES))
    assert entries.read_all() == [entry], "a smaller budget is not kept"


def test_rewards_alone_stand_beside_published_ones_after_as_many_steps(kept):
    curve = [[500_000, 50.0, 1.0], [1_000_000, 4.0, 2.0], [5_000_000, 0.0, 9.0]]
    trials = [{**SUBMISSION["trials"][0], "id": CIRCLE, "seed": seed, "curve": curve} for seed in range(3)]
    entry = {**SUBMISSION, "algorithm": "RAM, reward alone", "trials": trials}
    (kept / "ours.json").write_text(json.dumps(entry))
    assert "| RAM, this package | reward alone | 1 M | 96.00 ± 0.00 |" in leaderboard.page([entries.read(kept / "ours.json")])


def submitted(path, entry):
    path.write_text(json.dumps(entry))
    return ["--submission", str(path)]


def test_the_submission_that_the_rules_show_is_added_once(kept, capsys):
    leaderboard.main(submitted(kept / "mine.json", SUBMISSION))
    (entry,) = entries.read_all()
    assert dataclasses.asdict(entry) == {**SUBMISSION, "trials": tuple(SUBMISSION["trials"])}
    assert "| Always three |" in leaderboard.PAGE.read_text()
    with pytest.raises(SystemExit, match="'Always three' is there already"):
        leaderboard.main(submitted(kept / "mine.json", SUBMISSION))


@pytest.mark.parametrize(
    ("where", "value", "message"),
    [
        ("track", "reward", "track must be one of 'reward alone', 'labels allowed', 'whole scene', got 'reward'"),
        ("algorithm", " ", "algorithm must be a text"),
        ("tuning_runs", 11, "tuning_runs must be a whole number from 0 to 10, got 11"),
        ("trials", [], "trials must be a list of trials, at least one"),
        ("paper", "x", "has unknown fields: paper"),
        ("command", None, "lacks command"),
        ("trials.id", "Glimpse-Catch-v0", r"trials\[0\]: id must be one of Glimpse-MNIST-v0"),
        ("trials.error", 101, r"trials\[0\]: error must be a number of percent, from 0 to 100, got 101"),
        ("trials.error", float("nan"), r"trials\[0\]: error must be"),
        ("trials.seed", True, r"trials\[0\]: seed must be one of 0, 1, 2, got True"),
        ("trials.seed", 3, r"trials\[0\]: seed must be one of 0, 1, 2, got 3"),
        ("trials.steps", 6_000_000, r"trials\[0\]: steps must be a whole number, at most 5,000,000, got 6000000"),
        ("trials.minutes", 30, r"trials\[0\]: minutes must be a number, at most 20, got 30"),
        ("trials.ended_by", "luck", r"trials\[0\]: ended_by must be 'steps', 'minutes' or 'itself'"),
        ("trials.curve", [[5, 50, 2], [4, 50, 3]], r"trials\[0\]: curve must be a list of \[steps"),
        ("trials.machine", None, r"trials\[0\] lacks machine"),
    ],
)
def test_a_submission_that_breaks_a_rule_is_refused_by_field(kept, where, value, message):
    entry = json.loads(json.dumps(SUBMISSION))
    *path, field = where.split(".")
    record = entry["trials"][0] if path else entry
    if value is None:
        del record[field]
    else:
        record[field] = value
    with pytest.raises(SystemExit, match=message):
        leaderboard.main(submitted(kept / "mine.json", entry))
    assert not (kept / "results").exists()
    assert not leaderboard.PAGE.exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--steps", "0"], "--steps must be at least 1 and --minutes above 0, got 0 and 20"),
        (["--minutes", "0"], "--steps must be at least 1 and --minutes above 0, got 5000000 and 0"),
        (["--seed", "0", "7"], r"--seed must be of 0, 1, 2 by the rules, got \[0, 7\]"),
    ],
)
def test_a_budget_that_trains_nothing_and_a_seed_beyond_the_rules_are_refused(kept, flags, message):
    with pytest.raises(SystemExit, match=message):
        leaderboard.main(flags)


def test_a_trial_that_breaks_a_rule_is_not_kept(kept):
    _, path = submitted(kept / "mine.json", SUBMISSION)
    entry = entries.read(pathlib.Path(path))
    late = dataclasses.replace(entry.trials[0], seed=1, minutes=21.5)
    with pytest.raises(ValueError, match=r"trials\[\d+\]: minutes must be a number, at most 20, got 21.5"):
        entries.save(entry.with_trial(late))
    assert not entry.path.exists()


def test_two_trials_of_one_seed_and_what_is_no_json_are_refused(kept):
    with pytest.raises(SystemExit, match=r"trials\[1\]: id and seed are those of trials\[0\]"):
        leaderboard.main(submitted(kept / "mine.json", {**SUBMISSION, "trials": 2 * SUBMISSION["trials"]}))
    (kept / "mine.json").write_text("{")
    with pytest.raises(SystemExit, match=r"mine\.json is not JSON"):
        leaderboard.main(["--submission", str(kept / "mine.json")])


def test_the_score_is_the_interquartile_mean_and_its_interval_draws_within_each_task():
    of_tasks = [[0.9, 0.8, 0.7], [0.5, 0.5, 0.5], [0.0, 0.1, 1.0]]
    assert entries.iqm(of_tasks) == pytest.approx(np.mean([0.5, 0.5, 0.5, 0.7, 0.8]))  # without 2 of 9 at each end
    low, high = entries.interval(of_tasks)
    assert 0.4 < low < entries.iqm(of_tasks) < high < 0.85
    assert entries.interval([[0.5] * 3, [0.6] * 3, [0.7] * 3]) == pytest.approx((0.6, 0.6))


def test_scores_are_normalized_by_chance(kept):
    (trial,) = entries.read_all() or [entries.Trial(**SUBMISSION["trials"][0])]
    trials = [dataclasses.replace(trial, id=id, seed=seed, error=error)
              for id, error in zip(entries.IDS, (90, 0, 25), strict=True) for seed in (0, 1, 2)]  # fmt: skip
    entry = entries.Entry("a", "reward alone", "b", "c", 0, tuple(trials))
    assert entry.whole
    assert not dataclasses.replace(entry, trials=tuple(trials[:-1])).whole
    np.testing.assert_allclose(entries.scores(entry), [[0] * 3, [1] * 3, [0.5] * 3], atol=1e-12)


def test_every_algorithm_is_in_a_track_and_the_rules_tell_the_budget():
    assert {algorithm.track for algorithm in ALGORITHMS.values()} == set(entries.TRACKS)
    assert all(algorithm.tuning_runs <= entries.TUNING_RUNS for algorithm in ALGORITHMS.values())
    rewarded = {name for name, algorithm in ALGORITHMS.items() if algorithm.track == "reward alone"}
    assert rewarded == {name for name in ALGORITHMS if "with labels" not in name and "convolutions" not in name}
    words = " ".join(RULES.split())
    assert f"{entries.STEPS:,} environment steps" in words
    assert f"{entries.MINUTES:g} minutes of one core" in words
    assert all(f"`{id}`" in RULES for id in entries.IDS)
