"""The names of splits, and how missing splits are cut from the training images."""

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from glimpse_env.streams import uniforms

SPLITS = ("train", "validation", "test", "train+validation")
NAMES = {  # of folders and of keys, in upper or lower case
    "train": ("train", "training", "trainset"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing", "testset"),
}
_SPLIT_OF = {name: split for split, names in NAMES.items() for name in names}
_KNOWN = ", ".join(_SPLIT_OF)


def split_of(name: Any) -> str | None:
    """The split that a folder or key names, or None."""
    return _SPLIT_OF.get(name.lower()) if isinstance(name, str) else None


def by_split(names: Iterable[Any], where: str) -> dict[str, Any]:
    """Match names to splits.

    Args:
        names: the names of folders, or the keys of a mapping.
        where: starts an error message, such as "The folder photos".

    Returns:
        split -> name.

    Raises:
        ValueError: a name is not a split, two names are the same split, or "train" is missing.
    """
    found: dict[str, Any] = {}
    for name in names:
        split = split_of(name)
        if split is None:
            raise ValueError(f"{where} has {name!r}, which is not a split: remove it, or rename it to one of {_KNOWN}.")
        if split in found:
            raise ValueError(f"{where} has {found[split]!r} and {name!r}, both for the split {split!r}: pass one of them.")
        found[split] = name
    if "train" not in found:
        raise ValueError(f"{where} must have 'train', and may have 'validation' and 'test', got {list(found.values())}.")
    return found


def resembles(names: Iterable[str]) -> set[str]:
    """The splits whose names are words in these names, as in "train2017" and "seg_test"."""
    return {_SPLIT_OF[word] for name in names for word in re.findall(r"[^\W\d_]+", name.lower()) if word in _SPLIT_OF}


def cut(length: int, lacking: list[str]) -> dict[str, npt.NDArray[np.int64]]:
    """The indices of the training images in each split: a tenth for each missing one, the rest for "train"."""
    zero = np.zeros(1, np.uint64)
    order = np.argsort(uniforms(zero, zero, length)[0], kind="stable")
    tenth = length // 10
    parts = {name: np.sort(order[n * tenth : (n + 1) * tenth]) for n, name in enumerate(lacking)}
    parts["train"] = np.sort(order[len(lacking) * tenth :])
    parts["train+validation"] = np.sort(np.concatenate([parts["train"], parts.get("validation", order[:0])]))
    return parts
