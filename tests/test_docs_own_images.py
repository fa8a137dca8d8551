"""docs/own_images.md: the same ten lines play with each source that it names, and the agent learns from a folder."""

import pathlib
import re
import sys
import types

import gymnasium as gym
import numpy as np
import pytest
from test_own_images import Pairs, Table, pil, save

from glimpse_env.datasets import load, published, splits

PAGE = (pathlib.Path(__file__).parents[1] / "docs" / "own_images.md").read_text()
TEN_LINES, *SOURCES, MODULE, COMPARISON = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
CLASSES = ("cat", "dog")


def stand_in(monkeypatch, module, **names):
    """What a page imports of a package that is not installed."""
    try:
        __import__(module)
    except ImportError:
        fake = types.ModuleType(module)
        vars(fake).update(names)
        monkeypatch.setitem(sys.modules, module.partition(".")[0], types.ModuleType(module.partition(".")[0]))
        monkeypatch.setitem(sys.modules, module, fake)


@pytest.fixture
def photos(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    images, labels = np.random.default_rng(0).integers(0, 256, (30, 20, 30, 3), np.uint8), np.arange(30) % 2
    save(images, labels, tmp_path / "photos" / "train", CLASSES)
    save(images[:6, 3:], labels[:6], tmp_path / "photos" / "test", CLASSES)
    table = Table(pil(images), labels, list(CLASSES))
    stand_in(monkeypatch, "datasets", load_dataset=lambda name, data_dir: {"train": table, "test": table})
    stand_in(monkeypatch, "torchvision.datasets", ImageFolder=lambda root: Pairs(pil(images), labels.tolist()))


def test_there_are_ten_lines():
    assert len([line for line in TEN_LINES.splitlines() if line]) == 10
    assert len(SOURCES) == 7


@pytest.mark.parametrize("source", range(len(SOURCES)))
def test_the_same_ten_lines_play_with_each_source(source, photos, capsys):
    names = {}
    exec(SOURCES[source], names)
    exec(TEN_LINES, names)
    assert re.match(r"glimpses \(8, \d, 8, 8\) of scenes \(8, \d\d, \d\d, [13]\)\nlabels .* classes", capsys.readouterr().out)


def test_the_pages_table_is_that_of_the_code():
    rows = [line for line in published.__doc__.splitlines() if line.startswith("|")]
    assert "\n".join(rows) in PAGE
    for split, names in splits.NAMES.items():
        assert f"| {split} | {', '.join(f'`{name}`' for name in names)} |" in PAGE


# The agent.


COLORS = ("red", "green", "blue")


def squares(count):
    """A square somewhere on a dark scene: is it red, green or blue?"""
    rng = np.random.default_rng(count)
    labels = rng.integers(0, 3, count)
    images = rng.integers(0, 60, (count, 20, 20, 3)).astype(np.uint8)
    for image, label, (x, y) in zip(images, labels, rng.integers(0, 14, (count, 2)), strict=True):
        image[y : y + 6, x : x + 6, label] = rng.integers(140, 256)
    return images, labels


def test_the_agent_learns_from_a_folder_in_color_and_names_other_images(tmp_path, monkeypatch, capsys):
    pytest.importorskip("torch")
    from agents import cli, evaluation
    from agents.presets import preset

    colors = save(*squares(500), tmp_path / "colors", COLORS)
    monkeypatch.chdir(tmp_path)
    flags = "--num-episodes=6400 --num-validations=1 --hidden-size=32 --size=64 --canvas=None"
    cli.main(["--env-id=Glimpse-MNIST-v0", f"--dataset={colors}", "--num-glimpses=3", "--augmentation=0", *flags.split()])
    error = float(re.findall(r"test error after 3 glimpses: ([\d.]+) %", capsys.readouterr().out)[0])
    assert error < 35  # seen: 12 and 4, of 67 by chance
    (run,) = (tmp_path / "runs").iterdir()
    assert (run / "paths.png").stat().st_size > 1000
    images, labels = squares(12)
    others = [str(tmp_path / f"{n}.png") for n in range(12)]
    for image, path in zip(pil(images), others, strict=True):
        image.save(path)
    cli.main(["name", *others, f"--weights={run}"])
    told = re.findall(r"^(.*): (\w+) (\d+) %, \w+ \d+ %, \w+ \d+ %$", capsys.readouterr().out, re.MULTILINE)
    assert [path for path, *_ in told] == others
    right = sum(named == COLORS[label] for (_, named, _), label in zip(told, labels, strict=True))
    assert right >= 9, told  # 4 by chance
    with pytest.raises(SystemExit, match=r"missing\.png is not a file"):
        cli.main(["name", "missing.png", f"--weights={run}"])
    with pytest.raises(SystemExit, match="Glimpse-MNIST-v0 was not trained on a folder of images"):
        cli.main(["name", others[0], "--weights=Glimpse-MNIST-v0"])
    with pytest.raises(ValueError, match="Glimpse-Search-v0 does not ask for the class of an image"):
        evaluation.beliefs(None, preset("best", "Glimpse-Search-v0"), None)


def test_an_algorithm_is_compared_with_the_agent_of_a_folder(photos, capsys):
    pytest.importorskip("torch")
    from agents import cli

    run = "Glimpse-MNIST-v0-photos-learned-0"  # its name without the flags that make it short
    cli.main(["--dataset=photos", f"--name={run}", "--num-episodes=64", "--num-validations=1", "--hidden-size=32"])
    capsys.readouterr()
    exec(COMPARISON, {})
    assert re.fullmatch(r"the agent: \d of 6 right\nyours: \d of 6 right\n", capsys.readouterr().out)


def test_the_agent_takes_the_id_of_a_users_module(photos, tmp_path, monkeypatch):
    pytest.importorskip("torch")
    from agents import environments, models
    from agents.presets import preset

    (tmp_path / "my_photos.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(gym.registry, "Photos-v0", raising=False)
    config = preset("best", "my_photos:Photos-v0")
    assert config.run_name == "Photos-v0-learned-0"
    envs = environments.make_envs(config, 4, "test")
    assert envs.unwrapped.task.num_images == len(load("photos", "test")) == 6
    assert models.make_model(config, envs).heads.action.out_features == len(CLASSES)
    assert envs.unwrapped.scenes.shape == (4, 120, 160, 3)
