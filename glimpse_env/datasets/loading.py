"""One function for every source, and how it is cut into splits."""

import os
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from glimpse_env.datasets import published
from glimpse_env.datasets.arrays import from_arrays
from glimpse_env.datasets.base import Dataset
from glimpse_env.datasets.folders import from_folder
from glimpse_env.datasets.items import from_hugging_face, from_pairs
from glimpse_env.streams import uniforms

SPLITS = ("train", "validation", "test", "train+validation")
_SETS = {"train": "train", "validation": "validation", "val": "validation", "test": "test"}  # a set's name -> its split


def load(
    dataset: Any, split: str | None = None, *, num_classes: int | None = None, image_size: int | tuple[int, int] | None = None
) -> Dataset:
    """Load the images of a split.

    Args:
        dataset: one of

            - a name: "mnist", "fashion_mnist", "kmnist", "emnist_letters", "cifar10", "svhn", see ``published``;
            - a pair (images, labels) of arrays, a tuple, see ``arrays.from_arrays``;
            - the path of a folder of class folders, see ``folders.from_folder``;
            - a Hugging Face dataset, see ``items.from_hugging_face``;
            - a sequence of (image, label), see ``items.from_pairs``;
            - a `Dataset`;
            - several of these by their split, with "train" among them: a mapping, such as a Hugging Face DatasetDict, or a
              folder of the folders "train", "validation" (or "val") and "test".
        split: "train", "validation", "test" or "train+validation". Unless given, "train" of a dataset that has splits, and all
            of one that has none. A validation or test split that a source lacks is cut from its training images: a tenth
            each, of an order that is random but always the same.
        num_classes: n, for arrays and sequences; the largest label plus one unless given.
        image_size: (h, w) or one number for both, for folders, Hugging Face datasets and sequences: each image is scaled to
            fit within, its proportions kept, and centred on black. The size of the first image unless given.

    Raises:
        ValueError: an unknown name or split, or images or labels that are not as said; the message names the remedy.
        FileNotFoundError: a published file that cannot be fetched; the message says where to put it.
        ImportError: without the extra "data", for published datasets but for MNIST, and for folders.
    """
    if split not in (None, *SPLITS):
        raise ValueError(f"Unknown split {split!r}: use one of {', '.join(map(repr, SPLITS))}.")
    if isinstance(dataset, str) and dataset in published.NAMES:
        if num_classes is not None or image_size is not None:
            raise ValueError(f"num_classes= and image_size= are for images of your own: {dataset!r} has its own.")
        return published.load(dataset, split or "train")
    size = () if image_size is None else _two(image_size)
    sets = _sets(dataset)
    train = _whole(sets["train"], num_classes, size)
    if split is None and len(sets) == 1 and not isinstance(dataset, Mapping):
        return train
    if split in ("validation", "test") and split in sets:
        return _like(train, _whole(sets[split], train.num_classes, train.shape, train.classes), split)
    if split == "train+validation" and "validation" in sets:
        raise ValueError(f"split={split!r}: the dataset has validation images of its own, pass both as one 'train'.")
    parts = _cut(len(train), [name for name in ("test", "validation") if name not in sets])
    members = parts[split or "train"]
    if len(members) == 0:
        raise ValueError(f"{len(train)} images are too few to cut a tenth of them for split={split!r}: pass a set of its own.")
    return train.part(members)


def _sets(dataset: Any) -> Mapping[str, Any]:
    """The sets that a source consists of, by their split; one of no splits is its own training set."""
    if isinstance(dataset, str | os.PathLike):
        root = pathlib.Path(os.path.expanduser(dataset))
        if not os.path.isdir(root):  # which raises nothing, whatever the name
            names = ", ".join(map(repr, published.NAMES))
            raise ValueError(f"Unknown dataset {os.fspath(dataset)!r}: use one of {names}, or the path of a folder.")
        inside = {child.name for child in root.iterdir() if child.is_dir()}
        dataset = {name: root / name for name in sorted(inside)} if "train" in inside <= _SETS.keys() else {"train": root}
    elif not isinstance(dataset, Mapping):
        dataset = {"train": dataset}
    if "train" not in dataset or dataset.keys() - _SETS.keys():
        raise ValueError(f"A mapping must have 'train', and may have 'validation' and 'test', got {list(dataset)}.")
    return {_SETS[name]: value for name, value in dataset.items()}


def _whole(source: Any, num_classes: int | None, shape: tuple[int, ...], classes: tuple[str, ...] = ()) -> Dataset:
    """All of one set."""
    arrays = isinstance(source, tuple) and len(source) == 2
    if len(shape) == 2 and (arrays or isinstance(source, Dataset)):
        raise ValueError("image_size= is for images that are decoded, not for arrays: make them of that size.")
    if isinstance(source, Dataset):
        if num_classes not in (None, source.num_classes):
            raise ValueError(f"The dataset has {source.num_classes} classes, not num_classes={num_classes}: leave it out.")
        return source
    if arrays:
        images, labels = source
        return from_arrays(images, labels, num_classes)
    if isinstance(source, str | os.PathLike):
        if num_classes is not None and not classes:
            raise ValueError(f"num_classes={num_classes} is for arrays and sequences: a folder has a class a folder.")
        return from_folder(source, classes, shape)
    if not (hasattr(source, "__len__") and hasattr(source, "__getitem__")):  # nor has a stream
        raise ValueError(
            f"dataset={source!r} is none: use a name, (images, labels), a folder, a Hugging Face dataset, or a list of pairs."
        )
    if hasattr(source, "features") and hasattr(source, "column_names"):
        return from_hugging_face(source, num_classes, shape)
    return from_pairs(source, num_classes, shape)


def _like(train: Dataset, other: Dataset, split: str) -> Dataset:
    if other.shape != train.shape:
        raise ValueError(f"The images of {split!r} are {other.shape}, those of 'train' {train.shape}: make them alike.")
    return other


def _cut(length: int, lacking: list[str]) -> dict[str, npt.NDArray[np.int64]]:
    """Which of the training images are in which split: a tenth in each that is lacking, the rest in "train"."""
    zero = np.zeros(1, np.uint64)
    order = np.argsort(uniforms(zero, zero, length)[0], kind="stable")
    tenth = length // 10
    parts = {name: np.sort(order[n * tenth : (n + 1) * tenth]) for n, name in enumerate(lacking)}
    parts["train"] = np.sort(order[len(lacking) * tenth :])
    parts["train+validation"] = np.sort(np.concatenate([parts["train"], parts.get("validation", order[:0])]))
    return parts


def _two(size: int | tuple[int, int]) -> tuple[int, int]:
    sides: npt.NDArray[Any] = np.asarray(size)
    if sides.shape not in ((), (2,)) or not np.issubdtype(sides.dtype, np.integer) or sides.min() < 1:
        raise ValueError(f"image_size must be an integer of at least 1, or two of them (h, w), got {size!r}.")
    h, w = np.broadcast_to(sides, (2,)).tolist()
    return h, w
