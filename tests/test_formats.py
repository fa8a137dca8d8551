"""Published datasets by name, from small files of their true formats; damaged files are errors, never crashes."""

import gzip
import io
import warnings

import numpy as np
import pytest
import scipy.io
import tiny_files
from hypothesis import given, settings
from hypothesis import strategies as st

from glimpse_env.datasets import formats, load, matlab, published

pytest.importorskip("pooch")
NAMES = list(published.PUBLISHED)


@pytest.fixture
def made(monkeypatch, tmp_path):
    return tiny_files.publish(monkeypatch, tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_a_dataset_is_what_its_files_say(made, name):
    train, labels = made[name][True]
    test, test_labels = made[name][False]
    shape = (32, 32, 3) if train.ndim == 4 else (28, 28, 1)
    expected = {
        "train": (train[:-10], labels[:-10]),
        "validation": (train[-10:], labels[-10:]),
        "test": (test, test_labels),
        "train+validation": (train, labels),
    }
    for split, (images, classes) in expected.items():
        data = load(name, split)
        assert data.shape == shape
        assert data.num_classes == len(data.classes) == (26 if name == "emnist_letters" else 10)
        np.testing.assert_array_equal(data.images, images.reshape(-1, *shape))
        np.testing.assert_array_equal(data.labels, classes)
        assert (data.images.dtype, data.labels.dtype) == (np.uint8, np.int64)
        assert data.images.flags.c_contiguous
        assert data.source == (name, split)
        assert load(name, split) is data
    assert load(name) is load(name, "train")


@pytest.mark.parametrize("name", published.NAMES)
def test_a_dataset_by_name_has_its_own_size_and_classes(name):
    for arguments in ({"num_classes": 3}, {"image_size": 20}):
        with pytest.raises(ValueError, match=f"your own images: leave them out with '{name}'"):
            load(name, **arguments)


def test_the_sizes_of_the_table_are_those_of_the_splits():
    """What the published files hold, from the authors' own pages; here only the arithmetic can be checked."""
    published_sizes = {"mnist": 60_000, "fashion_mnist": 60_000, "kmnist": 60_000, "cifar10": 50_000, "svhn": 73_257}
    published_sizes["emnist_letters"] = 124_800
    rows = [line.strip("| ").split(" | ") for line in published.__doc__.splitlines() if line.startswith("| ")][1:]
    assert {row[0] for row in rows} == set(published.NAMES) == set(published_sizes)
    for name, _, num_classes, train, validation, _ in rows:
        assert int(train.replace(",", "")) + int(validation.replace(",", "")) == published_sizes[name]
        if name != "mnist":
            assert int(validation.replace(",", "")) == published.PUBLISHED[name].num_validation
            assert int(num_classes) == len(published.PUBLISHED[name].classes)


IMAGES, LABELS = tiny_files.pixels_of(10), np.arange(10)
COLOR = tiny_files.pixels_of(10, (32, 32, 3))


def read_idx(path, content):
    return formats.idx(formats.gunzip(content))


def written(read):
    def at(path, content):
        path.write_bytes(content)
        return read(path)

    return at


def idx_pair(path):
    labels = path.with_name("labels.gz")
    labels.write_bytes(tiny_files.idx(LABELS))
    return formats.idx_pair(path, labels)


READERS = {  # name -> how content is read from a path, and whole content; unpacked, so that more than checksums is put to test
    "idx, unpacked": (lambda path, content: formats.idx(content), gzip.decompress(tiny_files.idx(IMAGES))),
    "cifar10, unpacked": (
        lambda path, content: formats.cifar10_tar(content, True),
        gzip.decompress(tiny_files.cifar10(COLOR, LABELS, COLOR, LABELS)),
    ),
    "idx": (read_idx, tiny_files.idx(IMAGES)),
    "idx pair": (written(idx_pair), tiny_files.idx(IMAGES)),
    "emnist": (written(lambda path: formats.emnist_letters(path, True)), tiny_files.emnist(IMAGES, LABELS)),
    "cifar10": (written(lambda path: formats.cifar10(path, True)), tiny_files.cifar10(COLOR, LABELS, COLOR, LABELS)),
    "svhn": (written(formats.svhn), tiny_files.svhn(COLOR, LABELS)),
    "svhn, compressed": (written(formats.svhn), tiny_files.svhn(COLOR, LABELS, do_compression=True)),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz") / "file"


@pytest.mark.parametrize("name", READERS)
def test_whole_files_are_read(name, place):
    read, content = READERS[name]
    found = read(place, content)
    assert len(found if name.startswith("idx") and name != "idx pair" else found[0]) == 10


@pytest.mark.parametrize("name", READERS)
@given(content=st.binary(max_size=300))
@settings(deadline=None, max_examples=60)
def test_any_bytes_are_refused(name, place, content):
    with pytest.raises(ValueError):  # noqa: PT011  # whatever the message
        READERS[name][0](place, content)


@pytest.mark.parametrize("name", READERS)
@given(data=st.data())
@settings(deadline=None, max_examples=120)
def test_a_spoilt_file_is_read_or_refused(name, place, data):
    read, content = READERS[name]
    spoilt = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4), "changes")):
        where = data.draw(st.one_of(st.integers(0, min(400, len(spoilt) - 1)), st.integers(0, len(spoilt) - 1)), "where")
        spoilt[where] = data.draw(st.integers(0, 255), "value")
    spoilt = bytes(spoilt[: data.draw(st.one_of(st.just(len(spoilt)), st.integers(0, len(spoilt))), "length")])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read(place, spoilt)
    except ValueError:
        pass


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\0\0\x0d\1\0\0\0\1abcd", "not an IDX file of bytes"),
        (b"\0\0\x08\3\0\0\0\1", r"values and has"),
        (b"\0\0\x08\1\0\0\0\5abcd", r"promises \[5\] values and has 4"),
        (b"\0\0\x08\1\0\0\0\3abcd", r"promises \[3\] values and has 4"),
        (b"\0\0\x08\3" + b"\xff" * 12 + b"a", "values and has 1"),
    ],
)
def test_bad_idx(content, message):
    with pytest.raises(ValueError, match=message):
        formats.idx(content)


def test_bad_contents(tmp_path):
    path, other = tmp_path / "a", tmp_path / "b"
    path.write_bytes(tiny_files.idx(IMAGES))
    other.write_bytes(tiny_files.idx(LABELS[:-1]))
    with pytest.raises(ValueError, match="10 images and 9 labels"):
        formats.idx_pair(path, other)
    with pytest.raises(ValueError, match="three axes and labels one, got 3 and 3"):
        formats.idx_pair(path, path)
    path.write_bytes(gzip.compress(b"", 1))
    with pytest.raises(ValueError, match="not an IDX file"):
        formats.idx_pair(path, other)
    path.write_bytes(tiny_files.emnist(IMAGES, LABELS - 1))
    with pytest.raises(ValueError, match="labels from 1"):
        formats.emnist_letters(path, True)
    path.write_bytes(tiny_files.cifar10(COLOR, LABELS + 1, COLOR, LABELS))
    with pytest.raises(ValueError, match=r"\[0, 10\), got 10"):
        formats.cifar10(path, True)
    path.write_bytes(tiny_files.tar({"cifar-10-batches-bin/test_batch.bin": b"x" * 3074}))
    with pytest.raises(ValueError, match="3,073 bytes, got 3,074"):
        formats.cifar10(path, False)
    path.write_bytes(tiny_files.svhn(COLOR, LABELS + 2))
    with pytest.raises(ValueError, match="from 1 to 10"):
        formats.svhn(path)
    path.write_bytes(tiny_files.svhn(COLOR[:, :30], LABELS))
    with pytest.raises(ValueError, match=r"\(32, 32, 3, N\) uint8, got \(30, 32, 3, 10\)"):
        formats.svhn(path)


@pytest.mark.parametrize("do_compression", [False, True])
def test_matlab_files_are_read_as_scipy_writes_them(do_compression):
    rng = np.random.default_rng(0)
    types = [np.uint8, np.int8, np.uint16, np.int16, np.int32, np.uint32, np.float32, np.float64, np.int64, np.uint64]
    written = {f"name_{n}": rng.integers(0, 100, (3, n, 2)).astype(dtype) for n, dtype in enumerate(types)}
    content = io.BytesIO()
    scipy.io.savemat(content, {**written, "y": np.array([[7]], np.uint8)}, do_compression=do_compression)
    read = matlab.arrays(content.getvalue())
    assert read.pop("y") == [[7]]
    assert read.keys() == written.keys()
    for name, values in written.items():
        np.testing.assert_array_equal(read[name], values)
        assert read[name].dtype == values.dtype


def test_a_trailer_that_claims_4_gb_takes_no_memory():
    packed = gzip.compress(b"hello", 1)
    assert formats.gunzip(packed) == b"hello"
    with pytest.raises(ValueError, match="not a complete gzip file"):
        formats.gunzip(packed[:-4] + b"\xff\xff\xff\xff")
