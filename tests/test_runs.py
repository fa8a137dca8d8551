"""A run belongs to one process, is never lost without a word, goes on elsewhere, and stops when it diverges."""

import dataclasses
import json
import os
import pathlib
import subprocess
import sys

import pytest
import tiny_task  # noqa: F401
import torch
from tiny_runs import TINY, stopped_after, weights_of

from agents import checkpoints, cli, files, parallel, ram, reinforce, training, weights
from agents.config import CIRCUMSTANCES

pytestmark = pytest.mark.usefixtures("undrawn")
ROOT = pathlib.Path(ram.__file__).parents[1]
SHORT = dataclasses.replace(TINY, num_episodes=64, num_validations=1)
LEAVES = ("config.json", "metrics.csv", "checkpoint.pt", "results.json")


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".lock"}


# Owned.


@pytest.mark.parametrize("seed", [0, 1])
def test_a_second_run_of_the_name_is_refused_and_nothing_is_touched(tmp_path, seed):
    ram.train(SHORT, runs=tmp_path)
    before = contents(tmp_path / "tiny")
    assert set(LEAVES) <= before.keys()
    with pytest.raises(FileExistsError, match=r"tiny contains a run: .*--resume.*--overwrite.*--name"):
        ram.train(dataclasses.replace(SHORT, seed=seed), runs=tmp_path)
    assert contents(tmp_path / "tiny") == before


@pytest.mark.parametrize("left", ["config.json", checkpoints.NEWEST, checkpoints.OLDER])
def test_whatever_is_left_of_a_run_is_one(tmp_path, left):
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / left).write_text("something")
    with pytest.raises(FileExistsError, match="contains a run"):
        ram.train(SHORT, runs=tmp_path)
    assert (folder / left).read_text() == "something"


def test_an_overwritten_run_leaves_nothing_behind(tmp_path, monkeypatch):
    ram.train(SHORT, runs=tmp_path)
    other = dataclasses.replace(SHORT, seed=5)
    with monkeypatch.context() as patch:
        patch.setattr(ram, "train_step", lambda *_: pytest.fail("no update"))
        with pytest.raises(pytest.fail.Exception):
            ram.train(other, overwrite=True, runs=tmp_path)
    assert contents(tmp_path / "tiny").keys() == {"config.json"}, "no checkpoint, no result of the other run"
    result = ram.train(other, overwrite=True, runs=tmp_path)
    fresh = ram.train(other, runs=tmp_path / "fresh")
    assert weights_of(result.policy.model).equal(weights_of(fresh.policy.model))
    assert json.loads((tmp_path / "tiny" / "config.json").read_text())["seed"] == 5


def test_a_folder_of_something_else_is_no_run(tmp_path):
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "notes.txt").write_text("mine")
    ram.train(SHORT, runs=tmp_path)
    assert (tmp_path / "tiny" / "notes.txt").read_text() == "mine"


def test_nothing_to_resume_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"No checkpoint in .*tiny: train first"):
        ram.train(SHORT, resume=True, runs=tmp_path)


OWNER = """
import pathlib, sys
from agents import files
with files.own(pathlib.Path(sys.argv[1])):
    print("mine", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("how", ["fresh", "resume", "overwrite"])
def test_two_processes_do_not_train_in_one_folder(tmp_path, monkeypatch, how):
    folder = tmp_path / "tiny"
    if how != "fresh":
        stopped_after(1, monkeypatch, tmp_path, SHORT)
    before = contents(folder) if how != "fresh" else {}
    command = [sys.executable, "-c", OWNER, str(folder)]
    other = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "mine\n"
        with pytest.raises(OSError, match=r"Another process trains in .*tiny: wait for it, or choose another --name"):
            ram.train(SHORT, resume=how == "resume", overwrite=how == "overwrite", runs=tmp_path)
        assert contents(folder) == before
    finally:
        other.kill()  # as by kill -9: the lock goes with the process
        other.communicate()
    ram.train(SHORT, resume=how == "resume", overwrite=how == "overwrite", runs=tmp_path)


def test_a_folder_is_given_back_at_the_end_whatever_happened(tmp_path):
    with files.own(tmp_path), pytest.raises(OSError, match="Another process"), files.own(tmp_path):
        pass
    kept = files.own(tmp_path)
    with pytest.raises(KeyError), kept:
        raise KeyError
    with files.own(tmp_path):  # though the other one still has a name
        pass
    del kept


def test_temporary_names_are_never_shared(tmp_path, monkeypatch):
    seen, replace = [], os.replace
    monkeypatch.setattr(os, "replace", lambda source, target: (seen.append(str(source)), replace(source, target)))
    for n in range(20):
        files.write(tmp_path / "results.json", str(n))
    assert len(set(seen)) == 20
    assert {pathlib.Path(name).parent for name in seen} == {tmp_path}, "where a rename is atomic"
    assert contents(tmp_path) == {"results.json": b"19"}


def test_a_file_is_as_readable_as_any_other(tmp_path):
    (tmp_path / "plain").write_text("")
    files.write(tmp_path / "ours", "")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "plain").stat().st_mode


# Resumed elsewhere.

ELSEWHERE = {
    "num_threads": 2,
    "device": "cpu",
    "num_validations": 5,
    "num_test_episodes": 7,
    "evaluated_on": "validation",
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_run_resumes_in_other_circumstances(tmp_path, monkeypatch, capsys, name):
    stopped_after(7, monkeypatch, tmp_path)
    changed = dataclasses.replace(TINY, **{name: ELSEWHERE[name]})
    result = ram.train(changed, resume=True, runs=tmp_path)
    said = capsys.readouterr().err
    assert (f"{name} changed: the last digits of the results may differ." in said) == (name in ("num_threads", "device"))
    assert weights_of(result.policy.model).isfinite().all()
    assert checkpoints.load(tmp_path / "tiny")["config"] == dataclasses.asdict(changed)


def test_a_run_resumes_under_another_name(tmp_path, monkeypatch):
    whole = ram.train(TINY, runs=tmp_path / "whole")
    stopped_after(7, monkeypatch, tmp_path)
    (tmp_path / "tiny").rename(tmp_path / "moved")
    resumed = ram.train(dataclasses.replace(TINY, name="moved"), resume=True, runs=tmp_path)
    assert weights_of(resumed.policy.model).equal(weights_of(whole.policy.model))


OTHERS = {
    "learning_rate": 0.25,
    "seed": 1,
    "num_episodes": 640,
    "batch_size": 16,
    "size": 8,
    "env": {"scene_size": 20},
    "max_steps": 7,
    "gamma": 0.5,
    "precision": "bfloat16",
    "split": "train+validation",
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_changes_the_result_is_refused(tmp_path, monkeypatch, name):
    assert name not in CIRCUMSTANCES
    if name == "split":  # of images that have such a split
        monkeypatch.setattr(ram.environments, "make_envs", _of_train(ram.environments.make_envs))
    stopped_after(2, monkeypatch, tmp_path)
    before = contents(tmp_path / "tiny")
    with pytest.raises(ValueError, match=rf"has another config: {name} was .* and is .*another --name"):
        ram.train(dataclasses.replace(TINY, **{name: OTHERS[name]}), resume=True, runs=tmp_path)
    assert contents(tmp_path / "tiny") == before


def _of_train(make_envs):
    return lambda config, num_envs, split, **arguments: make_envs(config, num_envs, split.partition("+")[0], **arguments)


def test_circumstances_are_named():
    assert set(CIRCUMSTANCES) == {"name", *ELSEWHERE}


def test_a_device_that_is_not_there_is_refused():
    assert parallel.device_of("cpu") == torch.device("cpu")
    assert parallel.device_of("auto").type in ("cpu", "cuda")
    for name in ("gpu", "cuda:99", "tpu", ""):
        with pytest.raises(ValueError, match=rf"--device {name} is not on this machine: use auto, or one of cpu"):
            parallel.device_of(name)


# Divergence.


def finite(folder):
    """Whether all that a run has saved is finite."""
    found = [path for name in (checkpoints.NEWEST, checkpoints.OLDER) if (path := folder / name).exists()]
    return all(tensor.isfinite().all() for path in found for tensor in checkpoints.read(path)["model"].values())


def test_a_loss_that_is_no_number_stops_the_run(tmp_path, monkeypatch):
    class_losses, calls = reinforce.class_losses, []

    def poisoned(*arguments):
        calls.append(0)
        return class_losses(*arguments) * (float("nan") if len(calls) == 8 else 1)

    with monkeypatch.context() as patch:
        patch.setattr(reinforce, "class_losses", poisoned)
        with pytest.raises(ValueError, match=r"The training diverged at update 7: \w+ is nan. Lower --learning-rate"):
            ram.train(TINY, runs=tmp_path)
    folder = tmp_path / "tiny"
    assert finite(folder)
    assert checkpoints.load(folder)["update"] == 5
    assert not (folder / "results.json").exists()
    whole, resumed = ram.train(TINY, runs=tmp_path / "whole"), ram.train(TINY, resume=True, runs=tmp_path)
    assert weights_of(resumed.policy.model).equal(weights_of(whole.policy.model)), "a run goes on from before it"


@pytest.mark.parametrize("rate", [1e18, 1e30, 1e38, 3e38])
@pytest.mark.parametrize("num_validations", [1, 10])
def test_a_rate_that_is_much_too_high_leaves_no_weights_that_are_not_finite(tmp_path, rate, num_validations):
    config = dataclasses.replace(TINY, learning_rate=rate, num_validations=num_validations)
    with pytest.raises(ValueError, match=r"The training diverged at update \d+: [\w.' ]+ is (nan|inf|-inf|not finite)\. Lower"):
        ram.train(config, runs=tmp_path)
    assert finite(tmp_path / "tiny")
    assert not (tmp_path / "tiny" / "results.json").exists()


def test_the_quantity_is_named():
    training.check_finite({"error": 3.0, "action": 0.0}, 5)
    for value in ("nan", "inf", "-inf"):
        with pytest.raises(ValueError, match=rf"diverged at update 5: action is {value}\."):
            training.check_finite({"error": 3.0, "action": float(value)}, 5)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e6])
def test_weights_that_are_not_finite_are_never_published(tmp_path, value):
    model = ram.prepare(TINY)
    with torch.no_grad():
        next(model.heads.action.parameters())[0, 0] = value  # 1e6 is none in half precision
    with pytest.raises(ValueError, match=r"heads.action.weight is not finite in half precision"):
        weights.save(tmp_path / "agent.safetensors", model, TINY)
    assert list(tmp_path.iterdir()) == []


def test_divergence_is_a_line_at_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=r"^agents.ram train: The training diverged at update \d+: .*$"):
        cli.main(["--env-id=tiny_task:Tiny-v0", "--batch-size=8", "--num-episodes=320", "--learning-rate=1e30"])
