"""Datasets by name: MNIST, which is bundled, and others, which are downloaded from their publishers.

| name | images | classes | train | validation | test |
|---|---|---|---|---|---|
| mnist | 28x28 | 10 | 55,000 | 5,000 | 10,000 |
| fashion_mnist | 28x28 | 10 | 55,000 | 5,000 | 10,000 |
| kmnist | 28x28 | 10 | 55,000 | 5,000 | 10,000 |
| emnist_letters | 28x28 | 26 | 104,000 | 20,800 | 20,800 |
| cifar10 | 32x32x3 | 10 | 45,000 | 5,000 | 10,000 |
| svhn | 32x32x3 | 10 | 68,257 | 5,000 | 26,032 |

The test split is the published one; the validation split is the last of the published training images.
"""

import dataclasses
import functools
import hashlib
import pathlib
import string
from collections.abc import Callable, Mapping

import numpy as np

from glimpse_env.datasets import download, formats
from glimpse_env.datasets.base import ArrayDataset

_BUNDLED = pathlib.Path(__file__).parents[1] / "data" / "mnist"
_BUNDLED_SHA256 = {  # of the IDX content, uncompressed
    "train-images-idx3-ubyte.gz": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte.gz": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte.gz": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte.gz": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


@dataclasses.dataclass(frozen=True)
class Published:
    """Where to download a dataset, and how to read it.

    Args:
        training: the files of the training images: name -> checksum.
        test: the files of the test images: name -> checksum.
        mirrors: URL prefixes, tried in turn.
        read: reads images and labels from the paths of the training (True) or test (False) files.
        classes: the names of the classes.
        num_validation: how many of the last training images are the validation split.
    """

    training: Mapping[str, str]
    test: Mapping[str, str]
    mirrors: tuple[str, ...]
    read: Callable[[list[pathlib.Path], bool], formats.Labeled]
    classes: tuple[str, ...]
    num_validation: int = 5_000


def _idx(checksums: tuple[str, str, str, str], mirrors: tuple[str, ...], classes: tuple[str, ...]) -> Published:
    """A dataset in MNIST's format, with the checksums in the order of MNIST's files."""
    files = list(zip(_BUNDLED_SHA256, checksums, strict=True))
    return Published(dict(files[:2]), dict(files[2:]), mirrors, lambda paths, training: formats.idx_pair(*paths), classes)


_CIFAR10 = {"cifar-10-binary.tar.gz": "md5:c32a1d4ab5d03f1284b67883e8d87530"}
_EMNIST = {"gzip.zip": "md5:58c8d27c78d21e728a6bc7b3cc06412e"}
_CLOTHES = "T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"
_THINGS = "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"

PUBLISHED: dict[str, Published] = {
    "fashion_mnist": _idx(
        (
            "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "md5:25c81989df183df01b3e8a0aad5dffbe",
            "md5:bef4ecab320f06d8554ea6380940ec79",
            "md5:bb300cfdad3c16e7a12a480ee83cd310",
        ),
        mirrors=(
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        ),
        classes=_CLOTHES,
    ),
    "kmnist": _idx(
        (
            "md5:bdb82020997e1d708af4cf47b453dcf7",
            "md5:e144d726b3acfaa3e44228e80efcd344",
            "md5:5c965bf0a639b31b8f53240b1b52f4d7",
            "md5:7320c461ea6c1c855c0b718fb2a4b134",
        ),
        mirrors=("https://codh.rois.ac.jp/kmnist/dataset/kmnist/", "http://codh.rois.ac.jp/kmnist/dataset/kmnist/"),
        classes=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
    ),
    "emnist_letters": Published(
        _EMNIST,
        _EMNIST,
        mirrors=("https://biometrics.nist.gov/cs_links/EMNIST/", "https://www.itl.nist.gov/iaui/vip/cs_links/EMNIST/"),
        read=lambda paths, training: formats.emnist_letters(paths[0], training),
        classes=tuple(string.ascii_lowercase),
        num_validation=20_800,  # as its authors chose
    ),
    "cifar10": Published(
        _CIFAR10,
        _CIFAR10,
        mirrors=("https://www.cs.toronto.edu/~kriz/", "https://cave.cs.toronto.edu/kriz/"),
        read=lambda paths, training: formats.cifar10(paths[0], training),
        classes=_THINGS,
    ),
    "svhn": Published(
        {"train_32x32.mat": "md5:e26dedcc434d2e4c54c9b2d4a06d8373"},
        {"test_32x32.mat": "md5:eb5a983be6a315427106f1b164d9cef3"},
        mirrors=("http://ufldl.stanford.edu/housenumbers/",),
        read=lambda paths, training: formats.svhn(paths[0]),
        classes=tuple(string.digits),
    ),
}
NAMES = ("mnist", *PUBLISHED)


@functools.cache
def load(name: str, split: str) -> ArrayDataset:
    """Load a split of a dataset; the result is cached.

    Args:
        name: one of NAMES.
        split: "train", "validation", "test", or "train+validation", which is all published training images.

    Raises:
        FileNotFoundError: a file is missing and cannot be downloaded.
        ValueError: a bundled file is damaged.
        ImportError: the extra "data" is not installed.
    """
    images, labels = _read(name, split != "test")
    last = 5_000 if name == "mnist" else PUBLISHED[name].num_validation
    part = {"train": slice(None, -last), "validation": slice(-last, None)}.get(split, slice(None))
    classes = tuple(string.digits) if name == "mnist" else PUBLISHED[name].classes
    data = ArrayDataset(
        images=images[part], labels=labels[part], num_classes=len(classes), classes=classes, notes=(f"{name}, {split!r}",)
    )
    return data.loaded_by(load, name, split)


@functools.cache
def _read(name: str, training: bool) -> formats.Labeled:
    if name == "mnist":
        return _bundled(training)
    published = PUBLISHED[name]
    files = published.training if training else published.test
    paths = [download.fetch(name, file, checksum, published.mirrors) for file, checksum in files.items()]
    return published.read(paths, training)


def _bundled(training: bool) -> formats.Labeled:
    stem = "train" if training else "t10k"
    contents = []
    for file in (f"{stem}-images-idx3-ubyte.gz", f"{stem}-labels-idx1-ubyte.gz"):
        content = formats.gunzip((_BUNDLED / file).read_bytes())
        found = hashlib.sha256(content).hexdigest()
        if found != _BUNDLED_SHA256[file]:
            raise ValueError(f"{_BUNDLED / file} is damaged (SHA-256 {found}): reinstall glimpse-env.")
        contents.append(formats.idx(content))
    images, labels = contents
    return images[..., np.newaxis], labels.astype(np.int64)
