"""The names of splits, and how a set that lacks some is cut."""

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from glimpse_env.streams import uniforms

SPLITS = ("train", "validation", "test", "train+validation")
NAMES = {  # of folders and of a mapping's keys, in any case
    "train": ("train", "training", "trainset"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing", "testset"),
}
_SPLIT_OF = {name: split for split, names in NAMES.items() for name in names}
_KNOWN = ", ".join(_SPLIT_OF)


def split_of(name: Any) -> str | None:
    """The split that a folder or key of this name is, None if it is none."""
    return _SPLIT_OF.get(name.lower()) if isinstance(name, str) else None


def by_split(names: Iterable[Any], where: str) -> dict[str, Any]:
    """Tell which name is which split.

    Args:
        names: of folders, or a mapping's keys.
        where: the start of an error, such as "The folder photos".

    Returns:
        The name of each split.

    Raises:
        ValueError: a name that is no split's, two of one split, or none of "train".
    """
    found: dict[str, Any] = {}
    for name in names:
        split = split_of(name)
        if split is None:
            raise ValueError(f"{where} has {name!r}, which is no split: take it away, or rename it to one of {_KNOWN}.")
        if split in found:
            raise ValueError(f"{where} has {found[split]!r} and {name!r}, both the split {split!r}: pass one of them.")
        found[split] = name
    if "train" not in found:
        raise ValueError(f"{where} must have 'train', and may have 'validation' and 'test', got {list(found.values())}.")
    return found


def resembles(names: Iterable[str]) -> set[str]:
    """The splits whose names are words of these names, as in "train2017" and "seg_test"."""
    return {_SPLIT_OF[word] for name in names for word in re.findall(r"[^\W\d_]+", name.lower()) if word in _SPLIT_OF}


def cut(length: int, lacking: list[str]) -> dict[str, npt.NDArray[np.int64]]:
    """Which of the training images are in which split: a tenth in each that is lacking, the rest in "train"."""
    zero = np.zeros(1, np.uint64)
    order = np.argsort(uniforms(zero, zero, length)[0], kind="stable")
    tenth = length // 10
    parts = {name: np.sort(order[n * tenth : (n + 1) * tenth]) for n, name in enumerate(lacking)}
    parts["train"] = np.sort(order[len(lacking) * tenth :])
    parts["train+validation"] = np.sort(np.concatenate([parts["train"], parts.get("validation", order[:0])]))
    return parts
