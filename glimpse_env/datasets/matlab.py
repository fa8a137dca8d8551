"""A reader of numeric arrays in MATLAB level 5 files, for SVHN.

SciPy's reader can crash the process on a damaged file.
"""

import math
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from glimpse_env.datasets import inflate

_TYPES = {1: "i1", 2: "u1", 3: "<i2", 4: "<u2", 5: "<i4", 6: "<u4", 7: "<f4", 9: "<f8", 12: "<i8", 13: "<u8"}
_MATRIX, _COMPRESSED = 14, 15


def arrays(content: bytes) -> dict[str, npt.NDArray[Any]]:
    """Read the arrays of a file: name -> values, in their stored type.

    Raises:
        ValueError: the file has another format, is damaged, or holds anything but arrays.
    """
    if content[124:128] != b"\0\1IM":  # version and byte order
        raise ValueError("not a little-endian MATLAB file of level 5")
    found = {}
    room = inflate.MOST
    for kind, data in _elements(memoryview(content)[128:]):
        if kind == _COMPRESSED:
            unpacked = inflate.inflate(data, zlib.MAX_WBITS, room)
            room -= len(unpacked)
            kind, data = next(_elements(memoryview(unpacked)), (0, data))
        if kind != _MATRIX:
            raise ValueError(f"an element of type {kind} in place of a variable")
        name, values = _array(data)
        found[name] = values
    return found


def _elements(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield the type and bytes of each element."""
    while data:
        if len(data) < 8:
            raise ValueError("it ends within an element")
        kind, size = struct.unpack_from("<II", data)
        start = 8
        if kind >> 16:  # a small element: tag and at most four bytes in eight
            kind, size, start = kind & 0xFFFF, kind >> 16, 4
        stop = start + size
        if stop > len(data):
            raise ValueError(f"it has {len(data) - start} bytes where an element needs {size}")
        yield kind, data[start:stop]
        data = data[stop if kind == _COMPRESSED else -(-stop // 8) * 8 :]


def _array(data: memoryview) -> tuple[str, npt.NDArray[Any]]:
    parts = list(_elements(data))
    if len(parts) < 4 or parts[3][0] not in _TYPES:
        raise ValueError("a variable is not an array of numbers")
    _, (_, axes), (_, name), (kind, values) = parts[:4]
    shape = np.frombuffer(axes, "<i4").tolist()
    numbers = np.frombuffer(values, _TYPES[kind])
    if math.prod(shape) != numbers.size:
        raise ValueError(f"an array of {shape} has {numbers.size} numbers")
    return bytes(name).decode("latin-1"), numbers.reshape(shape, order="F")
