"""Images and labels: the bundled MNIST, or arrays of your own."""

import dataclasses
import functools
import hashlib
import pathlib
import zlib
from typing import Any, Self

import numpy as np
import numpy.typing as npt

SPLITS = ("train", "validation", "test", "train+validation")
_NUM_VALIDATION = 5_000  # the last of MNIST's 60,000 training images

_MNIST = pathlib.Path(__file__).parent / "data" / "mnist"
_MNIST_SHA256 = {  # of the IDX content, uncompressed
    "train-images-idx3-ubyte.gz": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte.gz": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte.gz": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte.gz": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


@dataclasses.dataclass(frozen=True, eq=False)
class Dataset:
    """Images with a class each; immutable, so that copies of an environment share it.

    Args:
        images: (N, h, w, C) uint8, read-only.
        labels: (N,) int64 in [0, num_classes), read-only.
        num_classes: n, the number of classes.
        source: the (name, split) it was loaded as, if it was; it is pickled as that alone.
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    num_classes: int
    source: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        """Make the arrays read-only."""
        for name in ("images", "labels"):
            array = getattr(self, name).view()
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    def __len__(self) -> int:
        """N, the number of images."""
        return len(self.images)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """An immutable thing is its own copy."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle a named dataset as its name, any other as its arrays."""
        if self.source:
            return load, self.source
        return Dataset, (self.images, self.labels, self.num_classes)


def load(name: str, split: str = "train") -> Dataset:
    """Load a dataset by name; the second call returns the first one's.

    Args:
        name: "mnist".
        split: "train" (MNIST's images 0-54,999), "validation" (55,000-59,999) or "test" (the 10,000 test images);
            "train+validation" is all 60,000.

    Raises:
        ValueError: an unknown name or split, or files that are not the original ones.
    """
    if name != "mnist":
        raise ValueError(f"Unknown dataset {name!r}: use 'mnist', or pass images= and labels= of your own.")
    if split not in SPLITS:
        raise ValueError(f"Unknown split {split!r}: use one of {', '.join(map(repr, SPLITS))}.")
    return _mnist(split)


@functools.cache
def _mnist(split: str) -> Dataset:
    stem = "t10k" if split == "test" else "train"
    images = _read_idx(f"{stem}-images-idx3-ubyte.gz", header=16).reshape(-1, 28, 28, 1)
    labels = _read_idx(f"{stem}-labels-idx1-ubyte.gz", header=8).astype(np.int64)
    part = {"train": slice(None, -_NUM_VALIDATION), "validation": slice(-_NUM_VALIDATION, None)}.get(split, slice(None))
    return Dataset(images[part], labels[part], num_classes=10, source=("mnist", split))


def from_arrays(images: npt.ArrayLike, labels: npt.ArrayLike, num_classes: int | None = None) -> Dataset:
    """Check a user's arrays and make a dataset of them.

    Args:
        images: (N, h, w) or (N, h, w, C), uint8, or float in [0, 1] (rounded to 1/255).
        labels: (N,) integers, at least 0.
        num_classes: n, more than any label; the largest label plus one unless given.

    Raises:
        ValueError: arrays of other shapes, dtypes or ranges, or of different lengths.
    """
    pixels: npt.NDArray[Any] = np.asarray(images)
    classes: npt.NDArray[Any] = np.asarray(labels)
    if pixels.ndim not in (3, 4) or pixels.size == 0:
        raise ValueError(f"images must be (N, h, w) or (N, h, w, C) with none of them 0, got shape {pixels.shape}.")
    if np.issubdtype(pixels.dtype, np.floating):
        low, high = pixels.min(), pixels.max()
        if not (low >= 0 and high <= 1):  # also true of NaN
            raise ValueError(f"float images must lie in [0, 1], got [{low}, {high}]: scale them, or pass uint8.")
        pixels = np.rint(pixels * 255).astype(np.uint8)
    if pixels.dtype != np.uint8:
        raise ValueError(f"images must be uint8, or float in [0, 1], got dtype {pixels.dtype}: convert them.")
    if classes.shape != (len(pixels),) or not np.issubdtype(classes.dtype, np.integer):
        raise ValueError(
            f"labels must be {len(pixels)} integers, one for each of the images, got shape {classes.shape} "
            f"and dtype {classes.dtype}."
        )
    low, high = int(classes.min()), int(classes.max())
    num_classes = high + 1 if num_classes is None else num_classes
    if low < 0 or high >= num_classes:
        raise ValueError(f"labels must lie in [0, num_classes={num_classes}), got [{low}, {high}].")
    pixels = np.array(pixels.reshape(*pixels.shape[:3], -1), order="C")  # a copy: the caller may write on theirs
    return Dataset(pixels, classes.astype(np.int64), int(num_classes))


def _read_idx(name: str, header: int) -> npt.NDArray[np.uint8]:
    packed = (_MNIST / name).read_bytes()
    size = int.from_bytes(packed[-4:], "little")  # gzip's own count: one buffer of it, none grown and copied
    content = zlib.decompress(packed, wbits=zlib.MAX_WBITS | 16, bufsize=size)
    found = hashlib.sha256(content).hexdigest()
    if found != _MNIST_SHA256[name]:
        raise ValueError(f"{_MNIST / name} is damaged (SHA-256 {found}): reinstall glimpse-env.")
    return np.frombuffer(content, np.uint8, offset=header)
