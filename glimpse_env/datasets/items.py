"""Datasets that are read one item at a time: Hugging Face's, and torchvision-style sequences of (image, label)."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from glimpse_env.datasets.arrays import checked_labels
from glimpse_env.datasets.base import Items, LazyDataset, read

_IMAGE_COLUMNS = ("image", "img")
_LOOKED_AT = 10  # the classes whose first image tells whether there are colours


@dataclasses.dataclass(frozen=True)
class Column:
    """The images of a Hugging Face dataset."""

    table: Any
    column: str

    def __getitem__(self, index: int) -> Any:
        """Image number index."""
        return self.table[index][self.column]

    def name(self, index: int) -> str:
        """What an error calls it."""
        return f"Row {index} of the dataset"


@dataclasses.dataclass(frozen=True)
class Firsts:
    """The images of a sequence of (image, label)."""

    pairs: Sequence[tuple[Any, Any]]

    def __getitem__(self, index: int) -> Any:
        """Image number index."""
        return self.pairs[index][0]

    def name(self, index: int) -> str:
        """What an error calls it."""
        return f"Item {index} of the dataset"


def from_hugging_face(table: Any, num_classes: int | None = None, shape: tuple[int, ...] = ()) -> LazyDataset:
    """Make a dataset of a Hugging Face one, of any object that has its ``features``, ``column_names`` and rows.

    Args:
        table: with a column "image" (or "img") of images and a column "label" of integers.
        num_classes: n; as the label's feature says, else the largest label plus one, unless given.
        shape: see `lazy`.

    Raises:
        ValueError: columns of other names, labels that are no integers of at least 0.
    """
    names = list(table.column_names)
    column = next((name for name in _IMAGE_COLUMNS if name in names), None)
    if column is None or "label" not in names:
        raise ValueError(
            f"The dataset must have the columns 'image' and 'label', got {names}: "
            "rename them, dataset.rename_column('its name', 'image')."
        )
    classes = tuple(getattr(table.features["label"], "names", None) or ())
    num_classes = len(classes) or None if num_classes is None else num_classes
    labels = np.asarray(table["label"][:])
    return lazy(Column(table, column), labels, num_classes, shape, classes)


def from_pairs(pairs: Any, num_classes: int | None = None, shape: tuple[int, ...] = ()) -> LazyDataset:
    """Make a dataset of a sequence of (image, label), such as torchvision's.

    Args:
        pairs: anything with a length and items; its labels are read from ``targets`` if it has as many (and no
            target_transform), else by going through it once. It must not have a random transform.
        num_classes: n; the largest label plus one unless given.
        shape: see `lazy`.

    Raises:
        ValueError: items that are no pairs, labels that are no integers of at least 0.
    """
    targets = getattr(pairs, "targets", None)
    if targets is None or len(targets) != len(pairs) or getattr(pairs, "target_transform", None) is not None:
        try:
            targets = [label.item() if hasattr(label, "item") else label for _, label in (pairs[i] for i in range(len(pairs)))]
        except (TypeError, ValueError) as error:
            raise ValueError(f"A sequence must have (image, label) as its items ({error}).") from error
    return lazy(Firsts(pairs), np.asarray(targets), num_classes, shape)


def lazy(
    items: Items,
    labels: npt.NDArray[Any],
    num_classes: int | None,
    shape: tuple[int, ...] = (),
    classes: tuple[str, ...] = (),
) -> LazyDataset:
    """Make a dataset of items and their labels.

    Args:
        items: the images.
        labels: (N,) integers.
        num_classes: n, the largest label plus one if None.
        shape: (h, w), to which all images are fitted, or (h, w, C); where nothing is given, h and w are those of the first
            image of the first class, and C is 1 if the first images of the first ten classes all are grey, else theirs.
        classes: their names.

    Raises:
        ValueError: no images, or bad labels.
    """
    if len(labels) == 0:
        raise ValueError("The dataset has no images: it needs one at least.")
    labels, num_classes = checked_labels(labels, len(labels), num_classes)
    if len(shape) < 3:
        firsts = np.unique(labels, return_index=True)[1][:_LOOKED_AT]
        shapes = [read(items, int(first)).shape for first in firsts]
        shape = (*(shape or shapes[0][:2]), max(C for _, _, C in shapes))
    h, w, C = shape
    return LazyDataset(
        items=items,
        members=np.arange(len(labels)),
        labels=labels,
        num_classes=num_classes,
        classes=classes,
        size=(h, w),
        channels=C,
    )
