"""What a run leaves is whole: after a crash, on a full disk, and in the place of a checkpoint that is damaged or foreign."""

import csv
import dataclasses
import errno
import io
import os
import pathlib
import pickle
import random
import tracemalloc
import zipfile

import pytest
import tiny_task  # noqa: F401
import torch
from tiny_runs import TINY, flags_of, stopped_after, weights_of

from agents import checkpoints, cli, figures, files, ram, training, weights
from agents.config import Config

pytestmark = pytest.mark.usefixtures("undrawn")


def content(update):
    return {"config": {}, "update": update, "model": {"w": torch.arange(50.0) + update}, "optimizer": {}}


def updates(folder):
    """Which checkpoints there are, by number, the newest first."""
    paths = [folder / name for name in (checkpoints.NEWEST, checkpoints.OLDER)]
    return [torch.load(path, weights_only=True)["update"] for path in paths if path.exists()]


class Unwelcome:
    """A pickle that does something when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


# Writing.


def test_the_last_two_checkpoints_are_kept(tmp_path):
    for update in (1, 2, 3):
        checkpoints.save(tmp_path, content(update))
    assert updates(tmp_path) == [3, 2]
    assert checkpoints.load(tmp_path)["model"]["w"].equal(content(3)["model"]["w"])
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("crash", range(6))
def test_a_crash_at_any_step_of_a_save_leaves_two_checkpoints(tmp_path, monkeypatch, crash):
    checkpoints.save(tmp_path, content(1))
    checkpoints.save(tmp_path, content(2))
    steps = iter(range(100))

    class Crash(BaseException):
        pass

    def dies(call):
        def called(*arguments):
            if next(steps) == crash:
                raise Crash
            return call(*arguments)

        return called

    for name in ("fsync", "replace"):  # of two files and, after each, their folder: 6 steps
        monkeypatch.setattr(os, name, dies(getattr(os, name)))
    monkeypatch.setattr(pathlib.Path, "unlink", lambda *_, **__: None)  # nothing is tidied up after kill -9
    with pytest.raises(Crash):
        checkpoints.save(tmp_path, content(3))
    monkeypatch.undo()
    assert updates(tmp_path) == ([3, 2] if crash == 5 else [2, 1] if crash < 2 else [2, 2])
    checkpoints.save(tmp_path, content(4))
    assert updates(tmp_path) == [4, 3 if crash == 5 else 2]
    assert len([path for path in tmp_path.iterdir() if path.suffix != ".partial"]) == 2


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch):
    checkpoints.save(tmp_path, content(1))
    path = tmp_path / "metrics.csv"
    files.write(path, "old")
    monkeypatch.setattr(os, "fsync", lambda descriptor: os.write(os.open("/dev/full", os.O_WRONLY), b"x"))
    for write in (lambda: checkpoints.save(tmp_path, content(2)), lambda: files.write(path, "new")):
        with pytest.raises(OSError, match=r"cannot be written \(No space left on device\): make room"):
            write()
    monkeypatch.undo()
    assert updates(tmp_path) == [1]
    assert path.read_text() == "old"


def test_a_save_that_fails_on_its_content_leaves_the_older_one(tmp_path):
    checkpoints.save(tmp_path, content(1))
    with pytest.raises(Exception, match="pickle"):
        checkpoints.save(tmp_path, {**content(2), "model": lambda: None})
    assert updates(tmp_path) == [1]


def test_figures_and_weights_are_written_in_one_go(tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    wrote = []
    monkeypatch.setattr(files, "write", lambda path, content: wrote.append((path.name, content[:5])))
    figures.save(Figure(), tmp_path / "curve.png")
    figures.save(Figure(), tmp_path / "curve.pdf")
    weights.save(tmp_path / "agent.safetensors", torch.nn.Linear(2, 2), TINY)
    assert [name for name, _ in wrote] == ["curve.png", "curve.pdf", "agent.safetensors"]
    assert [start[1:4] for _, start in wrote[:2]] == [b"PNG", b"PDF"]
    assert not list(tmp_path.iterdir())


# Reading.


def foreign(name, tmp_path, good):
    """Bytes that are no checkpoint of ours."""
    mine, archive = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("archive/readme.txt", "hello")
    torch.save({**content(1), "model": Unwelcome(tmp_path / "executed")}, mine)
    other = io.BytesIO()
    torch.save({"state_dict": {}}, other)
    return {
        "cut": good[:1000],
        "cut at its end": good[:-1],
        "empty": b"",
        "text": b"hello",
        "zip": archive.getvalue(),
        "pickle": pickle.dumps(Unwelcome(tmp_path / "executed")),
        "code": mine.getvalue(),
        "other": other.getvalue(),
    }[name]


@pytest.mark.parametrize("name", ["cut", "cut at its end", "empty", "text", "zip", "pickle", "code", "other"])
def test_a_damaged_or_foreign_checkpoint_gives_way_to_the_older_one(tmp_path, capsys, name):
    checkpoints.save(tmp_path, content(1))
    checkpoints.save(tmp_path, content(2))
    newest, older = tmp_path / checkpoints.NEWEST, tmp_path / checkpoints.OLDER
    newest.write_bytes(foreign(name, tmp_path, newest.read_bytes()))
    assert checkpoints.load(tmp_path)["update"] == 1
    said = f"{newest} is damaged, or not a checkpoint of this project. {older} is used instead, saved after update 1.\n"
    assert capsys.readouterr().err == said
    checkpoints.save(tmp_path, content(3))
    assert updates(tmp_path) == [3, 1], "a damaged one takes no good one's place"
    assert not (tmp_path / "executed").exists()

    newest.write_bytes(foreign(name, tmp_path, newest.read_bytes()))
    older.unlink()
    with pytest.raises(ValueError, match=r"checkpoint.pt is damaged.*previous.pt does not exist. Remove the damaged files"):
        checkpoints.load(tmp_path)


def test_any_changed_byte_is_noticed_or_does_no_harm(tmp_path):
    checkpoints.save(tmp_path, content(1))
    path, good = tmp_path / checkpoints.NEWEST, content(1)["model"]["w"]
    whole, rng, noticed = path.read_bytes(), random.Random(0), 0
    for _ in range(300):
        data = bytearray(whole)
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        path.write_bytes(data)
        try:
            loaded = checkpoints.load(tmp_path)
        except ValueError:
            noticed += 1
        else:  # the gaps that align tensors, or a date
            assert loaded["model"]["w"].equal(good)
            assert loaded["update"] == 1
    assert noticed > 150


def test_a_checkpoint_that_is_missing_gives_way_too(tmp_path, capsys):
    checkpoints.save(tmp_path, content(1))
    checkpoints.save(tmp_path, content(2))
    (tmp_path / checkpoints.NEWEST).unlink()
    assert checkpoints.load(tmp_path, tell=False)["update"] == 1
    assert capsys.readouterr().err == ""
    assert checkpoints.exist(tmp_path)
    assert not checkpoints.exist(tmp_path / "nowhere")


def saved_as(tmp_path, **changes):
    """A checkpoint that says other things of itself."""
    whole = checkpoints.FORMAT
    path = tmp_path / checkpoints.NEWEST
    torch.save({**content(1), "format": whole, **changes}, path)
    return path


@pytest.mark.parametrize("number", [1, 3, "2", None])
def test_another_layout_is_refused_by_its_number(tmp_path, number):
    with pytest.raises(ValueError, match=rf"has format {number}, but this version reads format 2: train again"):
        checkpoints.read(saved_as(tmp_path, format=number))
    assert checkpoints.read(saved_as(tmp_path))["update"] == 1


def test_an_older_layout_has_no_number(tmp_path):
    torch.save(content(1), tmp_path / checkpoints.NEWEST)
    with pytest.raises(ValueError, match="has format 1, but this version reads format 2"):
        checkpoints.load(tmp_path)


def test_what_is_no_file_keeps_nobody_waiting(tmp_path):
    path = tmp_path / checkpoints.NEWEST
    os.mkfifo(path)
    with pytest.raises(ValueError, match=r"checkpoint.pt is not a file"):
        checkpoints.load(tmp_path)
    for other in (checkpoints.read, weights.load):
        with pytest.raises(ValueError, match=r"checkpoint.pt is not a file"):
            other(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(ValueError, match=r"checkpoint.pt is not a file"):
        checkpoints.read(path)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        checkpoints.read(tmp_path / "nowhere.pt")


def test_a_compressed_checkpoint_is_not_unpacked(tmp_path):
    plain = io.BytesIO()
    torch.save({**content(1), "format": checkpoints.FORMAT, "model": {"w": torch.zeros(12_500_000)}}, plain)
    path = tmp_path / checkpoints.NEWEST
    with zipfile.ZipFile(plain) as archive, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for entry in archive.infolist():
            packed.writestr(entry.filename, archive.read(entry))
    del plain
    assert path.stat().st_size < 100_000, "which unpacks to 50 MB"
    tracemalloc.start()
    with pytest.raises(ValueError, match="is damaged, or not a checkpoint"):
        checkpoints.read(path)
    assert tracemalloc.get_traced_memory()[1] < 5e6
    tracemalloc.stop()


# Going on.


def test_a_run_goes_on_from_the_older_checkpoint_to_the_same_end(tmp_path, monkeypatch, capsys):
    whole = ram.train(TINY, runs=tmp_path / "whole")
    stopped_after(7, monkeypatch, tmp_path)
    assert updates(tmp_path / "tiny") == [7, 5]
    newest = tmp_path / "tiny" / checkpoints.NEWEST
    newest.write_bytes(newest.read_bytes()[:-9])
    resumed = ram.train(TINY, resume=True, runs=tmp_path)
    assert "checkpoint.previous.pt is used instead, saved after update 5." in capsys.readouterr().err
    assert weights_of(resumed.policy.model).equal(weights_of(whole.policy.model))


def test_metrics_go_on_within_an_interval_as_if_never_stopped(tmp_path, monkeypatch):
    ram.train(TINY, runs=tmp_path / "whole")
    stopped_after(7, monkeypatch, tmp_path)
    (tmp_path / "tiny" / "metrics.csv").write_text("of something else")
    ram.train(TINY, resume=True, runs=tmp_path)
    one, other = (
        list(csv.DictReader((folder / "tiny" / "metrics.csv").read_text().splitlines()))
        for folder in (tmp_path / "whole", tmp_path)
    )
    for row in (*one, *other):
        row.pop("seconds")
    assert len(one) == 2
    assert one == other


def test_a_checkpoint_comes_each_minute_too(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "_SAVED_EVERY", 0.0)
    saved = []
    save = checkpoints.save
    monkeypatch.setattr(checkpoints, "save", lambda folder, state: (saved.append(state["update"]), save(folder, state)))
    ram.train(TINY, runs=tmp_path)
    assert saved == list(range(1, 11))


def test_an_older_run_lacks_a_field_that_had_its_default(tmp_path, monkeypatch):
    stopped_after(7, monkeypatch, tmp_path)
    folder = tmp_path / "tiny"
    older = checkpoints.load(folder)
    del older["config"]["max_steps"]
    checkpoints.save(folder, older)
    with pytest.raises(ValueError, match=r"max_steps was 1000 and is 7. Give the same flags"):
        ram.train(dataclasses.replace(TINY, max_steps=7), resume=True, runs=tmp_path)
    assert ram.train(TINY, resume=True, runs=tmp_path).scores
    assert checkpoints.load(folder)["config"] == dataclasses.asdict(TINY)


def test_a_config_of_another_version_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"here.json is from another version or kind of training: Config has no field colour"):
        checkpoints.config_of(Config, {"colour": 1}, pathlib.Path("here.json"))
    for saved in ({"size": "large"}, {"env_id": None, "seed": [1]}, {"batch_size": {}}, [], 3, None, "text", [["size", 3]]):
        with pytest.raises(ValueError, match=r"here.json contains no Config"):
            checkpoints.config_of(Config, saved, pathlib.Path("here.json"))


# At the command line: one line, no traceback, and the checkpoints as they were.


def refused(monkeypatch, folder, *flags):
    """What `python -m agents.ram` ends with."""
    monkeypatch.chdir(folder)
    before = [path.read_bytes() for path in sorted((folder / "runs").glob("*/checkpoint*"))]
    with pytest.raises(SystemExit) as ended:
        cli.main([*flags_of(), *flags])
    assert before == [path.read_bytes() for path in sorted((folder / "runs").glob("*/checkpoint*"))]
    assert isinstance(ended.value.code, str), "which Python prints, and exits with 1"
    assert "\n" not in ended.value.code
    assert ended.value.code.startswith("agents.ram train: ")
    return ended.value.code


def test_errors_of_a_run_are_one_line(tmp_path, monkeypatch):
    assert "No checkpoint in runs/tiny: train first" in refused(monkeypatch, tmp_path, "--resume")
    stopped_after(7, monkeypatch, tmp_path / "runs")
    said = refused(monkeypatch, tmp_path, "--resume", "--learning-rate=0.25")
    assert "learning_rate was 0.0014 and is 0.25. Give the same flags, or another --name." in said

    state = checkpoints.load(tmp_path / "runs" / "tiny")
    for name, damage in {
        "model": {"other": torch.zeros(3)},
        "optimizer": {"state": {}, "param_groups": []},
        "metrics": {},
    }.items():
        checkpoints.save(tmp_path / "runs" / "tiny", {**state, name: damage})
        assert "has a checkpoint of another version" in refused(monkeypatch, tmp_path, "--resume")
    checkpoints.save(tmp_path / "runs" / "tiny", {**state, "config": {"network": "conv"}})
    assert "Config has no field network" in refused(monkeypatch, tmp_path, "--resume")

    for name in (checkpoints.NEWEST, checkpoints.OLDER):
        (tmp_path / "runs" / "tiny" / name).write_text("hello")
    assert "checkpoint.pt is damaged" in refused(monkeypatch, tmp_path, "--resume")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_disk_that_fails_in_the_course_of_a_run_ends_it_with_one_line(tmp_path, monkeypatch, number):
    stopped_after(7, monkeypatch, tmp_path / "runs")

    def fails(descriptor):
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fails)
        assert f"cannot be written ({os.strerror(number)})" in refused(patch, tmp_path, "--resume")
    assert not list((tmp_path / "runs" / "tiny").glob("*.partial"))
    assert ram.train(TINY, resume=True, runs=tmp_path / "runs").scores


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path, monkeypatch):
    (tmp_path / "runs").write_text("a file")
    assert "runs/tiny cannot be written (" in refused(monkeypatch, tmp_path)
