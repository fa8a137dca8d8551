"""Read corrupted files of each format with limited memory: ``python -m tools.fuzz 1000`` corrupts each 1,000 times.

Prints each case, a format and a seed, before it is tried: if a case ends the process, it is the last line.
"""

import pathlib
import resource
import shutil
import sys
import tempfile
import time
import warnings

import numpy as np
from PIL import Image

from glimpse_env.datasets import formats, load, matlab

ROOT = pathlib.Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))
import tiny_files  # noqa: E402  # the tests make their files with it

ROOM = 2**30  # bytes, in addition to the memory of the process at the start
PATIENCE = 20  # the most seconds of CPU time for a small file
IMAGES, LABELS = tiny_files.pixels_of(10), np.arange(10)
COLOR = tiny_files.pixels_of(10, (32, 32, 3))
PICTURE = tiny_files.pixels_of(1, (9, 13, 3))[0]


def labeled(found):
    """Check the result of a reader of a published dataset."""
    images, labels = found
    assert images.dtype == np.uint8, images.dtype
    assert labels.dtype == np.int64, labels.dtype
    assert images.ndim == 4, images.shape
    assert len(images) == len(labels) > 0, (images.shape, labels.shape)
    assert labels.min() >= 0, labels.min()


def idx_pair(path):
    """Read a pair of IDX files."""
    labels = path.with_name("labels.gz")
    labels.write_bytes(tiny_files.idx(LABELS))
    labeled(formats.idx_pair(path, labels))


def folder(path):
    """Read a folder of pictures."""
    data = load(path.parents[1])
    images, slots = data.take(np.arange(len(data)))
    assert images[slots].shape == (1, *data.shape)
    assert images.dtype == np.uint8


def saved(format):
    """The bytes of a picture in this format."""
    with tempfile.TemporaryFile() as file:
        Image.fromarray(PICTURE).save(file, format)
        file.seek(0)
        return file.read()


def checkpoint(path):
    """Read a checkpoint."""
    from agents import checkpoints

    run = path.parent / "run"
    run.mkdir(exist_ok=True)
    shutil.copy(path, run / checkpoints.NEWEST)
    assert isinstance(checkpoints.load(run), dict)


def checkpoint_content():
    """The bytes of a checkpoint."""
    import torch

    from agents import checkpoints

    with tempfile.TemporaryDirectory() as folder:
        content = {"config": {"a": 1}, "update": 3, "model": {"w": torch.ones(3)}, "optimizer": {}}
        checkpoints.save(pathlib.Path(folder), content)
        return (pathlib.Path(folder) / checkpoints.NEWEST).read_bytes()


def weights(path):
    """Read shipped weights."""
    from agents import weights

    weights.load(str(path))


def weights_content():
    """The bytes of weights, which fit no agent."""
    import dataclasses
    import json

    import torch
    from safetensors.torch import save

    from agents.config import Config

    return save({"core.bias": torch.ones(3)}, metadata={"config": json.dumps(dataclasses.asdict(Config()))})


def readers():
    """Format -> its reader, and valid content; also unpacked formats, in which no checksum catches the corruption first."""
    cifar10, mat = tiny_files.cifar10(COLOR, LABELS, COLOR, LABELS), tiny_files.svhn(COLOR, LABELS)
    mnist = tiny_files.idx(IMAGES)
    found = {
        "idx": (lambda path: formats.idx(path.read_bytes()), formats.gunzip(mnist)),
        "idx.gz": (idx_pair, mnist),
        "tar": (lambda path: labeled(formats.cifar10_tar(path.read_bytes(), True)), formats.gunzip(cifar10)),
        "tar.gz": (lambda path: labeled(formats.cifar10(path, True)), cifar10),
        "zip": (lambda path: labeled(formats.emnist_letters(path, True)), tiny_files.emnist(IMAGES, LABELS)),
        "mat": (lambda path: labeled(formats.svhn(path)), mat),
        "mat.z": (lambda path: labeled(formats.svhn(path)), tiny_files.svhn(COLOR, LABELS, do_compression=True)),
        "arrays": (lambda path: matlab.arrays(path.read_bytes()), mat),
        "checkpoint": (checkpoint, checkpoint_content()),
        "weights": (weights, weights_content()),
    }
    return found | {format: (folder, saved(format)) for format in ("png", "jpeg", "bmp", "tiff", "webp", "ppm")}


def spoilt(content, seed):
    """Flip, set, delete, insert, repeat or append bytes, often at the beginning, where sizes are."""
    rng = np.random.default_rng(seed)
    data = bytearray(content)
    for _ in range(rng.integers(1, 5)):
        reach = len(data) if rng.random() < 0.5 else min(len(data), 400)
        where, length = int(rng.integers(reach)) if reach else 0, int(rng.integers(1, 40))
        some = rng.integers(0, 256, length, np.uint8).tobytes()
        match rng.integers(7):
            case 0:
                data[where : where + 1] = bytes([data[where] ^ (1 << rng.integers(8))]) if data else b""
            case 1:
                data[where : where + 1] = some[:1]
            case 2:
                data[where : where + 4] = [b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f"][rng.integers(4)]
            case 3:
                del data[where : where + length]
            case 4:
                data[where:where] = some
            case 5:
                data += data[where : where + length] + some
            case _:
                data = data[: rng.integers(len(data) + 1)] if rng.random() < 0.3 else data
    return bytes(data)


def attempt(read, path, content):
    """Whether content can be read; a clear ValueError is fine, any other exception is raised."""
    path.write_bytes(content)
    begun = time.process_time()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read(path)
        return True
    except ValueError as error:
        if len(str(error)) < 10:
            raise AssertionError(f"an uninformative message: {error}") from error
        return False
    finally:
        spent = time.process_time() - begun
        assert spent < PATIENCE, f"{spent:.0f} s"


def main(times, first=0):
    """Corrupt each format several times, from the first seed on."""
    Image.MAX_IMAGE_PIXELS = 1_000_000
    found = readers()
    with tempfile.TemporaryDirectory() as place:
        path = pathlib.Path(place) / "set" / "class" / "file"
        path.parent.mkdir(parents=True)
        for name, (read, content) in found.items():  # valid files, which also import all code before memory is measured
            whole = attempt(read, path.with_suffix(f".{name}"), content)
            assert whole or name == "weights", name
            path.with_suffix(f".{name}").unlink()
        used = int(pathlib.Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + ROOM, used + ROOM))
        for name, (read, content) in found.items():
            valid = 0
            for seed in range(first, first + times):
                print(name, seed, end="\r", flush=True)
                valid += attempt(read, path.with_suffix(f".{name}"), spoilt(content, seed))
                path.with_suffix(f".{name}").unlink()
            print(f"{name}: {times} corrupted, {valid} read, {times - valid} refused", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
