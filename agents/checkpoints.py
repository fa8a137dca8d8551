"""Save and load a run so that nothing is lost: the last two checkpoints are kept, each whole."""

import dataclasses
import io
import pathlib
import sys
import zipfile
from typing import Any, TypeVar

import torch

from agents import files
from agents.config import TrainingConfig

NEWEST, OLDER = "checkpoint.pt", "checkpoint.previous.pt"

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
    torch.save(content, buffer)
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
        ValueError: what there is is damaged, or no checkpoint of this project.
    """
    faults = []
    for path in (folder / NEWEST, folder / OLDER):
        if not path.exists():
            faults.append(f"{path} is not there")
        elif (content := _parsed(path.read_bytes())) is None:
            faults.append(f"{path} is damaged, or no checkpoint of this project")
        else:
            if faults and tell:
                print(f"{faults[0]}: {path} is taken in its place, saved after update {content['update']}.", file=sys.stderr)
            return content
    if not exist(folder):
        raise FileNotFoundError(f"No checkpoint in {folder}: train first, or leave --resume away.")
    raise ValueError(f"{', and '.join(faults)}: remove what is damaged, and train anew.")


def exist(folder: pathlib.Path) -> bool:
    """Whether a run has a checkpoint to go on from."""
    return any((folder / name).exists() for name in (NEWEST, OLDER))


def config_of(kind: type[_C], saved: dict[str, Any], source: pathlib.Path) -> _C:
    """Make a config of what was saved of one: a field that is younger than it has its default.

    Args:
        kind: of config.
        saved: its fields.
        source: the file that holds it.

    Raises:
        ValueError: it has fields that are unknown here, or values that no config has.
    """
    unknown = sorted(saved.keys() - {field.name for field in dataclasses.fields(kind)})
    if unknown:
        raise ValueError(
            f"{source} is of another version or kind of training: {', '.join(unknown)} is no field of {kind.__name__}."
        )
    try:
        return kind(**saved)
    except TypeError as error:
        raise ValueError(f"{source} holds no {kind.__name__}: {error}.") from error


def _parsed(data: bytes) -> dict[str, Any] | None:
    """What a checkpoint's bytes hold; None where they are damaged or something else."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if archive.testzip() is not None:  # a checksum does not hold, which torch would not notice
                return None
        content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception:
        return None
    ours = isinstance(content, dict) and {"config", "update", "model", "optimizer"} <= content.keys()
    return content if ours else None
