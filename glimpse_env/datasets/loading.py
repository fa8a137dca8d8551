"""Load a dataset from any source, and cut it into splits."""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from glimpse_env import inputs
from glimpse_env.datasets import published
from glimpse_env.datasets.arrays import from_arrays
from glimpse_env.datasets.base import Dataset
from glimpse_env.datasets.folders import from_folder, sets_in
from glimpse_env.datasets.items import from_hugging_face, from_pairs
from glimpse_env.datasets.splits import SPLITS, by_split, cut


def load(
    dataset: Any,
    split: str | None = None,
    *,
    num_classes: int | None = None,
    image_size: int | tuple[int, int] | None = None,
    class_names: Sequence[str] | None = None,
) -> Dataset:
    """Load a split of a dataset.

    Args:
        dataset: one of

            - a name: "mnist", "fashion_mnist", "kmnist", "emnist_letters", "cifar10", "svhn", see ``published``;
            - a tuple (images, labels) of arrays, see ``arrays.from_arrays``;
            - the path of a folder of class folders, see ``folders.from_folder``;
            - a Hugging Face dataset, see ``items.from_hugging_face``;
            - a sequence of (image, label), see ``items.from_pairs``;
            - a `Dataset`;
            - several of these, but no names, by split, including "train": a mapping, such as a Hugging Face DatasetDict, or a
              folder of folders, named as in ``splits.NAMES``. Classes with names are matched by name.
        split: "train", "validation", "test" or "train+validation"; default: "train" if the dataset has splits, or else all.
            A missing validation or test split is cut from the training images: a tenth each, in a fixed random order.
        num_classes: n, for arrays and sequences; default: the largest label plus one.
        image_size: (h, w) or one number for both, for folders, Hugging Face datasets and sequences: each image is scaled to
            fit, keeping its proportions, and centered on black; default: the size of the first image.
        class_names: a name for each class, for arrays and sequences that have none.

    Raises:
        ValueError: the name or split is unknown, images or labels are malformed, or the cut leaves a class without a training
            image; the message names the remedy.
        FileNotFoundError: a published file cannot be downloaded; the message says where to put it.
        ImportError: a folder or a published dataset other than MNIST needs the extra "data".
    """
    if split is not None:
        inputs.word("split", split, SPLITS)
    if isinstance(dataset, str) and dataset in published.NAMES:
        if (num_classes, image_size, class_names) != (None, None, None):
            raise ValueError(
                f"num_classes=, image_size= and class_names= are for your own images: leave them out with {dataset!r}."
            )
        return published.load(dataset, split or "train")
    size = () if image_size is None else _two(image_size)
    sets, notes = _sets(dataset)
    if class_names is not None:
        num_classes = len(class_names) if num_classes is None else num_classes
    train = _whole(sets["train"], num_classes, size)
    if class_names is not None:
        train = _named(train, tuple(class_names))
    if split is None and len(sets) == 1 and not isinstance(dataset, Mapping):
        return _noted(train, *notes) if notes else train
    if split in ("validation", "test") and split in sets:
        return _noted(_like(train, _whole(sets[split], None, train.shape), split), f"split: {split!r}, as given", *notes)
    if split == "train+validation" and "validation" in sets:
        raise ValueError(f"split={split!r}: the dataset has its own validation images: pass both as one 'train'.")
    lacking = [name for name in ("test", "validation") if name not in sets]
    parts = cut(len(train), lacking)
    members = parts[split or "train"]
    if len(members) == 0:
        raise ValueError(f"{len(train)} images are too few to cut a tenth for split={split!r}: pass that split as well.")
    if lost := set(train.labels.tolist()).difference(train.labels[parts["train"]].tolist()):
        raise ValueError(
            f"Class {train.names[min(lost)]!r} has too few images: none is left for 'train' once a tenth of all is cut for "
            f"{' and '.join(map(repr, lacking))}. Add some, or pass those splits as well."
        )
    return _noted(
        train.part(members), f"split: {split or 'train'!r}, {len(members):,} of {len(train):,} training images", *notes
    )


def is_folder(dataset: Any) -> bool:
    """Whether `load` reads this as the path of a folder that exists."""
    known = not isinstance(dataset, str | os.PathLike) or dataset in published.NAMES
    return not known and os.path.isdir(os.path.expanduser(dataset))


def _sets(dataset: Any) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """The splits of a source, and notes; a source without splits is all 'train'."""
    if isinstance(dataset, Mapping):
        return {split: dataset[name] for split, name in by_split(dataset, "The mapping").items()}, ()
    if not isinstance(dataset, str | os.PathLike):
        return {"train": dataset}, ()
    path = os.path.expanduser(os.fspath(dataset))
    if not os.path.isdir(path):  # never raises
        names = ", ".join(map(repr, published.NAMES))
        raise ValueError(f"Unknown dataset {os.fspath(dataset)!r}: use one of {names}, or the path of a folder.")
    return sets_in(path)


def _whole(source: Any, num_classes: int | None, shape: tuple[int, ...]) -> Dataset:
    """Load one split whole."""
    arrays = isinstance(source, tuple) and len(source) == 2
    if len(shape) == 2 and (arrays or isinstance(source, Dataset)):
        raise ValueError("image_size= is for images that are decoded: resize the arrays instead.")
    if isinstance(source, Dataset):
        if num_classes not in (None, source.num_classes):
            raise ValueError(f"The dataset has {source.num_classes} classes: leave out num_classes={num_classes}.")
        return source
    if arrays:
        images, labels = source
        return from_arrays(images, labels, num_classes)
    if isinstance(source, str) and source in published.NAMES:
        raise ValueError(f"{source!r} has splits of its own: pass dataset={source!r} and split=, not a mapping.")
    if isinstance(source, str | os.PathLike):
        if num_classes is not None:
            raise ValueError(f"num_classes={num_classes} is for arrays and sequences: a folder has its folders as classes.")
        return from_folder(os.path.expanduser(os.fspath(source)), shape)
    if not (hasattr(source, "__len__") and hasattr(source, "__getitem__")):  # a stream has neither
        raise ValueError(
            f"Cannot read dataset={source!r}: pass a name, a folder, a pair (images, labels) of arrays, "
            "a Hugging Face dataset, or a list of pairs."
        )
    if hasattr(source, "features") and hasattr(source, "column_names"):
        return from_hugging_face(source, num_classes, shape)
    return from_pairs(source, num_classes, shape)


def _named(data: Dataset, names: tuple[str, ...]) -> Dataset:
    if data.classes:
        raise ValueError(f"class_names= is for datasets without names: this one has {', '.join(data.classes)}.")
    return dataclasses.replace(data, classes=names)


def _noted(data: Dataset, *notes: str) -> Dataset:
    return dataclasses.replace(data, notes=(*notes, *data.notes))


def _like(train: Dataset, other: Dataset, split: str) -> Dataset:
    """Check that another split's images are like the training images, and match its classes by name."""
    if other.shape != train.shape:
        raise ValueError(f"The images of {split!r} are {other.shape}, those of 'train' {train.shape}: make them equal.")
    numbers: npt.NDArray[np.int64] = np.arange(other.num_classes)
    if train.classes and other.classes:
        if unknown := sorted(set(other.classes) - set(train.classes)):
            raise ValueError(f"{split!r} has a class {unknown[0]!r} that 'train' lacks: use {', '.join(train.classes)}.")
        number_of = {name: number for number, name in enumerate(train.classes)}
        numbers = np.array([number_of[name] for name in other.classes])
    elif other.num_classes > train.num_classes:
        raise ValueError(f"{split!r} has labels up to {other.num_classes - 1}, 'train' has {train.num_classes} classes.")
    return dataclasses.replace(other, labels=numbers[other.labels], num_classes=train.num_classes, classes=train.classes)


def _two(size: int | tuple[int, int]) -> tuple[int, int]:
    sides: npt.NDArray[Any] = np.asarray(size)
    if sides.shape not in ((), (2,)) or not np.issubdtype(sides.dtype, np.integer) or sides.min() < 1:
        raise ValueError(f"image_size must be an integer of at least 1, or two of them (h, w), got {size!r}.")
    if sides.max() > inputs.MAX_SIDE:
        raise ValueError(f"image_size must be at most {inputs.MAX_SIDE} each way, got {size!r}.")
    h, w = np.broadcast_to(sides, (2,)).tolist()
    return h, w
