"""Hostile files and names: no code of a file is run, none fills the memory or ends the process, nothing leaves its folder."""

import ast
import gzip
import io
import os
import pathlib
import pickle
import struct
import subprocess
import sys
import tarfile
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest
import tiny_files
from hypothesis import settings

from glimpse_env import ink
from glimpse_env.datasets import download, formats, inflate, load, matlab, published

Image = pytest.importorskip("PIL.Image")
pytest.importorskip("pooch")

ROOT = pathlib.Path(__file__).parents[1]
SOURCES = sorted([*ROOT.glob("glimpse_env/**/*.py"), *ROOT.glob("agents/**/*.py")])
TRAIN = "cifar-10-batches-bin/data_batch_{}.bin"
TEST = "cifar-10-batches-bin/test_batch.bin"


# What the packages call.

RUNNING_CODE = {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve", "yaml", "subprocess"}
UNPACKING = {"extract", "extractall", "unpack_archive", "loadmat", "system", "popen"}


def names_of(call):
    """The last two parts of what is called: ("torch", "load") of torch.load(...)."""
    function = call.func
    last = getattr(function, "attr", getattr(function, "id", ""))
    return getattr(getattr(function, "value", None), "id", ""), last


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_source_reads_code_from_a_file(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
            assert not {module.partition(".")[0] for module in modules} & RUNNING_CODE, ast.unparse(node)
        if isinstance(node, ast.Call):
            module, name = names_of(node)
            arguments = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            assert arguments.get("allow_pickle", "False") == "False", ast.unparse(node)
            assert (module, name) != ("torch", "load") or arguments.get("weights_only") == "True", ast.unparse(node)
            assert name not in UNPACKING, ast.unparse(node)
            assert module or name not in ("eval", "exec", "compile", "__import__"), ast.unparse(node)
            assert "shell" not in arguments, ast.unparse(node)


class Evil:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


def test_a_pickle_is_never_run(tmp_path, monkeypatch):
    """Wherever a file is read: as a checkpoint, a dataset, an image, or the letters of the font."""
    checkpoints = pytest.importorskip("agents.checkpoints")
    torch = pytest.importorskip("torch")
    mark, place = tmp_path / "it ran", tmp_path / "set" / "class" / "a.png"
    place.parent.mkdir(parents=True)
    evil = pickle.dumps(Evil(mark))
    whole = io.BytesIO()
    torch.save({"config": {}, "update": 1, "model": Evil(mark), "optimizer": {}}, whole)
    array = io.BytesIO()
    np.save(array, np.array([Evil(mark)], object), allow_pickle=True)
    arrays = io.BytesIO()
    np.savez(arrays, images=np.array([Evil(mark)], object), allow_pickle=True)
    for content in (evil, gzip.compress(evil), whole.getvalue(), array.getvalue(), arrays.getvalue()):
        place.write_bytes(content)
        (tmp_path / checkpoints.NEWEST).write_bytes(content)
        for read in (
            lambda path: checkpoints.load(path.parents[2]),
            formats.svhn,
            lambda path: load(path.parents[1]),
            lambda path: formats.emnist_letters(path, True),
            lambda path: formats.cifar10(path, True),
            lambda path: formats.idx_pair(path, path),
        ):
            with pytest.raises(ValueError, match=r".{10}"):
                read(place)
    letters = tmp_path / "data" / "font" / "letters.npy"
    letters.parent.mkdir(parents=True)
    letters.write_bytes(array.getvalue())
    monkeypatch.setattr(ink, "__file__", str(tmp_path / "ink.py"))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        ink._letters.__wrapped__()
    assert not mark.exists()
    pickle.loads(evil)
    assert mark.exists(), "the trap works"


# Bombs: what is small on the disk, and claims or unpacks to much.


@pytest.fixture
def little_room(monkeypatch):
    """Files may unpack to 100 kB, and the memory taken meanwhile is watched."""
    monkeypatch.setattr(inflate, "MOST", 100_000)
    monkeypatch.setattr(inflate.inflate, "__defaults__", (100_000,))
    tracemalloc.start()
    yield
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5e6


BOMB = 50_000_000


def test_a_gzip_bomb(little_room, tmp_path):
    engine = zlib.compressobj(9, wbits=31)
    bomb = b"".join(engine.compress(bytes(500_000)) for _ in range(BOMB // 500_000)) + engine.flush()
    with pytest.raises(ValueError, match="not a complete gzip file: it unpacks to more than 100,000 bytes"):
        formats.gunzip(bomb)
    (tmp_path / "a.gz").write_bytes(bomb)
    for read in (lambda path: formats.cifar10(path, True), lambda path: formats.idx_pair(path, path)):
        with pytest.raises(ValueError, match="more than 100,000 bytes"):
            read(tmp_path / "a.gz")


def test_a_zip_bomb_and_a_zip_that_claims_to_be_one(little_room, tmp_path):
    name = "gzip/emnist-letters-train-images-idx3-ubyte.gz"
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive, archive.open(name, "w") as member:
        for _ in range(BOMB // 500_000):
            member.write(bytes(500_000))
    with pytest.raises(ValueError, match=r"images-idx3-ubyte.gz of 50,000,000 bytes"):
        formats.emnist_letters(tmp_path / "a.zip", True)
    claims = tiny_files.emnist(tiny_files.pixels_of(3), np.arange(3))
    central = claims.index(b"PK\1\2")
    claims = claims[: central + 24] + struct.pack("<I", 2**32 - 2) + claims[central + 28 :]
    (tmp_path / "a.zip").write_bytes(claims)
    with pytest.raises(ValueError, match=r"of 4,294,967,294 bytes"):
        formats.emnist_letters(tmp_path / "a.zip", True)


@pytest.mark.parametrize("way", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2], ids=["lzma", "bzip2"])
def test_a_zip_packed_in_another_way(way, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", way) as archive:
        archive.writestr("gzip/emnist-letters-train-images-idx3-ubyte.gz", b"x")
    with pytest.raises(ValueError, match=f"compression type {way}"):
        formats.emnist_letters(tmp_path / "a.zip", True)


def test_a_matlab_bomb_in_one_variable_and_in_many(little_room):
    def file(*sizes):
        variables = []
        for size in sizes:
            packed = zlib.compress(struct.pack("<II", 14, size) + bytes(size), 9)
            variables.append(struct.pack("<II", 15, len(packed)) + packed)
        return bytes(124) + b"\0\1IM" + b"".join(variables)

    for content in (file(1_000_000), file(*[90_000] * 2)):
        with pytest.raises(ValueError, match=r"it unpacks to more than [\d,]+ bytes|not an array of numbers"):
            matlab.arrays(content)
    with pytest.raises(ValueError, match="more than 100,000"):
        matlab.arrays(file(100_000))


def png(width, height, *chunks):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunk(*each) for each in chunks) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(50_000, 50_000), (2**31 - 1, 2**31 - 1), (1, 2**31 - 1), (9500, 9500)])
def test_a_png_that_claims_many_pixels(little_room, tmp_path, size):
    path = tmp_path / "class" / "a.png"
    path.parent.mkdir()
    path.write_bytes(png(*size, (b"IDAT", zlib.compress(bytes(100_000), 9))))
    with pytest.raises(ValueError, match=rf"{path} is too large \(.*(pixels|exceeds limit).*: shrink it, or raise"):
        load(tmp_path)


def test_a_png_whose_notes_are_a_bomb(tmp_path):
    path = tmp_path / "class" / "a.png"
    path.parent.mkdir()
    note = b"a\0\0" + zlib.compress(bytes(BOMB), 9)
    path.write_bytes(png(2, 2, *[(b"zTXt", note)] * 3, (b"IDAT", zlib.compress(bytes(6)))))
    tracemalloc.start()
    with pytest.raises(ValueError, match=f"{path} cannot be read as an image"):
        load(tmp_path)
    assert tracemalloc.get_traced_memory()[1] < 20e6
    tracemalloc.stop()


# Archives that lead elsewhere, or go round in circles.


def archive(*members):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as it:
        for name, data, *changes in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            for change in changes:
                for key, value in change.items():
                    setattr(info, key, value)
            it.addfile(info, io.BytesIO(data))
    return content.getvalue()


RECORD = bytes([7]) + bytes(3072)


def test_a_tar_is_what_pythons_reader_says():
    members = [("a/", b"", {"type": tarfile.DIRTYPE}), ("a/one.bin", b"x" * 700), ("two", b""), ("three", b"y" * 512)]
    content = archive(*members)
    with tarfile.open(fileobj=io.BytesIO(content)) as it:
        expected = {member.name: it.extractfile(member).read() for member in it if member.isreg()}
    assert {name: bytes(data) for name, data in formats.tar(content)} == expected
    assert list(formats.tar(b"")) == list(formats.tar(bytes(1024))) == []


@pytest.mark.parametrize("name", ["../../" + TEST, "/" + TEST, "./" + TEST, TEST + "/x", TEST.upper()])
def test_a_member_of_another_name_is_not_taken(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"it lacks \['cifar-10-batches-bin/test_batch.bin'\]"):
        formats.cifar10_tar(archive((name, RECORD)), False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE])
@pytest.mark.parametrize("target", ["test_batch.bin", TEST, "/etc/hostname", "../../etc/hostname"])
def test_a_member_that_is_a_link_is_not_followed(kind, target):
    with pytest.raises(ValueError, match="it lacks"):
        formats.cifar10_tar(archive((TEST, b"", {"type": kind, "linkname": target})), False)


@pytest.mark.parametrize(
    "size", [b"-0000001000\0", b"\xff" * 10 + struct.pack(">h", -512), b"77777777777\0", b"00000009\0 ", b"0x10"]
)
def test_a_member_of_an_impossible_size(size):
    """Negative sizes have kept Python's own reader busy for ever."""
    content = bytearray(archive(("b", b""), (TEST, b"")))
    content[512 + 124 : 512 + 136] = size.ljust(12)
    with pytest.raises(ValueError, match=r"a tar archive of|invalid literal"):
        formats.cifar10_tar(bytes(content), False)


# Folders, links and names.


def image_at(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((4, 4), 9, np.uint8)).save(path)
    return path


def test_links_to_files_are_followed_and_those_to_folders_for_classes_alone(tmp_path):
    """The rule of `from_folder`: a dataset may be made of links, and no link can lead in circles."""
    outside = image_at(tmp_path / "elsewhere" / "secret.png")
    image_at(tmp_path / "set" / "a" / "own.png")
    (tmp_path / "set" / "a" / "link.png").symlink_to(outside)
    (tmp_path / "set" / "a" / "deeper").symlink_to(outside.parent)
    (tmp_path / "set" / "a" / "circle").symlink_to(tmp_path / "set")
    (tmp_path / "set" / "b").symlink_to(outside.parent)
    data = load(tmp_path / "set")
    assert data.items.names == ("a/link.png", "a/own.png", "b/secret.png")
    assert data.take(np.arange(3))[0].shape == (3, 4, 4, 1)


def test_what_is_no_file_is_refused_and_keeps_nobody_waiting(tmp_path):
    for name in ("a", "b", "c", "d"):
        (tmp_path / name).mkdir()
    os.mkfifo(tmp_path / "a" / "pipe.png")
    (tmp_path / "b" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "c" / "endless.png").symlink_to("/dev/zero")
    (tmp_path / "d" / "circle.png").symlink_to("circle.png")
    for name in ("a", "b", "c", "d"):
        only = tmp_path / f"only {name}"
        only.mkdir()
        (only / name).symlink_to(tmp_path / name)
        with pytest.raises(ValueError, match=r"png is not a file: repair or remove it"):
            load(only)


@pytest.mark.parametrize("name", ["../mnist", "mnist/..", "MNIST", "mnist\0", "", "cifar10/../../etc", "http://example.com/x"])
def test_a_name_that_is_none_fetches_nothing(name, tmp_path, monkeypatch):
    monkeypatch.setenv("GLIMPSE_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(download, "fetch", lambda *arguments: pytest.fail("it was fetched"))
    with pytest.raises(ValueError, match=r"Unknown dataset .*: use one of 'mnist'|has no folders in it"):
        load(name)


@pytest.mark.parametrize("name", published.PUBLISHED)
def test_nothing_is_read_before_its_checksum_is_right(name, tmp_path, monkeypatch):
    tiny_files.publish(monkeypatch, tmp_path)
    for file in (tmp_path / name).iterdir():
        file.write_bytes(file.read_bytes() + b"x")
    read = []
    entry = published.dataclasses.replace(published.PUBLISHED[name], read=lambda *arguments: read.append(arguments))
    monkeypatch.setitem(published.PUBLISHED, name, entry)
    for split in ("train", "test"):
        with pytest.raises(FileNotFoundError, match=r"The file that exists is a different one"):
            load(name, split)
    assert read == []


@pytest.mark.parametrize(("dataset", "file"), [("..", "a"), ("a", "../b"), ("a/b", "c"), ("/tmp", "a"), ("a", ".."), ("", "a")])
def test_a_fetched_file_stays_in_the_cache(dataset, file, tmp_path, monkeypatch):
    monkeypatch.setenv("GLIMPSE_DATA", str(tmp_path / "cache"))
    with pytest.raises(ValueError, match="lead out of the cache"):
        download.fetch(dataset, file, "md5:0", (tiny_files.NOBODY,))
    assert list(tmp_path.iterdir()) == []


# Whatever is in a file.


def test_spoilt_files_are_read_or_refused_and_harm_nobody():
    """In a process of its own, with a GiB of room: ``python -m tools.fuzz 1000`` for more."""
    times = max(20, settings.default.max_examples // 4)
    pytest.importorskip("resource")
    pytest.importorskip("torch")
    done = subprocess.run(
        [sys.executable, "-m", "tools.fuzz", str(times)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (done.stdout.splitlines()[-1:], done.stderr[-2000:])
    assert done.stdout.count("corrupted,") == 16
