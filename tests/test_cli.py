"""The command line: what is typed is what happens, and what cannot be is told in one line."""

import dataclasses
import os
import pathlib
import re
import subprocess
import sys

import lamps  # noqa: F401  # registers its ids
import numpy as np
import pytest
import tiny_task  # noqa: F401
from tiny_runs import TINY, flags_of

from agents import checkpoints, cli, evaluation, ram, weights
from agents.config import Config
from agents.presets import preset
from glimpse_env.datasets import load as load_dataset

Image = pytest.importorskip("PIL.Image")
pytestmark = pytest.mark.usefixtures("undrawn")
ROOT = pathlib.Path(ram.__file__).parents[1]
SHORT = ["--env-id=tiny_task:Tiny-v0", "--num-episodes=32", "--num-validations=1", "--hidden-size=8", "--size=8"]
SHORT = [*SHORT, "--canvas=None", "--name=tiny"]


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """The configs, and how they start, that `train` is asked for; nothing is trained."""
    monkeypatch.chdir(tmp_path)
    found = []

    def train(config, resume=False, overwrite=False, **options):
        found.append((config, {"resume": resume, "overwrite": overwrite, **options}))
        return ram.Result(None, pathlib.Path("runs"), None)

    monkeypatch.setattr(ram, "train", train)
    return found


@pytest.fixture
def refused(monkeypatch, tmp_path):
    """What a command ends with, which leaves nothing behind."""
    monkeypatch.chdir(tmp_path)

    def end(*arguments):
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(SystemExit) as ended:
            cli.main(list(arguments))
        assert isinstance(ended.value.code, str), "which Python prints, and exits with 1"
        assert "\n" not in ended.value.code.strip(), ended.value.code
        assert sorted(tmp_path.rglob("*")) == before
        return ended.value.code

    return end


# Flags.


def test_a_bare_call_trains_and_so_does_train(asked):
    cli.main([])
    cli.main(["train"])
    assert asked[0] == asked[1]
    assert asked[0][0] == dataclasses.replace(preset("best", Config.env_id), name="Glimpse-ClutteredMNIST-v0-learned-0")
    assert not any(asked[0][1].values())


def test_every_field_of_a_config_is_a_flag(asked):
    wanted = dataclasses.replace(
        TINY,
        num_glimpses=5,
        patch_size=4,
        num_scales=2,
        image_size=48,
        canvas="scene",
        core="lstm",
        skip=False,
        stop_location_gradient=True,
        hybrid=False,
        credit="reward",
        entropy_coef=0.02,
        gae_lambda=0.9,
        max_grad_norm=2.0,
        looking="fixed",
        precision="bfloat16",
        evaluated_on="validation",
        device="cpu",
        seed=7,
    )
    cli.main(flags_of(wanted))
    assert asked[0][0] == wanted


def test_flags_change_the_preset(asked):
    cli.main(["--env-id", "Tiny-v0", "--preset", "paper", "--size", "64"])
    cli.main(["--preset=paper", "--env-id=Tiny-v0", "--size=64"])
    cli.main(["--size", "64", "--env-id", "Tiny-v0", "--preset", "game"])
    cli.main(["--size", "64", "--env_id", "Tiny-v0"])
    names = ("paper", "paper", "game", "best")
    expected = [dataclasses.replace(preset(name, "Tiny-v0"), size=64) for name in names]
    assert [dataclasses.replace(config, name=None) for config, _ in asked] == expected
    cli.main(["--env_id", "Glimpse-MNIST-v0"])
    assert asked.pop()[0].plan, "of that id's own preset"
    folders = [config.name for config, _ in asked]
    assert folders == [f"Tiny-v0-learned-0{word}-size=64" for word in ("-paper", "-paper", "-game", "")]


def test_how_a_run_starts(asked):
    cli.main(["--resume"])
    cli.main(["--overwrite", "--tensorboard"])
    assert [how for _, how in asked] == [
        {"resume": True, "overwrite": False, "tensorboard": False},
        {"resume": False, "overwrite": True, "tensorboard": True},
    ]


def test_any_argument_of_the_environment(asked):
    typed = "--env.num-clutter 8 --env.noise 0.5 --env.initial-fixation center --env.scene_size=(60,72) --env.flag True"
    cli.main([*typed.split(), "--env.text=two words", "--env.low=-3", "--env.none", "None", "--seed", "3"])
    config, _ = asked[0]
    assert config.env == {
        "num_clutter": 8,
        "noise": 0.5,
        "initial_fixation": "center",
        "scene_size": (60, 72),
        "flag": True,
        "text": "two words",
        "low": -3,
        "none": None,
    }
    assert config.seed == 3
    assert config.env_arguments.items() >= config.env.items()


def test_an_argument_of_the_environment_arrives_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cli.main([*SHORT, "--env.scene-size", "(20, 24)", "--env.initial-fixation", "center"])
    _, config = weights.load(tmp_path / "runs" / "tiny", trust_module=True)
    assert config.env == {"scene_size": (20, 24), "initial_fixation": "center"}


def test_flags_are_shown_in_groups(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    groups = re.findall(r"(\w+) options", said)
    assert set(groups) == {"start", "task", "optimization", "run", "network", "looking", "credit"}, said
    assert groups[:2] == ["start", "task"]
    for flag in ("--preset", "--resume", "--overwrite", "--image-size", "--env.NAME", "evaluate,watch,name,export"):
        assert flag in said.replace("--env.num-clutter", "--env.NAME"), flag


@pytest.mark.parametrize("command", ["evaluate", "watch", "export"])
def test_every_command_explains_itself(command, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main([command, "--help"])
    assert ended.value.code == 0
    assert f"python -m agents.ram {command}" in capsys.readouterr().out


# What cannot be.


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tarin"], r"Unknown command 'tarin': use one of train, evaluate, watch, name, export"),
        (["--device", "gpu"], r"--device gpu is not on this machine: use auto, or one of cpu"),
        (["--num-threads", "0"], r"num_threads must be above 0, got 0"),
        (["--seed", str(2**63)], r"seed must be in \[0, 2\*\*63\)"),
        (["--env-id", "CartPole-v1"], r"CartPole-v1 .*GlimpseWrapper"),
        (["--env-id", "Nowhere-v0"], "Nowhere.* doesn't exist"),
        (["--env-id", "nowhere:Lamp-v0"], "No module named 'nowhere'"),
        (["--env-id", "Tiny-v0", "--env.patch-sizee", "4"], "patch_sizee"),
        (["--env-id", "LampBoth-v0"], r"plays a Discrete or a Box, not MultiDiscrete\(\[2 3\]\): wrap the environment"),
        (["--env-id", "LampUnseen-v0"], "LampUnseen-v0 has no glimpses.* register it with a GlimpseWrapper"),
        (["--env-id", "Tiny-v0", "--env.observe", "scene"], "Tiny-v0 has no glimpses.* or leave out observe='scene'"),
        (["--env-id", "Lamp-v0", "--preset", "paper"], "Lamp-v0 has no labels to learn from: use --preset game"),
        (["--env-id", "Glimpse-Catch-v0", "--preset", "paper"], "Glimpse-Catch-v0 has no labels to learn from"),
        (["--env-id", "Glimpse-MultiMNIST-v0", "--preset", "reward"], "Glimpse-MultiMNIST-v0 has no single answer at the end"),
        (["--env-id", "Lamp-v0", "--preset", "reward"], "Lamp-v0 has no single answer at the end: use --preset game"),
        (["--env-id", "Lamp-v0", "--canvas", "9"], "Lamp-v0 cannot be made with .*canvas"),
        (
            ["--env-id", "Lamp-v0", "--looking", "fixed"],
            "looking='fixed', looking='raster' and plan need a number of glimpses, and Lamp-v0 has none",
        ),
        (
            ["--env-id", "Glimpse-CircleSquareRelative-v0", "--looking", "raster"],
            "looking='raster' names places of the scene, but with location_mode='relative' a location is a move",
        ),
        (["--env.decide", "anytime"], "With decide='anytime', no label says when to look on: use --preset game"),
        (["--no-hybrid"], "Without hybrid, the action learns from the reward: use credit='reward'"),
        (["--env-id", "Tiny-v0", "--size", "90000"], r"makes a network of [\d,]+ parameters"),
        (["--resume", "--overwrite"], "--resume continues a run, --overwrite replaces it: give one"),
        (["--env.split", "test"], "env has split='test': leave it out"),
        (["export", "Glimpse-MNIST-v0", "agent.pt"], "agent.pt would be read as a checkpoint: choose another name"),
        (["--env-id", "Tiny-v0", "--resume"], "No checkpoint in .*: train first"),
        (["evaluate", "--weights", "Glimpse-Nothing-v0"], "No agent 'Glimpse-Nothing-v0'"),
        (["evaluate", "--weights", "x", "--num-threads", "0"], "--num-threads must be at least 1, got 0"),
        (["evaluate", "--weights", "x", "--seed", "-1"], "--seed must be at least 0, got -1"),
        (["watch", "--weights", "x", "--fps", "0"], r"--fps must be at least 0\.1, got 0"),
        (["watch", "--weights", "x", "--episodes", "-1"], "--episodes must be at least 1, got -1"),
        (["watch", "--weights", "Glimpse-Nothing-v0"], "No agent 'Glimpse-Nothing-v0'"),
        (["export", "nothing", "file"], "No agent 'nothing'"),
    ],
)
def test_what_cannot_be_is_told_in_a_line(refused, arguments, message):
    said = refused(*arguments)
    command = arguments[0] if not arguments[0].startswith("-") else "train"
    assert re.match(rf"agents.ram {command}: .*{message}", said), said
    assert "lambda" not in said


@pytest.mark.parametrize(
    "arguments",
    [["--sed", "3"], ["--seed", "three"], ["--core", "transformer"], ["--preset", "worst"], ["evaluate"], ["train", "extra"]],
)
def test_a_flag_that_is_none_is_told(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
    said = capsys.readouterr()
    assert "Traceback" not in said.out + said.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["../elsewhere", "/tmp/elsewhere", "a/../../b", "..", "a/b"])
def test_a_run_stays_in_its_folder(name, tmp_path, monkeypatch):
    place = tmp_path / "place"
    place.mkdir()
    monkeypatch.chdir(place)
    with pytest.raises(SystemExit, match="name"):
        cli.main([*SHORT[:-1], f"--name={name}"])
    assert [path.name for path in tmp_path.iterdir()] == ["place"]


@pytest.mark.parametrize("gif", ["x.mov", "x", "x.gif.png"])
def test_a_picture_that_would_not_be_what_its_name_says_is_refused(refused, gif):
    assert "must end with .gif or .mp4" in refused("watch", "--weights", "Glimpse-MNIST-v0", "--save", gif)


def test_a_folder_of_pictures_that_cannot_be_written_is_told_before_the_work(refused, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(evaluation, "report", lambda *_: pytest.fail("it worked"))
    assert "file" in refused("evaluate", "--weights", "Glimpse-MNIST-v0", "--figures", str(tmp_path / "file"))


# What a training tells.


def test_a_training_ends_with_its_report_and_the_next_commands(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    cli.main(SHORT)
    *_, figure, _, pictures, watch, evaluate = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"test error after 3 glimpses: [\d.]+ %", figure)
    assert "runs/tiny" in pictures
    commands = [line.split()[3:] for line in (watch, evaluate)]
    assert watch.split()[:3] == evaluate.split()[:3] == ["python", "-m", "agents.ram"]
    assert [command[0] for command in commands] == ["watch", "evaluate"]
    for command, more in zip(commands, (["--save=a.gif"], []), strict=True):
        cli.main([*command, *more])
    assert (tmp_path / "a.gif").stat().st_size > 1000
    assert figure in capsys.readouterr().out


@pytest.fixture
def photos(tmp_path):
    """Large photographs of two kinds, wider than high."""
    rng = np.random.default_rng(0)
    for n in range(30):
        place = tmp_path / "photos" / ("bright", "dark")[n % 2]
        place.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 100, (90, 160, 3)) + 100 * (n % 2 == 0)
        Image.fromarray(pixels.astype(np.uint8)).save(place / f"{n}.png")
    return tmp_path / "photos"


def test_large_photos_are_fitted_and_it_is_told(photos, asked, capsys):
    cli.main(["--env-id=Glimpse-MNIST-v0", f"--dataset={photos}"])
    said = capsys.readouterr().out
    assert asked[0][0].image_size == 64
    assert "Images of 160x90 pixels are scaled to fit 64x64; choose another size with --image-size." in said
    assert "bright" in said
    cli.main(["--env-id=Glimpse-MNIST-v0", f"--dataset={photos}", "--image-size=80"])
    assert asked[1][0].image_size == 80
    assert "fitted" not in capsys.readouterr().out


def test_small_photos_are_as_they_are(photos, asked, capsys):
    for path in photos.glob("*/*.png"):
        with Image.open(path) as picture:
            small = picture.resize((40, 30))
        small.save(path)
    cli.main(["--env-id=Glimpse-MNIST-v0", f"--dataset={photos}"])
    assert asked[0][0].image_size is None


def test_a_folder_alone_is_enough_and_starts_from_its_preset(photos, asked, capsys):
    cli.main([f"--dataset={photos}"])
    cli.main([f"--dataset={photos}", "--preset=best", "--env-id=Glimpse-MNIST-v0"])
    own, best = (config for config, _ in asked)
    expected = preset("photos", "Glimpse-MNIST-v0")
    assert own == dataclasses.replace(expected, dataset=str(photos), image_size=64, name="Glimpse-MNIST-v0-photos-learned-0")
    assert best.num_episodes == preset("best", "Glimpse-MNIST-v0").num_episodes
    said = capsys.readouterr().out
    assert f"{expected.num_episodes:,} episodes of Glimpse-MNIST-v0, from the preset 'photos', into runs/" in said


FLAGS = "--num-glimpses=2 --num-episodes=128 --num-validations=1 --hidden-size=8 --size=8 --canvas=None --image-size=20"


def test_photos_are_learned(photos, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    cli.main(["--env-id=Glimpse-MNIST-v0", f"--dataset={photos}", *FLAGS.split()])
    (run,) = (tmp_path / "runs").iterdir()
    assert run.name.startswith("Glimpse-MNIST-v0-photos-learned-0-")
    assert "image_size=20" in run.name
    model, config = weights.load(run)
    assert config.dataset == str(photos)
    assert model.heads.action.out_features == 2


def test_an_agent_of_photos_that_changed_or_are_gone_says_so(photos, tmp_path, monkeypatch, refused):
    monkeypatch.chdir(tmp_path)
    train = [f"--dataset={photos}", "--name=own", *FLAGS.split()]
    cli.main(train)
    _, config = weights.load("runs/own")  # without a warning, which would be an error
    (photos / "bright" / "0.png").rename(photos / "bright" / "00.png")
    with pytest.warns(UserWarning, match="photos is not as it was when runs/own was trained"):
        weights.load("runs/own")
    assert re.search("The images of .*photos have changed since runs/own began", refused(*train, "--resume"))
    assert config.images


def test_an_agent_whose_photos_are_gone_still_names_others(photos, tmp_path, monkeypatch, refused, capsys):
    monkeypatch.chdir(tmp_path)
    cli.main([f"--dataset={photos}", "--name=own", *FLAGS.split()])
    cli.main(["export", "runs/own", "own.safetensors"])
    name = ["name", *map(str, sorted((photos / "bright").iterdir())[:3])]
    capsys.readouterr()
    cli.main([*name, "--weights=own.safetensors"])
    away, told = photos.rename(tmp_path / "away"), capsys.readouterr().out
    cli.main([*(path.replace(str(photos), str(away)) for path in name), "--weights=own.safetensors"])
    assert told.count(" %") == 6
    assert capsys.readouterr().out == told.replace(str(photos), str(away))
    assert weights.load_policy("own.safetensors").action_space.n == 2
    for command in ("evaluate", "watch"):
        assert re.search(
            "photos, the folder of the images .* is not here: bring it back", refused(command, "--weights=runs/own")
        )


def test_a_run_that_is_overwritten_leaves_no_pictures(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cli.main(SHORT)
    (tmp_path / "runs/tiny/confusion.png").write_text("of the older run")
    cli.main([*SHORT, "--overwrite"])
    assert not (tmp_path / "runs/tiny/confusion.png").exists()


def test_photos_that_cannot_be_trained_on_are_refused_before_the_training(photos, tmp_path, monkeypatch, refused):
    monkeypatch.setattr(ram, "train_step", lambda *_: pytest.fail("it trained"))
    (tmp_path / "one").mkdir()
    photos.rename(tmp_path / "one" / "photos")
    assert "There is one class alone, 'photos'" in refused("--dataset=one")
    (tmp_path / "one" / "photos").rename(photos)
    measured = load_dataset(photos, "test")
    spoilt = pathlib.Path(measured.items.name(int(measured.members[-1])))
    spoilt.write_bytes(spoilt.read_bytes()[:100])
    assert f"{spoilt} cannot be read as an image" in refused(f"--dataset={photos}")
    monkeypatch.chdir(photos)
    assert "The run would be written among the images of .: train from another folder" in refused("--dataset=.")


def test_a_name_of_a_dataset_is_not_a_folder_of_that_name(photos, tmp_path, asked):
    photos.rename(tmp_path / "mnist")
    cli.main(["--dataset=mnist", "--env-id=Glimpse-MNIST-v0"])
    cli.main(["--dataset=./mnist"])
    assert [config.num_glimpses for config, _ in asked] == [None, 5]


def test_a_name_in_another_script_is_printed_whatever_the_terminal_knows(tmp_path):
    paths = f"{ROOT}{os.pathsep}{pathlib.Path(__file__).parent}"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": paths, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    command = [sys.executable, "-m", "undrawn_ram", *SHORT[:-1], "--name=фото-写真"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert b"test error after 3 glimpses" in done.stdout
    assert b"????-??" in done.stdout
    assert checkpoints.exist(tmp_path / "runs" / "фото-写真")
