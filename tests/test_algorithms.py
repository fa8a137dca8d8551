"""The leaderboard: exact evaluation, runs that are made once, the statistics and the page."""

import dataclasses
import json

import gymnasium as gym
import numpy as np
import pytest

pytest.importorskip("sb3_contrib")

from rollouts import vector

from agents import figures
from benchmarks import algorithms, leaderboard
from benchmarks.leaderboard import Run
from glimpse_env.datasets import load
from glimpse_env.wrappers import VectorDiscretizeAction

MNIST = "Glimpse-MNIST-v0"


class Always:
    """Names one class, whatever it sees."""

    def __init__(self, name):
        self.name = name

    def begin(self, num_envs):
        self.actions = np.tile([3, 3, self.name], (num_envs, 1))

    def __call__(self, observation):
        return self.actions


@pytest.mark.parametrize("num_envs", [500, 333])
def test_accuracy_counts_each_image_of_the_split_once(num_envs):
    envs = VectorDiscretizeAction(vector(MNIST, num_envs, "Disabled", split="test", num_glimpses=2), 7)
    labels = load("mnist", "test").labels
    assert algorithms.accuracy(Always(3), envs) == pytest.approx(100 * (labels == 3).mean())


def test_interquartile_mean_and_its_interval():
    assert leaderboard.iqm([0, 10, 20, 100]) == 15
    assert leaderboard.iqm([1, 2, 6]) == 3
    assert leaderboard.iqm([[0, 1], [10, 1], [20, 1], [100, 1]], axis=0).tolist() == [15, 1]
    low, high = leaderboard.interval([10.0, 20.0, 30.0])
    assert (low, high) == (10.0, 30.0)
    assert np.isnan(leaderboard.interval([5.0])).all()


@pytest.mark.parametrize("algorithm", ["ppo", "recurrent-ppo", "ram-reward"])  # the others are ram-reward with other choices
def test_a_run_ends_with_its_curve(algorithm, monkeypatch):
    """The same steps for all, as many points, and all measured on splits cut to 500 images."""
    made = []

    def make(make_envs):
        def small(*arguments, **options):
            envs = make_envs(*arguments, **options)
            made.append(options.get("split", arguments[-1]))
            if made[-1] in ("test", "validation"):
                envs.unwrapped.world.task = dataclasses.replace(envs.unwrapped.task, num_images=500)
            return envs

        return small

    monkeypatch.setattr(algorithms, "NUM_POINTS", 2)
    monkeypatch.setattr(gym, "make_vec", make(gym.make_vec))
    monkeypatch.setattr(figures, "save_tiles", lambda *_: None)
    run = algorithms.ALGORITHMS[algorithm](MNIST, 0, 3584)
    assert 0 <= run.accuracy <= 100
    assert [steps for steps, _, _ in run.curve] == pytest.approx([1792, 3584], abs=7 * 64)
    assert 0 < run.curve[0][1] < run.curve[1][1] < run.seconds
    assert {"test", "validation"} <= set(made)


def test_a_finished_run_is_not_made_again_and_a_cut_one_is(tmp_path, monkeypatch):
    calls = []

    def fake(id, seed, steps):
        calls.append((id, seed, steps))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return Run(90.0 + seed, 60.0, [(steps, 30.0, 80.0)])

    monkeypatch.setattr(algorithms, "ALGORITHMS", {"ram": fake, "ppo": fake})
    flags = ["--id", MNIST, "--seed", "0", "1", "--algorithm", "ram", "--steps", "70"]
    flags += ["--results", str(tmp_path / "results"), "--docs", str(tmp_path / "docs")]
    with pytest.raises(KeyboardInterrupt):
        algorithms.main(flags)
    assert not (tmp_path / "docs").exists()
    algorithms.main(flags)
    assert calls == [(MNIST, 0, 70), (MNIST, 1, 70), (MNIST, 1, 70)]
    files = sorted((tmp_path / "results").iterdir())
    assert [path.name for path in files] == [f"{MNIST}-ram-0-70.json", f"{MNIST}-ram-1-70.json"]
    assert json.loads(files[1].read_text())["accuracy"] == 91
    page = (tmp_path / "docs" / "benchmark.md").read_text()
    assert "| RAM, hybrid loss | yes | 90.5 | 90.0 to 91.0 | 2 | 1.0 |" in page
    assert (tmp_path / "docs" / "images" / f"benchmark-{MNIST}.png").stat().st_size > 1000


def test_every_algorithm_has_its_row_and_says_whether_it_reads_labels():
    assert algorithms.ALGORITHMS.keys() == leaderboard.ROWS.keys()
    assert {name for name, row in leaderboard.ROWS.items() if row[1]} == {"random", "centre", "ram"}
