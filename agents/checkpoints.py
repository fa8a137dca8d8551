"""Save and load the checkpoints of a run; the folder keeps the last two."""

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
"""The version of a checkpoint's layout; other versions are refused."""
_MOST_BYTES = 2**31

_C = TypeVar("_C", bound=TrainingConfig)


def save(folder: pathlib.Path, content: dict[str, Any]) -> None:
    """Write a checkpoint, and keep the previous one, unless it is damaged.

    Args:
        folder: the folder of the run.
        content: tensors, numbers, strings, and dicts and lists of them.

    Raises:
        OSError: the disk is full or not writable; the older checkpoints are unchanged.
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
    """Read the newest undamaged checkpoint of a run, without running code from it.

    Args:
        folder: the folder of the run.
        tell: whether to report on stderr that the newest one is damaged.

    Raises:
        FileNotFoundError: there is no checkpoint.
        ValueError: all checkpoints are damaged or of another version.
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
    raise ValueError(f"{' '.join(faults)} Remove the damaged files, and train again.")


def read(path: pathlib.Path) -> dict[str, Any]:
    """Read one checkpoint, without running code from it.

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: the file is damaged, or not a checkpoint of this version.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist.")
    if not stat.S_ISREG(path.stat().st_mode):  # reading a pipe would hang
        raise ValueError(f"{path} is not a file.")
    if path.stat().st_size > _MOST_BYTES or (content := _parsed(path.read_bytes())) is None:
        raise ValueError(f"{path} is damaged, or not a checkpoint of this project.")
    if content.get("format") != FORMAT:
        raise ValueError(
            f"{path} has format {content.get('format', 1)}, but this version reads format {FORMAT}: train again, or use the "
            "version that wrote it."
        )
    return content


def exist(folder: pathlib.Path) -> bool:
    """Whether a run has a checkpoint."""
    return any((folder / name).exists() for name in (NEWEST, OLDER))


def config_of(kind: type[_C], saved: Any, source: str | os.PathLike[str]) -> _C:
    """Make a config from saved fields; missing fields, newer than the file, get their defaults.

    Args:
        kind: the class of the config.
        saved: the saved fields.
        source: the file that contains them.

    Raises:
        ValueError: a field is unknown, or has a bad value.
    """
    if not isinstance(saved, dict):
        raise ValueError(f"{source} contains no {kind.__name__}: {saved!r} is not a dict of fields.")
    fields = {field.name: field for field in dataclasses.fields(kind)}
    if unknown := sorted(saved.keys() - fields.keys()):
        raise ValueError(
            f"{source} is from another version or kind of training: {kind.__name__} has no field {', '.join(unknown)}."
        )
    hints = typing.get_type_hints(kind)
    if wrong := [f"{name}={value!r}" for name, value in saved.items() if not _fits(value, hints[name])]:
        raise ValueError(f"{source} contains no {kind.__name__}: it cannot have {', '.join(wrong)}.")
    try:
        return kind(**saved)
    except ValueError as error:
        raise ValueError(f"{source} contains no {kind.__name__}: {error}") from error


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value has the type of a config's field."""
    origin, kinds = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return value in kinds
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, kind) for kind in kinds)
    if origin is tuple:  # a list in JSON
        return isinstance(value, list | tuple) and all(_fits(each, kinds[0]) for each in value)
    return isinstance(value, (int, float) if hint is float else origin or hint)


def _parsed(data: bytes) -> dict[str, Any] | None:
    """Parse the bytes of a checkpoint; None if they are damaged or something else."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
                return None  # torch does not compress; a compressed file could need any amount of memory
            if archive.testzip() is not None:  # a wrong checksum, which torch does not check
                return None
        content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception:
        return None
    ours = isinstance(content, dict) and {"config", "update", "model", "optimizer"} <= content.keys()
    return content if ours else None
