"""Figures: drawn from what the evaluation measures, and written by each run."""

import dataclasses
import sys

import numpy as np
import pytest
from PIL import Image

from agents import cli, environments, evaluation, figures, ram, weights
from agents.policy import Policy
from agents.presets import preset

pytestmark = pytest.mark.usefixtures("few_images")
SMALL = {"size": 16, "hidden_size": 16}
CONFIG = dataclasses.replace(
    preset("best", "Glimpse-MNIST-v0"), **SMALL, num_glimpses=3, canvas=None, evaluated_on="validation"
)


def looks_drawn(path):
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("L"))
    return min(pixels.shape) > 200 and len(np.unique(pixels)) > 20


def agent(config):
    envs = environments.make_envs(config, 8, "validation")
    return Policy(ram.prepare(config), envs.single_action_space)


def test_a_run_writes_its_figures(tmp_path):
    config = dataclasses.replace(CONFIG, num_episodes=512, num_validations=2, name="run")
    folder = ram.train(config, runs=tmp_path).folder
    for name in ("paths", "curve", "fixations", "confusion"):
        assert looks_drawn(folder / f"{name}.png"), name


def test_evaluate_draws_where_it_is_told_to(tmp_path):
    weights.save(tmp_path / "agent.safetensors", agent(CONFIG).model, CONFIG)
    cli.main(
        ["evaluate", "--weights", str(tmp_path / "agent.safetensors"), "--split=validation", "--figures", str(tmp_path / "new")]
    )
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"paths.png", "fixations.png", "confusion.png"}


def test_mistakes_drawn_are_the_error_measured(tmp_path, monkeypatch):
    policy, seen = agent(CONFIG), {}
    monkeypatch.setattr(figures, "save_confusion", lambda labels, named, n, path: seen.update(labels=labels, named=named, n=n))
    monkeypatch.setattr(
        figures, "save_fixations", lambda fixations, path, *shape: seen.update(fixations=fixations, shape=shape)
    )
    figures.draw(policy.model, CONFIG, "validation", tmp_path)
    error = evaluation.evaluate(policy, environments.evaluation_envs(CONFIG, "validation"), "validation")[-1]
    assert 100 * np.mean(seen["labels"] != seen["named"]) == pytest.approx(error)
    assert seen["n"] == tuple("0123456789")
    assert seen["fixations"].shape == (3, 500, 2)
    assert seen["shape"] == (28, 28)


def test_a_game_has_a_map_but_no_classes(tmp_path):
    config = dataclasses.replace(preset("best", "Glimpse-Catch-v0"), **SMALL, num_test_episodes=8)
    drawn = figures.draw(agent(config).model, config, "validation", tmp_path)
    assert [path.name for path in drawn] == ["paths.png", "fixations.png"]
    assert looks_drawn(tmp_path / "fixations.png")


def test_tensorboard_gets_what_the_metrics_have(tmp_path, undrawn):
    pytest.importorskip("tensorboardX")
    config = dataclasses.replace(CONFIG, num_episodes=512, num_validations=2, name="run")
    ram.train(config, runs=tmp_path, tensorboard=True)
    (events,) = (tmp_path / "run" / "tensorboard").iterdir()
    names = (tmp_path / "run" / "metrics.csv").read_text().splitlines()[0].split(",")
    assert all(name.encode() in events.read_bytes() for name in names if name != "seconds")
    (events.parent / "older").touch()
    ram.train(config, runs=tmp_path, tensorboard=True, overwrite=True)
    assert not (events.parent / "older").exists(), "the curves of the older run are gone"


def test_tensorboard_missing_names_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ImportError, match=r'pip install "glimpse-env\[tensorboard\]"'):
        ram.train(CONFIG, runs=tmp_path, tensorboard=True)


@pytest.mark.parametrize("num_classes", [2, 10, 100])
def test_confusion_of_any_number_of_classes(tmp_path, num_classes):
    rng = np.random.default_rng(0)
    labels, named = rng.integers(0, num_classes, (2, 500))
    figures.save_confusion(labels, named, [str(n) for n in range(num_classes)], tmp_path / "confusion.png")
    assert looks_drawn(tmp_path / "confusion.png")


def test_answers_that_are_places_are_drawn_by_their_distance(tmp_path):
    config = dataclasses.replace(preset("best", "Glimpse-Search-v0"), **SMALL, num_glimpses=2)
    drawn = figures.draw(agent(config).model, config, "validation", tmp_path)
    assert [path.name for path in drawn] == ["paths.png", "fixations.png", "distances.png"]
    assert looks_drawn(tmp_path / "distances.png")


def test_maps_have_the_shape_of_the_scene(tmp_path):
    looks = np.random.default_rng(0).uniform(-1, 1, (1, 100, 2)).astype(np.float32)
    paths = [figures.save_fixations(looks, tmp_path / f"{height}.png", height, width) for height, width in ((40, 80), (80, 40))]
    with Image.open(paths[0]) as wide, Image.open(paths[1]) as tall:
        assert wide.width == tall.width
        assert wide.height < tall.height


def test_a_dollar_sign_in_a_name_is_no_formula(tmp_path):
    names = ["$^{$", "b"]
    figures.save_confusion(np.array([0, 1]), np.array([0, 0]), names, tmp_path / "confusion.png")
    frame = np.zeros((9, 9, 3), np.uint8)
    figures.save_tiles([frame], ["b$^{ read as a_$"], [True], tmp_path / "paths.png")
    assert (tmp_path / "paths.png").exists()
