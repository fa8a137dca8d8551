"""Save and load a run so that nothing is lost: the last two checkpoints are kept, each whole."""

import dataclasses
import io
import os
import pathlib
import stat
import sys
import types
import typing
import zipfile
from typing import Any, TypeVar

import torch

from agents import files
from agents.config import TrainingConfig

NEWEST, OLDER = "checkpoint.pt", "checkpoint.previous.pt"
FORMAT = 2
"""The number of the layout of a checkpoint; another one is refused."""
_MOST_BYTES = 2**31

_C = TypeVar("_C", bound=TrainingConfig)


def save(folder: pathlib.Path, content: dict[str, Any]) -> None:
    """Write a checkpoint, and keep the one before it; one that is damaged takes no good one's place.

    Args:
        folder: of the run.
        content: tensors, numbers, strings, and dicts and lists of them.

    Raises:
        OSError: the disk is full or not writable; the older checkpoints stand.
    """
    buffer = io.BytesIO()
    torch.save({**content, "format": FORMAT}, buffer)
    newest = folder / NEWEST
    if newest.exists():
        older = newest.read_bytes()
        if _parsed(older) is not None:
            files.write(folder / OLDER, older)
    files.write(newest, buffer.getvalue())


def load(folder: pathlib.Path, tell: bool = True) -> dict[str, Any]:
    """Read the newest checkpoint of a run that is whole; no code in it is run.

    Args:
        folder: of the run.
        tell: say so on stderr, if it is not the newest.

    Raises:
        FileNotFoundError: there is none.
        ValueError: what there is is damaged, or no checkpoint of this version.
    """
    faults = []
    for path in (folder / NEWEST, folder / OLDER):
        try:
            content = read(path)
        except (FileNotFoundError, ValueError) as error:
            faults.append(str(error))
        else:
            if faults and tell:
                print(f"{faults[0]} {path} is used instead, saved after update {content['update']}.", file=sys.stderr)
            return content
    if not exist(folder):
        raise FileNotFoundError(f"No checkpoint in {folder}: train first.")
    raise ValueError(f"{' '.join(faults)} Remove what is damaged, and train anew.")


def read(path: pathlib.Path) -> dict[str, Any]:
    """Read one checkpoint; no code in it is run.

    Raises:
        FileNotFoundError: it is not there.
        ValueError: it is damaged, or no checkpoint of this version.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} is not there.")
    if not stat.S_ISREG(path.stat().st_mode):  # a pipe would keep it waiting
        raise ValueError(f"{path} is no file.")
    if path.stat().st_size > _MOST_BYTES or (content := _parsed(path.read_bytes())) is None:
        raise ValueError(f"{path} is damaged, or no checkpoint of this project.")
    if content.get("format") != FORMAT:
        raise ValueError(
            f"{path} is of another version of this project (format {content.get('format', 1)}, this is {FORMAT}): train anew, "
            "or use it with that version."
        )
    return content


def exist(folder: pathlib.Path) -> bool:
    """Whether a run has a checkpoint to go on from."""
    return any((folder / name).exists() for name in (NEWEST, OLDER))


def config_of(kind: type[_C], saved: Any, source: str | os.PathLike[str]) -> _C:
    """Make a config of what was saved of one: a field that is younger than it has its default.

    Args:
        kind: of config.
        saved: its fields.
        source: the file that holds it.

    Raises:
        ValueError: it has fields that are unknown here, or values that no config has.
    """
    if not isinstance(saved, dict):
        raise ValueError(f"{source} holds no {kind.__name__}: {saved!r} is no table of fields.")
    fields = {field.name: field for field in dataclasses.fields(kind)}
    if unknown := sorted(saved.keys() - fields.keys()):
        raise ValueError(
            f"{source} is of another version or kind of training: {', '.join(unknown)} is no field of {kind.__name__}."
        )
    hints = typing.get_type_hints(kind)
    if wrong := [f"{name}={value!r}" for name, value in saved.items() if not _fits(value, hints[name])]:
        raise ValueError(f"{source} holds no {kind.__name__}: it cannot have {', '.join(wrong)}.")
    try:
        return kind(**saved)
    except ValueError as error:
        raise ValueError(f"{source} holds no {kind.__name__}: {error}") from error


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value is of the type of a config's field."""
    origin, kinds = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return value in kinds
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, kind) for kind in kinds)
    return isinstance(value, (int, float) if hint is float else origin or hint)


def _parsed(data: bytes) -> dict[str, Any] | None:
    """What a checkpoint's bytes hold; None where they are damaged or something else."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
                return None  # what torch writes is not compressed: it costs no more memory than it has bytes
            if archive.testzip() is not None:  # a checksum does not hold, which torch would not notice
                return None
        content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception:
        return None
    ours = isinstance(content, dict) and {"config", "update", "model", "optimizer"} <= content.keys()
    return content if ours else None
