"""The dataset classes: labels in memory; images in memory or decoded when an episode begins."""

import abc
import dataclasses
import functools
import hashlib
import sys
from collections.abc import Callable
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import numpy.typing as npt

from glimpse_env.datasets import pixels

_TOLD = 20  # the classes that a repr lists
_KEPT = 2**26  # bytes: a folder whose images take no more, as they are fitted, is decoded once


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Dataset(abc.ABC):
    """Labeled images; immutable, so that copies of an environment share them.

    Args:
        labels: (N,) int64 in [0, num_classes), read-only.
        num_classes: n, the number of classes.
        classes: their names; empty if they have none.
        notes: how it was made, in lines of text: its split, and what was left out.

    Raises:
        ValueError: labels have another shape, dtype or range, or the names are not one distinct name for each class.
    """

    labels: npt.NDArray[np.int64]
    num_classes: int
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    at_once: ClassVar[int]  # the number of episodes whose images `take` reads together

    def __post_init__(self) -> None:
        """Check the labels, which kernels use as indices, and make them read-only."""
        labels = self.labels
        if labels.ndim != 1 or labels.dtype != np.int64 or not ((labels >= 0) & (labels < self.num_classes)).all():
            raise ValueError(
                f"labels must be (N,) int64 in [0, num_classes={self.num_classes}), got {labels.shape} {labels.dtype}: "
                "pass a pair (images, labels), which is converted."
            )
        names = self.classes
        if names and not (len(set(names)) == len(names) == self.num_classes and all(isinstance(name, str) for name in names)):
            raise ValueError(f"classes must be {self.num_classes} different names, one for each class, got {names[:9]}.")
        self._freeze("labels")

    def __repr__(self) -> str:
        """List the number of images, their size, the classes, the split and what was left out."""
        counts = np.bincount(self.labels, minlength=self.num_classes)
        told = [f"{name} {count:,}" for name, count in zip(self.names[:_TOLD], counts, strict=False)]
        more = [f"and {self.num_classes - _TOLD:,} more"] if self.num_classes > _TOLD else []
        size = "x".join(map(str, self.shape))
        lines = (
            f"{type(self).__name__} of {len(self):,} images, {size}",
            f"{self.num_classes:,} classes: {', '.join([*told, *more])}",
            *self.notes,
        )
        return "\n  ".join(lines).encode("utf-8", "backslashreplace").decode()  # file names may not be valid text

    def __len__(self) -> int:
        """N, the number of images."""
        return len(self.labels)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return the same object: it is immutable."""
        return self

    def __reduce__(self) -> str | tuple[Any, ...]:
        """Pickle the fields; unpickling makes them read-only again."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.init}
        return functools.partial(type(self), **fields), ()

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each class: `classes`, or the numbers if there are none."""
        return self.classes or tuple(map(str, range(self.num_classes)))

    @property
    def digest(self) -> str:
        """A short text that differs for other classes, other labels and other files, but not for other pixels."""
        told = repr((self.classes, self.labels.tolist(), self._files()))
        return hashlib.sha256(told.encode(errors="replace")).hexdigest()[:16]

    def _files(self) -> tuple[str, ...]:
        """The names of the images' files; empty if they have none."""
        return ()

    @property
    @abc.abstractmethod
    def shape(self) -> tuple[int, int, int]:
        """(h, w, C) of every image."""

    @abc.abstractmethod
    def take(self, indices: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
        """Load some images into memory.

        Args:
            indices: int64 in [0, N), of any shape.

        Returns:
            images (M, h, w, C) uint8, contiguous, and each index's position among them: int64 of the indices' shape.

        Raises:
            ValueError: an image cannot be read; the message names it.
        """

    @abc.abstractmethod
    def part(self, members: npt.NDArray[np.int64]) -> Self:
        """A dataset of the images with these indices, in this order."""

    def _freeze(self, name: str) -> None:
        array = getattr(self, name).view()
        array.flags.writeable = False
        object.__setattr__(self, name, array)


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class ArrayDataset(Dataset):
    """All images in memory.

    Args:
        images: (N, h, w, C) uint8, contiguous, read-only.

    Attributes:
        source: the (name, split) that `loaded_by` was given; None for any other dataset.

    Raises:
        ValueError: images have another shape or dtype, or are not as many as the labels.
    """

    images: npt.NDArray[np.uint8]
    source: tuple[str, str] | None = dataclasses.field(default=None, init=False)
    _load: Callable[[str, str], Dataset] | None = dataclasses.field(default=None, init=False)

    at_once: ClassVar[int] = sys.maxsize

    def __post_init__(self) -> None:
        """Check the arrays and make them read-only."""
        super().__post_init__()
        images = self.images
        if images.ndim != 4 or images.dtype != np.uint8 or len(images) != len(self):
            raise ValueError(
                f"images must be ({len(self)}, h, w, C) uint8, as many as labels, got {images.shape} {images.dtype}: "
                "pass a pair (images, labels), which is converted."
            )
        self._freeze("images")

    def __reduce__(self) -> str | tuple[Any, ...]:
        """Pickle a named dataset by name, any other by its arrays."""
        return (self._load, self.source) if self._load and self.source else super().__reduce__()

    def loaded_by(self, load: Callable[[str, str], Dataset], name: str, split: str) -> Self:
        """Pickle this dataset as the call ``load(name, split)`` rather than as its arrays."""
        object.__setattr__(self, "_load", load)
        object.__setattr__(self, "source", (name, split))
        return self

    @property
    def shape(self) -> tuple[int, int, int]:
        """(h, w, C) of every image."""
        _, h, w, C = self.images.shape
        return h, w, C

    def take(self, indices: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
        """Return all images, see `Dataset.take`."""
        return self.images, indices

    def part(self, members: npt.NDArray[np.int64]) -> Self:
        """A dataset of the images with these indices, in this order."""
        return dataclasses.replace(self, images=self.images[members], labels=self.labels[members])


class Items(Protocol):
    """A source of images, read one at a time: PIL images, arrays or tensors."""

    def __getitem__(self, index: int, /) -> Any:
        """The image at an index, as the source stores it."""

    def name(self, index: int, /) -> str:
        """The name of an image in error messages."""


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class LazyDataset(Dataset):
    """Images that are decoded when an episode begins.

    Args:
        items: the source; reading an item twice must give the same image.
        members: (N,) int64, indices into the source.
        size: (h, w), to which ``pixels.fitted`` fits each image.
        channels: C, 1 for gray, 3 for color.
        stable: whether an image may be kept once it is decoded; it is, if all images together are small.
    """

    items: Items
    members: npt.NDArray[np.int64]
    size: tuple[int, int]
    channels: int
    stable: bool = False
    _kept: dict[int, npt.NDArray[np.uint8]] = dataclasses.field(default_factory=dict, init=False)

    at_once: ClassVar[int] = 1

    @property
    def shape(self) -> tuple[int, int, int]:
        """(h, w, C) of every image."""
        return *self.size, self.channels

    def take(self, indices: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
        """Decode some images, see `Dataset.take`."""
        needed, places = np.unique(indices, return_inverse=True)  # each once
        images = np.empty((needed.size, *self.shape), np.uint8)
        for image, member in zip(images, self.members[needed].tolist(), strict=True):
            image[:] = self._read(member)
        return images, places.reshape(indices.shape)

    def _read(self, member: int) -> npt.NDArray[np.uint8]:
        if member in self._kept:
            return self._kept[member]
        image = read(self.items, member, self.shape)
        if self.stable and len(self) * image.nbytes <= _KEPT:
            self._kept[member] = image
        return image

    def _files(self) -> tuple[str, ...]:
        names = getattr(self.items, "names", None)
        return tuple(names[member] for member in self.members.tolist()) if names else ()

    def part(self, members: npt.NDArray[np.int64]) -> Self:
        """A dataset of the images with these indices, in this order."""
        return dataclasses.replace(self, members=self.members[members], labels=self.labels[members])


def read(items: Items, index: int, shape: tuple[int, int, int] | None = None) -> npt.NDArray[np.uint8]:
    """Read an item as (h, w, C) uint8, fitted to a shape if one is given; errors name the item."""
    item = items[index]
    try:
        image = pixels.decoded(item)
        return image if shape is None else pixels.fitted(image, shape)
    except ValueError as error:
        raise ValueError(f"{items.name(index)}: {error}") from error
