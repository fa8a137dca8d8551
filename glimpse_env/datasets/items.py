"""Datasets that are read one item at a time: Hugging Face datasets, and sequences of (image, label) as in torchvision."""

import dataclasses
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from glimpse_env.datasets.arrays import checked_labels
from glimpse_env.datasets.base import Items, LazyDataset, read

_IMAGE_COLUMNS = ("image", "img")
_LOOKED_AT = 10  # classes whose first image is checked for colors and for its size


@dataclasses.dataclass(frozen=True, eq=False)
class Rows:
    """Images from a source of rows with an image and a label; each reading checks the label.

    Args:
        source: gives a row for an index.
        keys: the keys of the image and the label in a row.
        labels: (N,) integers, the expected labels.
        told: the source of the labels, in error messages.
    """

    source: Any
    keys: tuple[Any, Any]
    labels: npt.NDArray[Any]
    told: str

    def __getitem__(self, index: int) -> Any:
        """The image at an index.

        Raises:
            ValueError: the row has no image or label, or another label.
        """
        image, label = _row(self.source, self.keys, index)
        if not np.array_equal(label, self.labels[index]):
            raise ValueError(
                f"{self.name(index)} has the label {label}, but {self.told} {self.labels[index]}: make them agree, "
                "and use no random transform."
            )
        return image

    def name(self, index: int) -> str:
        """The name of an image in error messages."""
        return f"Item {index} of the dataset"


def _row(source: Any, keys: tuple[Any, Any], index: int) -> tuple[Any, Any]:
    row = source[index]
    try:
        image, label = row[keys[0]], row[keys[1]]
        return image, label.item() if hasattr(label, "item") else label
    except (KeyError, IndexError, TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"Item {index} of the dataset is not an image with a label ({type(error).__name__}: {error}): the items of a "
            "sequence must be (image, label), a Hugging Face dataset needs 'image' and 'label', and a transform must keep them."
        ) from error


def from_hugging_face(table: Any, num_classes: int | None = None, shape: tuple[int, ...] = ()) -> LazyDataset:
    """Make a dataset of a Hugging Face dataset, or any object with its ``features``, ``column_names`` and rows.

    Args:
        table: has a column "image" (or "img") of images and a column "label" of integers. A transform (``with_transform``)
            must keep both and must not be random.
        num_classes: n; default: the label feature's number, or else the largest label plus one.
        shape: see `lazy`.

    Raises:
        ValueError: a column is missing, a transform drops one, or the labels are not integers of at least 0.
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
            f"The dataset has a transform that fails on the labels alone (KeyError: {error}): pass dataset.with_format(None), "
            "and change the images with map()."
        ) from error
    classes = tuple(getattr(table.features["label"], "names", None) or ())
    return lazy(Rows(table, (column, "label"), labels, "the column 'label' says"), labels, num_classes, shape, classes)


def from_pairs(pairs: Any, num_classes: int | None = None, shape: tuple[int, ...] = ()) -> LazyDataset:
    """Make a dataset of a sequence of (image, label), such as a torchvision dataset.

    Args:
        pairs: has a length and items, and no random transform. Labels come from ``targets`` if it is as long (and there is
            no target_transform), or else from reading every item once; class names from ``class_to_idx`` or ``classes``.
        num_classes: n; default: the number of names, or else the largest label plus one.
        shape: see `lazy`.

    Raises:
        ValueError: an item is not a pair, its label differs from ``targets``, or the labels are not integers of at least 0.
    """
    targets, told = getattr(pairs, "targets", None), "its `targets` say"
    if targets is None or len(targets) != len(pairs) or getattr(pairs, "target_transform", None) is not None:
        targets, told = [_row(pairs, (0, 1), i)[1] for i in range(len(pairs))], "it was first read with"
    labels = np.array(targets)  # a copy: the user may edit them
    return lazy(Rows(pairs, (0, 1), labels, told), labels, num_classes, shape, class_names(pairs))


def class_names(source: Any) -> tuple[str, ...]:
    """The class names of a source in order; empty if it has none.

    ``class_to_idx`` maps names to numbers, several names perhaps to one number; ``classes`` lists names in order. A
    `torch.utils.data.Subset` has the names of its dataset.
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
        num_classes: n; if None, the number of names, or else the largest label plus one.
        shape: (h, w), to which all images are fitted, or (h, w, C); default: h and w of the first image of the first class,
            and the most channels among the first images of the first ten classes. A warning tells if one of these is twice as
            high or wide.
        classes: their names; classes beyond these are named by number.
        notes: see `Dataset`.

    Raises:
        ValueError: there are no images, or the labels are bad.
    """
    if len(labels) == 0:
        raise ValueError("The dataset has no images: it needs at least one.")
    num_classes = len(classes) or None if num_classes is None else num_classes
    labels, num_classes = checked_labels(labels, len(labels), num_classes)
    if len(shape) < 3:
        firsts = np.unique(labels, return_index=True)[1][:_LOOKED_AT]
        shapes = [read(items, int(first)).shape for first in firsts]
        h, w, _ = shapes[0]
        larger = [other for other in shapes if other[0] >= 2 * h or other[1] >= 2 * w]
        if larger and not shape:
            warnings.warn(
                f"All images are fitted into {h}x{w} pixels, the size of the first one, but others are larger, such as "
                f"{larger[0][0]}x{larger[0][1]}: pass image_size=(h, w).",
                stacklevel=2,
            )
        shape = (*(shape or (h, w)), max(C for _, _, C in shapes))
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
