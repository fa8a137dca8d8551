"""Readers of the published file formats. None unpickles; every fault in a file raises a ValueError.

Nothing is unpacked to disk, and no file unpacks to more than `inflate.MOST` bytes.
"""

import math
import pathlib
import zipfile
import zlib
from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from glimpse_env.datasets import inflate, matlab

Labeled: TypeAlias = tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]  # (N, h, w, C), (N,)

_BLOCK = 512  # bytes, in a tar archive


def gunzip(packed: bytes) -> bytes:
    """Decompress a gzip file."""
    try:
        return inflate.inflate(packed, zlib.MAX_WBITS | 16)
    except ValueError as error:
        raise ValueError(f"not a complete gzip file: {error}") from error


def idx(content: bytes) -> npt.NDArray[np.uint8]:
    """Read an IDX file of bytes (LeCun): two zeros, type 8, the number of axes, their lengths, the values."""
    if content[:3] != b"\0\0\x08" or len(content) < 4:
        raise ValueError(f"not an IDX file of bytes: it begins with {content[:4]!r}")
    start = 4 + 4 * content[3]
    shape = np.frombuffer(content[4:start], ">u4").tolist() if len(content) >= start else [-1]
    if math.prod(shape) != len(content) - start:
        raise ValueError(f"an IDX file that promises {shape} values and has {len(content) - start}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def idx_pair(images: pathlib.Path, labels: pathlib.Path) -> Labeled:
    """Read MNIST's format: two gzipped IDX files."""
    return _gray(images.read_bytes(), labels.read_bytes())


def emnist_letters(path: pathlib.Path, training: bool) -> Labeled:
    """Read the letters in EMNIST's zip archive of IDX files: images are transposed, labels start at 1."""
    stem = f"gzip/emnist-letters-{'train' if training else 'test'}"
    try:
        with zipfile.ZipFile(path) as archive:
            packed = [_member(archive, f"{stem}-{what}-ubyte.gz") for what in ("images-idx3", "labels-idx1")]
    except (zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError, EOFError, zlib.error, OSError) as error:
        raise ValueError(f"not EMNIST's archive ({error})") from error
    images, labels = _gray(*packed)
    if labels.min() < 1:
        raise ValueError("EMNIST's letters have labels from 1, got a 0")
    return np.ascontiguousarray(images.swapaxes(1, 2)), labels - 1


def cifar10(path: pathlib.Path, training: bool) -> Labeled:
    """Read CIFAR-10's binary archive: a gzipped tar."""
    return cifar10_tar(gunzip(path.read_bytes()), training)


def cifar10_tar(content: bytes, training: bool) -> Labeled:
    """Read CIFAR-10's unzipped archive: records of a label and 32x32 bytes each of red, green and blue."""
    files = [f"data_batch_{n}.bin" for n in range(1, 6)] if training else ["test_batch.bin"]
    members = dict(tar(content))
    if missing := {f"cifar-10-batches-bin/{file}" for file in files} - members.keys():
        raise ValueError(f"not CIFAR-10's archive (it lacks {sorted(missing)})")
    values = np.frombuffer(b"".join(members[f"cifar-10-batches-bin/{file}"] for file in files), np.uint8)
    if values.size == 0 or values.size % 3073:
        raise ValueError(f"CIFAR-10's records have 3,073 bytes, got {values.size:,}")
    records = values.reshape(-1, 3073)
    images = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return _checked(np.ascontiguousarray(images), records[:, 0], 10)


def tar(content: bytes) -> Iterator[tuple[str, memoryview]]:
    """Yield the name and content of each file in a tar archive; links and other entries are left out.

    Python's own reader can loop forever on damaged files.
    """
    start = 0
    while any(header := content[start : start + _BLOCK]):
        size = header[124:136].strip(b" \0") or b"0"
        start += _BLOCK
        if not size.isdigit() or start + int(size, 8) > len(content):
            raise ValueError(f"a tar archive of {len(content):,} bytes with a file of size {size!r} at byte {start:,}")
        if header[156:157] in b"0\0":
            yield header[:100].rstrip(b"\0").decode("latin-1"), memoryview(content)[start : start + int(size, 8)]
        start += -(-int(size, 8) // _BLOCK) * _BLOCK


def svhn(path: pathlib.Path) -> Labeled:
    """Read a cropped SVHN file: MATLAB's X (32, 32, 3, N) and y (N, 1) from 1 to 10, where 10 is the digit 0."""
    found = matlab.arrays(path.read_bytes())
    if not {"X", "y"} <= found.keys():
        raise ValueError(f"an SVHN file must have X and y, got {sorted(found)}")
    images, labels = found["X"], found["y"]
    if images.ndim != 4 or images.shape[:3] != (32, 32, 3) or images.dtype != np.uint8:
        raise ValueError(f"SVHN's X must be (32, 32, 3, N) uint8, got {images.shape} {images.dtype}")
    if not np.isin(labels, np.arange(1, 11)).all():
        raise ValueError("SVHN's y must be integers from 1 to 10")
    return _checked(np.ascontiguousarray(images.transpose(3, 0, 1, 2)), labels.ravel().astype(np.int64) % 10, 10)


def _gray(images: bytes, labels: bytes) -> Labeled:
    pixels, classes = idx(gunzip(images)), idx(gunzip(labels))
    if pixels.ndim != 3 or classes.ndim != 1:
        raise ValueError(f"images must have three axes and labels one, got {pixels.ndim} and {classes.ndim}")
    return _checked(pixels[..., np.newaxis], classes, 256)


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    info = archive.getinfo(name)
    if info.file_size > inflate.MOST or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise zipfile.BadZipFile(f"{name} of {info.file_size:,} bytes, compression type {info.compress_type}")
    return archive.read(info)


def _checked(images: npt.NDArray[np.uint8], labels: npt.NDArray[np.integer], num_classes: int) -> Labeled:
    if images.size == 0 or len(images) != len(labels):
        raise ValueError(f"{len(images)} images and {len(labels)} labels: the numbers must be equal and at least 1")
    if labels.max() >= num_classes:
        raise ValueError(f"labels must lie in [0, {num_classes}), got {labels.max()}")
    return images, labels.astype(np.int64)
