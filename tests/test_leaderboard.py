"""The leaderboard: exact evaluation, runs that are made once, and the page."""

import gymnasium as gym
import numpy as np
import pytest

pytest.importorskip("sb3_contrib")

from rollouts import vector

from agents import figures
from benchmarks import evidence, leaderboard
from benchmarks.leaderboard import Trained
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
def test_error_counts_each_image_of_the_split_once(num_envs):
    envs = VectorDiscretizeAction(vector(MNIST, num_envs, "Disabled", split="test", num_glimpses=2), 7)
    labels = load("mnist", "test").labels
    assert leaderboard.error(Always(3), envs, "test") == pytest.approx(100 * (labels != 3).mean())


@pytest.mark.parametrize(
    "algorithm",  # the others are RAM with other choices
    ["PPO, all glimpses so far (Stable-Baselines3)", "recurrent PPO (sb3-contrib)", "RAM, reward alone"],
)
def test_a_run_ends_with_its_curve(algorithm, monkeypatch, few_images):
    """The same steps for all, as many points, and all measured on both splits."""
    made = []

    def make(make_envs):
        def small(*arguments, **options):
            envs = make_envs(*arguments, **options)
            made.append(options.get("split", arguments[-1]))
            return envs

        return small

    monkeypatch.setattr(leaderboard, "NUM_POINTS", 2)
    monkeypatch.setattr(gym, "make_vec", make(gym.make_vec))
    monkeypatch.setattr(figures, "save_tiles", lambda *_: None)
    run = leaderboard.ALGORITHMS[algorithm][0](MNIST, 0, 3584)
    assert 0 <= run.error <= 100
    assert run.parameters > 1000
    assert [steps for steps, _, _ in run.curve] == pytest.approx([1792, 3584], abs=7 * 64)
    assert 0 < run.curve[0][2] < run.curve[1][2] < run.seconds
    assert {"test", "validation"} <= set(made)


def test_a_finished_run_is_not_made_again_and_a_cut_one_is(tmp_path, monkeypatch):
    calls = []

    def fake(id, seed, steps):
        calls.append((id, seed, steps))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return Trained(10.0 + seed, 60.0, [(steps // 2, 30.0, 20.0), (steps, 20.0, 30.0)], 1234)

    monkeypatch.setattr(leaderboard, "ALGORITHMS", {"ours": (fake, True), "PPO": (fake, False)})
    monkeypatch.setattr(leaderboard, "PAGE", tmp_path / "benchmark.md")
    monkeypatch.setattr(evidence, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(evidence, "IMAGES", tmp_path / "images")
    monkeypatch.setattr(evidence, "head", lambda: "1234567")
    flags = ["--id", MNIST, "--seed", "0", "1", "--algorithm", "ours", "--steps", "70"]
    with pytest.raises(KeyboardInterrupt):
        leaderboard.main(flags)
    assert not leaderboard.PAGE.exists()
    leaderboard.main(flags)
    assert calls == [(MNIST, 0, 70), (MNIST, 1, 70), (MNIST, 1, 70)]
    runs = evidence.load(MNIST).rows("leaderboard")["ours, 70 steps"]
    assert [run.score for run in runs] == [10.0, 11.0]
    assert runs[0].curve == [[5, 30.0, 0.33], [10, 20.0, 0.5]]
    page = leaderboard.PAGE.read_text()
    assert "| ours, 70 steps | yes | 10.50 ± 6.35 | 2 | 1.0 | `1234567` |" in page
    assert evidence.picture("benchmark", MNIST).stat().st_size > 1000


def test_every_algorithm_says_whether_it_reads_labels():
    labeled = {name for name, (_, reads_labels) in leaderboard.ALGORITHMS.items() if reads_labels}
    assert labeled == {"RAM, random fixations", "RAM, central fixations", "RAM, hybrid loss"}
