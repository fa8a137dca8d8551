"""Datasets that are read one item at a time: Hugging Face's, and torchvision-style sequences of (image, label)."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from glimpse_env.datasets.arrays import checked_labels
from glimpse_env.datasets.base import Items, LazyDataset, read

_IMAGE_COLUMNS = ("image", "img")
_LOOKED_AT = 10  # the classes whose first image tells whether there are colors


@dataclasses.dataclass(frozen=True, eq=False)
class Rows:
    """Images that a source hands out together with their labels. Whenever one is read, its label must be as expected.

    Args:
        source: what gives a row for a number.
        keys: of the image and of the label in a row.
        labels: (N,) integers, the labels expected.
        told: where these come from, for errors.
    """

    source: Any
    keys: tuple[Any, Any]
    labels: npt.NDArray[Any]
    told: str

    def __getitem__(self, index: int) -> Any:
        """Image number index.

        Raises:
            ValueError: a row without an image or label, or of another label.
        """
        image, label = _row(self.source, self.keys, index)
        if not np.array_equal(label, self.labels[index]):
            raise ValueError(
                f"{self.name(index)} has the label {label}, but {self.told} {self.labels[index]}: make them agree. "
                "A random transform has no place here."
            )
        return image

    def name(self, index: int) -> str:
        """What an error calls it."""
        return f"Item {index} of the dataset"


def _row(source: Any, keys: tuple[Any, Any], index: int) -> tuple[Any, Any]:
    row = source[index]
    try:
        image, label = row[keys[0]], row[keys[1]]
        return image, label.item() if hasattr(label, "item") else label
    except (KeyError, IndexError, TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"Item {index} of the dataset is no image with a label ({type(error).__name__}: {error}): a sequence must have "
            "(image, label) as its items, a Hugging Face dataset 'image' and 'label', and a transform must keep them."
        ) from error


def from_hugging_face(table: Any, num_classes: int | None = None, shape: tuple[int, ...] = ()) -> LazyDataset:
    """Make a dataset of a Hugging Face one, of any object that has its ``features``, ``column_names`` and rows.

    Args:
        table: with a column "image" (or "img") of images and a column "label" of integers. A transform (``with_transform``)
            must keep both and must not be random.
        num_classes: n; as the label's feature says, else the largest label plus one, unless given.
        shape: see `lazy`.

    Raises:
        ValueError: columns of other names, a transform without them, labels that are no integers of at least 0.
    """
    names = list(table.column_names)
    column = next((name for name in _IMAGE_COLUMNS if name in names), None)
    if column is None or "label" not in names:
        raise ValueError(
            f"The dataset must have the columns 'image' and 'label', got {names}: "
            "rename them, dataset.rename_column('its name', 'image')."
        )
    try:
        labels = np.asarray(table["label"][:])
    except KeyError as error:
        raise ValueError(
            f"The dataset has a transform that fails for the labels alone (KeyError: {error}): pass dataset.with_format(None), "
            "and let map() change the images."
        ) from error
    classes = tuple(getattr(table.features["label"], "names", None) or ())
    return lazy(Rows(table, (column, "label"), labels, "the column 'label' says"), labels, num_classes, shape, classes)


def from_pairs(pairs: Any, num_classes: int | None = None, shape: tuple[int, ...] = ()) -> LazyDataset:
    """Make a dataset of a sequence of (image, label), such as torchvision's.

    Args:
        pairs: anything with a length and items; its labels are read from ``targets`` if it has as many (and no
            target_transform), else by going through it once. It must not have a random transform. Its classes have the names
            in ``class_to_idx`` or ``classes``, if it has them.
        num_classes: n; the number of names, else the largest label plus one unless given.
        shape: see `lazy`.

    Raises:
        ValueError: items that are no pairs, or not of the label in ``targets``; labels that are no integers of at least 0.
    """
    targets, told = getattr(pairs, "targets", None), "its `targets` say"
    if targets is None or len(targets) != len(pairs) or getattr(pairs, "target_transform", None) is not None:
        targets, told = [_row(pairs, (0, 1), i)[1] for i in range(len(pairs))], "was read before with"
    labels = np.array(targets)  # a copy: they may be edited
    return lazy(Rows(pairs, (0, 1), labels, told), labels, num_classes, shape, class_names(pairs))


def class_names(source: Any) -> tuple[str, ...]:
    """The names of a source's classes, by number; none if it has none.

    ``class_to_idx`` says which name has which number, and may give one number several; ``classes`` are names in order. What a
    `torch.utils.data.Subset` is a part of is asked in its place.
    """
    if type(source).__name__ == "Subset":
        return class_names(source.dataset)
    numbers = getattr(source, "class_to_idx", None)
    if isinstance(numbers, Mapping) and numbers and all(isinstance(n, int) and n >= 0 for n in numbers.values()):
        found: dict[int, list[str]] = {}
        for name, number in numbers.items():
            found.setdefault(number, []).append(str(name))
        return tuple(", ".join(found.get(number, [str(number)])) for number in range(max(found) + 1))
    classes = getattr(source, "classes", ())
    return tuple(classes) if isinstance(classes, list | tuple) and all(isinstance(name, str) for name in classes) else ()


def lazy(
    items: Items,
    labels: npt.NDArray[Any],
    num_classes: int | None,
    shape: tuple[int, ...] = (),
    classes: tuple[str, ...] = (),
    notes: tuple[str, ...] = (),
) -> LazyDataset:
    """Make a dataset of items and their labels.

    Args:
        items: the images.
        labels: (N,) integers.
        num_classes: n; the number of names, else the largest label plus one, if None.
        shape: (h, w), to which all images are fitted, or (h, w, C); where nothing is given, h and w are those of the first
            image of the first class, and C is 1 if the first images of the first ten classes all are gray, else theirs.
        classes: their names; classes beyond these have their numbers as names.
        notes: see `Dataset`.

    Raises:
        ValueError: no images, or bad labels.
    """
    if len(labels) == 0:
        raise ValueError("The dataset has no images: it needs one at least.")
    num_classes = len(classes) or None if num_classes is None else num_classes
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
        classes=classes and (*classes, *map(str, range(len(classes), num_classes))),
        notes=notes,
        size=(h, w),
        channels=C,
    )
