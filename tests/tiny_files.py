"""Small files in the true formats of the published datasets, made on the spot, and how they are served to `load`."""

import dataclasses
import gzip
import hashlib
import io
import tarfile
import zipfile

import numpy as np

from glimpse_env.datasets import published

NOBODY = "http://127.0.0.1:9/"  # the discard port: no one listens


def pixels_of(n, shape=(28, 28), seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, *shape), np.uint8)


def idx(array):
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return gzip.compress(header + array.astype(np.uint8).tobytes(), 1)


def emnist(images, labels, part="train"):
    """The zip of EMNIST: images turned over, labels from 1."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(f"gzip/emnist-letters-{part}-images-idx3-ubyte.gz", idx(images.swapaxes(1, 2)))
        archive.writestr(f"gzip/emnist-letters-{part}-labels-idx1-ubyte.gz", idx(labels + 1))
    return content.getvalue()


def cifar10_records(images, labels):
    planes = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
    return np.concatenate([labels[:, None].astype(np.uint8), planes], 1).tobytes()


def tar(members):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz", compresslevel=1) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return content.getvalue()


def cifar10(images, labels, test_images, test_labels):
    """The archive of CIFAR-10: five batches and a test batch."""
    names = [f"cifar-10-batches-bin/data_batch_{n}.bin" for n in range(1, 6)]
    parts = zip(names, np.array_split(images, 5), np.array_split(labels, 5), strict=True)
    members = {name: cifar10_records(some, of) for name, some, of in parts}
    return tar({**members, "cifar-10-batches-bin/test_batch.bin": cifar10_records(test_images, test_labels)})


def svhn(images, labels, **arguments):
    """A .mat of SVHN: the images' number last, 10 for the digit 0."""
    from scipy.io import savemat

    content = io.BytesIO()
    classes = np.where(labels == 0, 10, labels)[:, None].astype(np.uint8)
    savemat(content, {"X": images.transpose(1, 2, 3, 0), "y": classes}, **arguments)
    return content.getvalue()


def publish(monkeypatch, folder, num_train=60, num_test=20, num_validation=10):
    """Put small published datasets into a cache folder, with checksums to match, and a mirror that is not there.

    Returns:
        name -> training or not -> images, labels.
    """
    made = {}
    for name, entry in list(published.PUBLISHED.items()):
        shape = (32, 32, 3) if name in ("cifar10", "svhn") else (28, 28)
        n = len(entry.classes)
        train, test = pixels_of(num_train, shape, seed=1), pixels_of(num_test, shape, seed=2)
        train_labels, test_labels = np.arange(num_train) % n, np.arange(num_test) * 3 % n
        if name == "cifar10":
            contents = [cifar10(train, train_labels, test, test_labels)]
        elif name == "emnist_letters":
            both = io.BytesIO(emnist(train, train_labels))
            with zipfile.ZipFile(both, "a") as archive, zipfile.ZipFile(io.BytesIO(emnist(test, test_labels, "test"))) as more:
                for member in more.namelist():
                    archive.writestr(member, more.read(member))
            contents = [both.getvalue()]
        elif name == "svhn":
            contents = [svhn(train, train_labels), svhn(test, test_labels)]
        else:
            contents = [idx(train), idx(train_labels), idx(test), idx(test_labels)]
        files = dict(zip(dict(entry.training) | dict(entry.test), contents, strict=True))
        (folder / name).mkdir(parents=True, exist_ok=True)
        for file, content in files.items():
            (folder / name / file).write_bytes(content)
        sums = {file: f"sha256:{hashlib.sha256(content).hexdigest()}" for file, content in files.items()}
        changes = {part: {file: sums[file] for file in getattr(entry, part)} for part in ("training", "test")}
        small = dataclasses.replace(entry, mirrors=(NOBODY,), num_validation=num_validation, **changes)
        monkeypatch.setitem(published.PUBLISHED, name, small)
        made[name] = {True: (train, train_labels), False: (test, test_labels)}
    monkeypatch.setenv("GLIMPSE_DATA", str(folder))
    monkeypatch.setattr(published, "load", published.functools.cache(published.load.__wrapped__))  # forget nothing real
    monkeypatch.setattr(published, "_read", published.functools.cache(published._read.__wrapped__))
    return made
