"""Save and load a run so that nothing is lost: written beside, flushed, then renamed over the older one."""

import os
import pathlib
from typing import Any

import torch


def save(path: pathlib.Path, content: dict[str, Any]) -> None:
    """Write a checkpoint in one go: after a crash at any moment the file is the older one or the new one, whole.

    Args:
        path: of the checkpoint.
        content: tensors, numbers, strings, and dicts and lists of them.

    Raises:
        OSError: the disk is full or not writable; the older checkpoint stands.
    """
    temporary = path.with_suffix(".partial")
    try:
        with open(temporary, "wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def load(path: pathlib.Path) -> dict[str, Any]:
    """Read a checkpoint; no code in it is run.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is cut short, or no checkpoint of this project.
    """
    if not path.exists():
        raise FileNotFoundError(f"No checkpoint at {path}: train first, or leave --resume away.")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ValueError(f"{path} is damaged or no checkpoint ({error}): remove it and train anew.") from error
    if not isinstance(content, dict) or not {"config", "update", "model", "optimizer"} <= content.keys():
        raise ValueError(f"{path} is no checkpoint of this project: remove it and train anew.")
    return content
