"""MNIST as its files say, and a user's arrays checked."""

import copy
import gzip
import pickle
import shutil

import numpy as np
import pytest

from glimpse_env import datasets
from glimpse_env.datasets import ArrayDataset, load, published
from glimpse_env.datasets.arrays import from_arrays

SIZES = {"train": 55_000, "validation": 5_000, "test": 10_000, "train+validation": 60_000}


def pixels(stem):
    content = gzip.decompress((published._BUNDLED / f"{stem}-images-idx3-ubyte.gz").read_bytes())
    return np.frombuffer(content, np.uint8, offset=16).reshape(-1, 28, 28)


def classes(stem):
    return np.frombuffer(
        gzip.decompress((published._BUNDLED / f"{stem}-labels-idx1-ubyte.gz").read_bytes()), np.uint8, offset=8
    )


@pytest.mark.parametrize("split", datasets.SPLITS)
def test_mnist_shapes(split):
    data = load("mnist", split)
    assert len(data) == SIZES[split]
    assert data.images.shape == (SIZES[split], 28, 28, 1)
    assert data.labels.shape == (SIZES[split],)
    assert (data.images.dtype, data.labels.dtype) == (np.uint8, np.int64)
    assert data.num_classes == 10
    assert set(data.labels.tolist()) == set(range(10))


def test_train_and_validation_are_the_training_file_cut_in_two():
    train, validation = load("mnist", "train"), load("mnist", "validation")
    np.testing.assert_array_equal(np.concatenate([train.images, validation.images])[..., 0], pixels("train"))
    np.testing.assert_array_equal(np.concatenate([train.labels, validation.labels]), classes("train"))
    assert train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]  # as known of MNIST
    assert np.bincount(np.concatenate([train.labels, validation.labels])).tolist() == [
        *(5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949)
    ]


def test_test_split_is_the_test_file():
    test = load("mnist", "test")
    np.testing.assert_array_equal(test.images[..., 0], pixels("t10k"))
    np.testing.assert_array_equal(test.labels, classes("t10k"))
    assert test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]


def test_splits_share_no_image():
    splits = ("train", "validation", "test", "train+validation")
    train, validation, test, both = ({image.tobytes() for image in load("mnist", split).images} for split in splits)
    assert both == train | validation
    assert not train & validation
    assert not (train | validation) & test


@pytest.mark.parametrize("name", ["t10k-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz"])
def test_damaged_file_is_refused(monkeypatch, tmp_path, name):
    for file in published._BUNDLED.glob("t10k-*"):
        shutil.copy(file, tmp_path)
    content = bytearray(gzip.decompress((tmp_path / name).read_bytes()))
    content[5000] ^= 1
    (tmp_path / name).write_bytes(gzip.compress(content, 1))
    monkeypatch.setattr(published, "_BUNDLED", tmp_path)
    with pytest.raises(ValueError, match=f"{name} is damaged .*reinstall"):
        published._read.__wrapped__("mnist", training=False)


def test_wrong_checksum_is_refused(monkeypatch):
    monkeypatch.setitem(published._BUNDLED_SHA256, "t10k-labels-idx1-ubyte.gz", "0" * 64)
    with pytest.raises(ValueError, match=r"is damaged \(SHA-256 ff7bcfd4"):
        published._read.__wrapped__("mnist", training=False)


@pytest.mark.parametrize(
    ("arguments", "message"), [(("cifar",), "'cifar'.*'mnist'.*'cifar10'.*folder"), (("mnist", "dev"), "'dev'.*'validation'")]
)
def test_unknown_name_or_split(arguments, message):
    with pytest.raises(ValueError, match=message):
        load(*arguments)


def test_loaded_once_and_read_only():
    data = load("mnist", "test")
    assert load("mnist", "test") is data
    for array in (data.images, data.labels):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_named_dataset_is_pickled_as_its_name():
    data = load("mnist", "validation")
    content = pickle.dumps(data)
    assert len(content) < 200
    assert pickle.loads(content) is data


def test_array_dataset_survives_pickling():
    data = from_arrays(np.arange(18, dtype=np.uint8).reshape(2, 3, 3), [0, 4], num_classes=7)
    again = pickle.loads(pickle.dumps(data))
    np.testing.assert_array_equal(again.images, data.images)
    np.testing.assert_array_equal(again.labels, data.labels)
    assert again.num_classes == 7
    assert not again.images.flags.writeable


@pytest.mark.parametrize("make", [lambda: load("mnist", "test"), lambda: from_arrays(np.zeros((1, 2, 2)), [0])])
def test_deepcopy_shares(make):
    data = make()
    assert copy.deepcopy(data) is data
    assert copy.deepcopy({"of": [data]})["of"][0] is data


def test_float_images_are_rounded_to_the_nearest_of_255():
    values = np.array([0, 0.4 / 255, 0.6 / 255, 0.5, 254.6 / 255, 1])
    for dtype in (np.float32, np.float64):
        data = from_arrays(values.astype(dtype).reshape(1, 1, 6), [0])
        assert data.images.ravel().tolist() == [0, 0, 1, 128, 255, 255]


def test_uint8_survives_a_round_trip_through_floats():
    values = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    np.testing.assert_array_equal(from_arrays(values / np.float32(255), [0]).images[..., 0], values)


def test_color_images_keep_their_channels():
    images = np.arange(2 * 4 * 5 * 3, dtype=np.uint8).reshape(2, 4, 5, 3)
    np.testing.assert_array_equal(from_arrays(images, [1, 0]).images, images)


def test_transposed_images_become_contiguous():
    images = np.arange(2 * 3 * 4 * 5, dtype=np.uint8).reshape(2, 3, 4, 5).transpose(0, 2, 3, 1)
    data = from_arrays(images, [0, 1])
    assert data.images.flags.c_contiguous
    np.testing.assert_array_equal(data.images, images)


def test_users_arrays_stay_writeable_and_apart():
    images, labels = np.zeros((2, 2, 2), np.uint8), np.arange(2)
    data = from_arrays(images, labels)
    images[:], labels[:] = 9, 0
    assert not data.images.any()
    assert data.labels.tolist() == [0, 1]


def test_num_classes_is_the_largest_label_plus_one_unless_given():
    images = np.zeros((3, 2, 2), np.uint8)
    assert from_arrays(images, [0, 4, 2]).num_classes == 5
    assert from_arrays(images, [0, 4, 2], num_classes=9).num_classes == 9
    assert from_arrays(images, np.array([0, 4, 2], np.uint8)).labels.dtype == np.int64


IMAGES = np.zeros((2, 3, 3), np.uint8)
NAN = np.array([[[0.5, np.nan]]])


@pytest.mark.parametrize(
    ("images", "labels", "num_classes", "message"),
    [
        (np.zeros((3, 3), np.uint8), [0, 1, 2], None, r"\(N, h, w, C\).*got shape \(3, 3\)"),
        (np.zeros((1, 1, 3, 3, 1), np.uint8), [0], None, r"got shape \(1, 1, 3, 3, 1\)"),
        (np.zeros((0, 3, 3), np.uint8), [], None, r"none of them 0, got shape \(0, 3, 3\)"),
        (np.zeros((2, 3, 3, 0), np.uint8), [0, 1], None, r"got shape \(2, 3, 3, 0\)"),
        (NAN, [0], None, r"\[0, 1\], got \[nan, nan\]: scale"),
        (np.full((1, 2, 2), 1.5), [0], None, r"\[0, 1\], got \[1\.5, 1\.5\]: scale"),
        (np.full((1, 2, 2), -0.25), [0], None, r"got \[-0\.25, -0\.25\]"),
        (np.full((1, 2, 2), np.inf), [0], None, r"got \[inf, inf\]"),
        (np.zeros((1, 2, 2), np.int64), [0], None, r"got dtype int64: convert"),
        (np.zeros((1, 2, 2), np.bool_), [0], None, r"got dtype bool: convert"),
        (IMAGES, [0, 1, 2], None, r"labels must be 2 integers.*got shape \(3,\)"),
        (IMAGES, [[0], [1]], None, r"got shape \(2, 1\)"),
        (IMAGES, 0, None, r"got shape \(\)"),
        (IMAGES, [0.0, 1.0], None, r"dtype float64"),
        (IMAGES, ["a", "b"], None, r"dtype <U1"),
        (IMAGES, [0, -1], None, r"labels must lie in \[0, num_classes=1\), got \[-1, 0\]"),
        (IMAGES, [0, 1], 2.5, "num_classes must be an integer, got 2.5"),
        (IMAGES, [0, 1], True, "num_classes must be an integer, got True"),
        (IMAGES, [0, 1], 0, "num_classes must be at least 1, got 0"),
        (IMAGES, [0, 10**9], None, "1,000,000,001 classes are more than 1,000,000: number the classes"),
        (IMAGES, np.array([0, 2**63], np.uint64), None, "classes are more than"),
        (IMAGES, [0, 3], 3, r"labels must lie in \[0, num_classes=3\), got \[0, 3\]"),
    ],
)
def test_bad_arrays(images, labels, num_classes, message):
    with pytest.raises(ValueError, match=message):
        from_arrays(images, labels, num_classes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": np.zeros((1, 3, 3, 1), np.uint8)}, r"\(2, h, w, C\) uint8, as many as labels, got \(1, 3, 3, 1\)"),
        ({"images": IMAGES}, r"got \(2, 3, 3\) uint8: pass a pair"),
        ({"images": np.zeros((2, 3, 3, 1))}, "got .* float64"),
        ({"labels": np.array([0, 2])}, r"int64 in \[0, num_classes=2\)"),
        ({"labels": np.array([0, -1])}, r"int64 in \[0, num_classes=2\)"),
        ({"labels": np.zeros(2, np.uint8)}, r"got \(2,\) uint8"),
    ],
)
def test_arrays_that_kernels_would_read_beyond_are_refused(changes, message):
    good = {"images": np.zeros((2, 3, 3, 1), np.uint8), "labels": np.zeros(2, np.int64)}
    with pytest.raises(ValueError, match=message):
        ArrayDataset(**{**good, **changes}, num_classes=2)


def test_the_class_itself_protects_its_arrays():
    images = np.zeros((1, 2, 2, 1), np.uint8)
    data = ArrayDataset(images=images, labels=np.zeros(1, np.int64), num_classes=1)
    with pytest.raises(ValueError, match="read-only"):
        data.images[0] = 1
    assert images.flags.writeable
