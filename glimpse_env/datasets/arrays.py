"""A pair of arrays as a dataset."""

from typing import Any

import numpy as np
import numpy.typing as npt

from glimpse_env import inputs
from glimpse_env.datasets import pixels
from glimpse_env.datasets.base import ArrayDataset

_MOST_CLASSES = 1_000_000  # each gets a name


def from_arrays(images: npt.ArrayLike, labels: npt.ArrayLike, num_classes: int | None = None) -> ArrayDataset:
    """Check a user's arrays and make them a dataset.

    Args:
        images: an array (N, h, w) or (N, h, w, C), or a torch tensor (N, h, w) or (N, C, h, w), uint8, or float in [0, 1]
            (rounded to 1/255).
        labels: (N,) integers, at least 0.
        num_classes: n, more than any label; default: the largest label plus one.

    Raises:
        ValueError: an array has another shape, dtype or range, or the lengths differ.
    """
    if isinstance(images, list | tuple) and any(hasattr(image, "getbands") for image in images[:1]):
        raise ValueError("images must be an array, got a list of PIL images: pass list(zip(images, labels)).")
    array = pixels.array_of(images, 1)
    if array.ndim not in (3, 4) or array.size == 0:
        raise ValueError(f"images must be (N, h, w) or (N, h, w, C) with none of them 0, got shape {array.shape}.")
    scenes = pixels.bytes_of(array)
    classes, num_classes = checked_labels(labels, len(array), num_classes)
    scenes = np.array(scenes.reshape(*scenes.shape[:3], -1), order="C")  # a copy: the caller may change the original
    return ArrayDataset(images=scenes, labels=classes, num_classes=num_classes)


def checked_labels(labels: npt.ArrayLike, length: int, num_classes: int | None) -> tuple[npt.NDArray[np.int64], int]:
    """Check the labels of ``length`` images: returns a copy (N,) int64 and the number of classes."""
    classes: npt.NDArray[Any] = np.asarray(labels.detach().cpu() if hasattr(labels, "detach") else labels)
    if classes.shape != (length,) or not np.issubdtype(classes.dtype, np.integer):
        raise ValueError(
            f"labels must be {length} integers, one for each image, got shape {classes.shape} "
            f"and dtype {classes.dtype}: number the classes from 0."
        )
    low, high = int(classes.min()), int(classes.max())
    num_classes = high + 1 if num_classes is None else inputs.integer("num_classes", num_classes, 1)
    if num_classes > _MOST_CLASSES:
        raise ValueError(f"{num_classes:,} classes are more than {_MOST_CLASSES:,}: number the classes from 0.")
    if low < 0 or high >= num_classes:
        raise ValueError(f"labels must lie in [0, num_classes={num_classes}), got [{low}, {high}].")
    return classes.astype(np.int64), num_classes
