"""A user's images: folders, Hugging Face datasets, sequences and splits; decoded one by one, and never all at once."""

import copy
import pickle
import tracemalloc
import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import given, settings
from hypothesis import strategies as st
from rollouts import actions_of, assert_identical

from glimpse_env import GlimpseEnv, GlimpseVectorEnv
from glimpse_env.datasets import LazyDataset, load, pixels
from glimpse_env.datasets.arrays import from_arrays

Image = pytest.importorskip("PIL.Image")
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (24, 9, 13, 3), np.uint8)
LABELS = np.arange(24) // 8  # as a folder has them, class by class
CLASSES = ("a", "b", "c")


def save(images, labels, root, classes=CLASSES):
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        folder = root / classes[label]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image if image.shape[-1] == 3 else image[..., 0]).save(folder / f"{number:03}.png")
    return root


class Table:
    """As much of a Hugging Face dataset as is needed."""

    def __init__(self, images, labels, names=None, column="image"):
        self.rows = [{column: image, "label": int(label)} for image, label in zip(images, labels, strict=True)]
        self.column_names = [column, "label"]
        self.features = {column: None, "label": type("ClassLabel", (), {"names": names})() if names else None}

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, key):
        return [row[key] for row in self.rows] if isinstance(key, str) else self.rows[key]


class Pairs:
    """A sequence of (image, label), that counts what is read."""

    def __init__(self, images, labels):
        self.images, self.labels, self.read = images, labels, []

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        self.read.append(index)
        return self.images[index], self.labels[index]


class WithTargets(Pairs):
    @property
    def targets(self):
        return list(self.labels)


def pil(images):
    return [Image.fromarray(image) for image in images]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save(IMAGES, LABELS, tmp_path_factory.mktemp("folder"))


SOURCES = {
    "arrays": lambda folder: (IMAGES, LABELS),
    "folder": lambda folder: folder,
    "folder by its name": str,
    "hugging face": lambda folder: Table(pil(IMAGES), LABELS, list(CLASSES)),
    "hugging face, arrays": lambda folder: Table(IMAGES, LABELS, column="img"),
    "pairs": lambda folder: Pairs(pil(IMAGES), LABELS.tolist()),
    "pairs with targets": lambda folder: WithTargets(IMAGES, LABELS),
    "list": lambda folder: list(zip(IMAGES, LABELS, strict=True)),
    "floats": lambda folder: Pairs(IMAGES / 255, LABELS),
    "dataset": lambda folder: from_arrays(IMAGES, LABELS),
}


def taken(data):
    images, slots = data.take(np.arange(len(data)))
    return images[slots]


@pytest.mark.parametrize("source", SOURCES)
def test_every_source_gives_the_same_images(source, folder):
    data = load(SOURCES[source](folder))
    assert (data.shape, data.num_classes, len(data)) == ((9, 13, 3), 3, 24)
    assert data.classes == (CLASSES if source in ("folder", "folder by its name", "hugging face") else ())
    np.testing.assert_array_equal(data.labels, LABELS)
    np.testing.assert_array_equal(taken(data), IMAGES)
    assert data.labels.dtype == np.int64
    assert not data.labels.flags.writeable


ARGUMENTS = {"patch_size": 4, "num_scales": 2, "num_glimpses": 3, "scene_size": (21, 30), "translate": True, "num_clutter": 3}


@pytest.mark.parametrize("mode", AutoresetMode, ids=lambda mode: mode.name)
@pytest.mark.parametrize("num_threads", [1, 3])
@pytest.mark.parametrize("source", SOURCES)
def test_every_source_gives_the_same_episodes(source, folder, num_threads, mode):
    """As arrays in memory do: contracts 1 and 2 hold for all, since they hold for those."""
    arguments = {**ARGUMENTS, "clutter_size": 5, "rotation": 20, "num_threads": num_threads, "autoreset_mode": mode}
    envs = [GlimpseVectorEnv(5, dataset=dataset, **arguments) for dataset in (SOURCES[source](folder), (IMAGES, LABELS))]
    assert_identical(*(each.reset(seed=3) for each in envs))
    rng = np.random.default_rng(0)
    for _ in range(9):
        action = actions_of(envs[0], rng)
        steps = [each.step(action) for each in envs]
        assert_identical(*steps)
        if mode == AutoresetMode.DISABLED and steps[0][2].any():
            assert_identical(*(each.reset(options={"reset_mask": steps[0][2].copy()}) for each in envs))
        np.testing.assert_array_equal(*(each.world.scenes for each in envs))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))], ids=["deepcopy", "pickle"])
def test_a_copy_of_an_environment_goes_on(folder, copied):
    env = gym.make("Glimpse-MNIST-v0", dataset=str(folder), split="test", patch_size=4)
    env.reset(seed=1)
    other = copied(env)
    assert_identical(env.reset(), other.reset())
    assert other.unwrapped.world.dataset.classes == CLASSES
    assert not other.unwrapped.world.dataset.labels.flags.writeable


# Lazy.


def test_no_more_is_read_than_the_episodes_ask_for():
    pairs = WithTargets(IMAGES, LABELS)
    envs = GlimpseVectorEnv(4, dataset=pairs, autoreset_mode="Disabled", **{**ARGUMENTS, "num_clutter": 0})
    assert len(pairs.read) == 3  # the first of each class, for size and colors
    pairs.read.clear()
    envs.reset(seed=0, options={"index": [5, 7, 5, 23]})
    assert pairs.read == [5, 7, 5, 23]
    envs.step(envs.action_space.sample())
    assert len(pairs.read) == 4
    envs.reset(options={"reset_mask": np.array([False, True, False, False]), "index": 2})
    assert pairs.read[4:] == [2]


class Landscapes:
    """A million images of 12 megapixels each, 36 TB, made when they are asked for."""

    targets = np.arange(1_000_000) % 1000

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, index):
        return np.full((3000, 4000, 3), index % 251, np.uint8), self.targets[index]


def test_large_scenes_take_the_memory_of_the_current_ones():
    tracemalloc.start()
    envs = GlimpseVectorEnv(2, dataset=Landscapes(), image_size=(3000, 4000), patch_size=16, num_scales=5, num_glimpses=2)
    envs.reset(seed=0, options={"index": [5, 999_999]})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert envs.world.scenes[:, 0, 0, 0].tolist() == [5, 999_999 % 251]
    assert envs.single_action_space["action"].n == 1000
    scene = 3000 * 4000 * 3
    assert peak < 100e6 + 2 * scene + 12 * scene  # labels and order; two scenes; the ten first of their classes, looked at once


# Folders.


def test_classes_and_files_are_sorted_as_text_and_others_left_out(tmp_path):
    for name in ("10/b.png", "10/a.PNG", "2/deep/er/c.png", "2/x.png", "2/.hidden.png", "2/notes.txt", ".git/d.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("") if path.suffix == ".txt" else Image.new("L", (3, 2)).save(path, "png")
    (tmp_path / "readme.md").write_text("")
    data = load(tmp_path)
    assert data.classes == ("10", "2")
    assert data.items.names == ("10/a.PNG", "10/b.png", "2/deep/er/c.png", "2/x.png")
    assert data.labels.tolist() == [0, 0, 1, 1]
    assert data.shape == (2, 3, 1)


def test_images_of_other_sizes_are_scaled_to_fit_and_centered_on_black(tmp_path):
    shapes = {"a": (10, 20), "b": (5, 10), "c": (40, 40), "d": (30, 10)}  # the first gives the size
    save([np.full((*shape, 3), 200, np.uint8) for shape in shapes.values()], range(4), tmp_path, tuple(shapes))
    with pytest.warns(UserWarning, match=r"fitted into 10x20 pixels.*, such as 40x40: pass image_size="):
        images = taken(load(tmp_path))
    assert images.shape == (4, 10, 20, 3)
    boxes = [(0, 10, 0, 20), (0, 10, 0, 20), (0, 10, 5, 15), (0, 10, 8, 11)]
    for image, (top, bottom, left, right) in zip(images, boxes, strict=True):
        assert (image[top:bottom, left:right] == 200).all()
        assert np.count_nonzero(image) == (bottom - top) * (right - left) * 3
    assert load(tmp_path, image_size=6).shape == (6, 6, 3)
    assert load(tmp_path, image_size=(6, 7)).shape == (6, 7, 3)
    assert (taken(load(tmp_path, image_size=(4, 20)))[0, :, 6:14] == 200).all()


def test_gray_if_the_first_of_each_class_is(tmp_path):
    gray = [np.full((4, 4, 1), value, np.uint8) for value in (10, 20, 30)]
    assert load(save(gray, [0, 1, 2], tmp_path / "gray")).shape == (4, 4, 1)
    mixed = [gray[0], np.full((4, 4, 3), (1, 2, 3), np.uint8), gray[2]]
    images = taken(load(save(mixed, [0, 1, 1], tmp_path / "mixed")))
    assert images[:, 0, 0].tolist() == [[10, 10, 10], [1, 2, 3], [30, 30, 30]]
    images = taken(load(save([gray[0], gray[1], mixed[1]], [0, 1, 1], tmp_path / "late")))
    assert images[:, 0, 0].tolist() == [[10], [20], [2]]  # a color image that comes later is made gray


def test_what_pillow_reads(tmp_path):
    upright = np.zeros((4, 6, 3), np.uint8)
    upright[0] = 250
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter, as a phone held upright writes it
    shapes = {}
    for name, image, arguments in [
        ("turned.tiff", Image.fromarray(np.rot90(upright).copy()), {"exif": exif}),
        ("turned.webp", Image.fromarray(np.rot90(upright).copy()), {"exif": exif, "lossless": True}),
        ("palette.png", Image.fromarray(upright).convert("P"), {}),
        ("bits.png", Image.fromarray(upright[..., 0]).convert("1"), {}),
        ("cmyk.jpg", Image.fromarray(upright).convert("CMYK"), {"quality": 100}),
        ("gray.bmp", Image.fromarray(upright[..., 0]), {}),
    ]:
        folder = tmp_path / name.replace(".", "-") / "class"
        folder.mkdir(parents=True)
        image.save(folder / name, **arguments)
        found = taken(load(folder.parent))[0]
        shapes[name] = found.shape
        assert found[0].mean() > 230, name
        assert found[1:].mean() < 20, name
    assert {name: shape[2] for name, shape in shapes.items() if shape[2] == 1} == {"bits.png": 1, "gray.bmp": 1}
    assert {shape[:2] for shape in shapes.values()} == {(4, 6)}


def test_transparent_is_black():
    image = np.full((2, 2, 4), 200, np.uint8)
    image[0, 0, 3], image[0, 1, 3], image[1, :, 3] = 0, 128, 255
    assert pixels.decoded(Image.fromarray(image))[..., 0].tolist() == [[0, 100], [200, 200]]
    gray = Image.merge("LA", [Image.new("L", (2, 2), 80)] * 2)
    assert pixels.decoded(gray)[..., 0].tolist() == [[25, 25], [25, 25]]


def broken(tmp_path, content, name="broken.png"):
    root = save(IMAGES, LABELS, tmp_path)
    (root / "b" / name).write_bytes(content)
    return root, root / "b" / name


PNG = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize("content", [b"", b"no image at all", PNG, PNG + b"\0" * 50], ids=len)
def test_a_broken_image_is_named(tmp_path, content):
    root, path = broken(tmp_path, content)
    envs = GlimpseVectorEnv(2, dataset=root, patch_size=4, num_glimpses=2, autoreset_mode="Disabled")
    index = [i for i, name in enumerate(envs.world.dataset.items.names) if name.endswith("broken.png")]
    envs.reset(options={"index": 0})
    with pytest.raises(ValueError, match=f"{path} cannot be read as an image .*: repair or remove it"):
        envs.reset(options={"index": [0, *index]})
    with pytest.raises(gym.error.ResetNeeded):  # what was half begun is not played
        envs.step(envs.action_space.sample())
    envs.reset(options={"index": [0, 1]})
    envs.step(envs.action_space.sample())


@pytest.mark.parametrize("mode", AutoresetMode, ids=lambda mode: mode.name)
def test_a_broken_image_stops_its_own_episodes_alone(tmp_path, mode):
    """The next episodes of the others, and of its own once it is begun anew, are those of a folder without a broken image."""
    root, path = broken(tmp_path / "set", b"no image")
    whole, _ = broken(tmp_path / "whole", b"")
    Image.fromarray(IMAGES[0]).save(whole / "b" / path.name)
    spoilt, twin = (
        GlimpseVectorEnv(3, dataset=each, patch_size=4, num_glimpses=1, autoreset_mode=mode) for each in (root, whole)
    )
    number, failures = spoilt.world.dataset.items.names.index("b/broken.png"), 0
    labels = spoilt.world.dataset.labels
    assert number == len(labels) - 9  # the last of its class
    action = spoilt.action_space.sample()
    for seed in range(40):
        expected = twin.reset(seed=seed)
        try:
            assert_identical(spoilt.reset(seed=seed), expected)
            for _ in range(4):
                expected = twin.step(action)
                assert_identical(spoilt.step(action), expected)
                if mode == AutoresetMode.DISABLED:
                    expected = twin.reset()
                    assert_identical(spoilt.reset(), expected)
        except ValueError as error:
            assert "broken.png cannot be read" in str(error)  # noqa: PT017
            failures += 1
            with pytest.raises(gym.error.ResetNeeded):
                spoilt.step(action)
    assert failures > 3


def test_an_image_of_too_many_pixels_is_refused(tmp_path, monkeypatch):
    root, path = broken(tmp_path, b"")
    Image.new("L", (50, 40)).save(path)
    data = load(root)
    index = np.array([name.endswith("broken.png") for name in data.items.names]).nonzero()[0]
    for limit in (1999, 1500, 700):  # Pillow warns above it, and raises above its double
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        for warning in ("error", "ignore"):
            with warnings.catch_warnings():
                warnings.simplefilter(warning)
                with pytest.raises(ValueError, match=rf"{path} is too large .*pixels.*: shrink it, or raise PIL.Image.MAX"):
                    data.take(index)
    for limit in (2000, None):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        assert data.take(index)[0].shape == (1, 9, 13, 3)


def test_a_postscript_in_disguise_is_not_run(tmp_path):
    root, _ = broken(tmp_path, b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n")
    data = load(root)
    with pytest.raises(ValueError, match=r"cannot be read as an image \(cannot identify"):
        data.take(np.array([data.items.names.index("b/broken.png")]))


def test_more_than_8_bits_are_refused(tmp_path):
    root, path = broken(tmp_path, b"")
    Image.fromarray(np.zeros((9, 13), np.uint16)).save(path)
    data = load(root)
    with pytest.raises(ValueError, match=r"broken.png .*more than 8 bits.*'I.*convert it"):
        data.take(np.array([data.items.names.index("b/broken.png")]))


@pytest.fixture(scope="module")
def one_file(tmp_path_factory):
    root = tmp_path_factory.mktemp("fuzz")
    (root / "class").mkdir()
    return root


FORMATS = ("png", "jpeg", "gif", "bmp", "tiff", "webp", "ppm")


@pytest.mark.parametrize("format", FORMATS)
@given(data=st.data())
@settings(deadline=None, max_examples=60)
def test_a_spoilt_image_is_read_or_refused(format, one_file, data):
    path = one_file / "class" / f"x.{format}"
    Image.fromarray(IMAGES[0]).save(path)
    spoilt = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4), "changes")):
        spoilt[data.draw(st.integers(0, len(spoilt) - 1), "where")] = data.draw(st.integers(0, 255), "value")
    path.write_bytes(spoilt[: data.draw(st.one_of(st.just(len(spoilt)), st.integers(0, len(spoilt))), "length")])
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, 100_000
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            load(one_file)
    except ValueError as error:
        assert str(path) in str(error)  # noqa: PT017  # it may also be read
    finally:
        Image.MAX_IMAGE_PIXELS = limit
        path.unlink()


# Splits.


@pytest.mark.parametrize("length", [10, 24, 1003])
def test_a_set_without_splits_is_cut_and_whole_unless_one_is_asked_for(length):
    images = np.arange(length, dtype=">u2").view(np.uint8).reshape(length, 1, 2)  # all different
    source = list(zip(images, np.zeros(length, int), strict=True))
    for dataset in ((images, np.zeros(length, int)), source):
        assert len(load(dataset)) == length
        parts = {split: load(dataset, split) for split in ("train", "validation", "test", "train+validation")}
        tenth = length // 10
        assert [len(part) for part in parts.values()] == [length - 2 * tenth, tenth, tenth, length - tenth]
        members = {name: {image.tobytes() for image in taken(part)} for name, part in parts.items()}
        assert members["train"] | members["validation"] == members["train+validation"]
        assert members["train+validation"] | members["test"] == {image.tobytes() for image in images}
        assert sum(len(members[name]) for name in ("train", "validation", "test")) == length


def test_the_cut_is_random_but_always_the_same():
    images = np.arange(1000, dtype=">u2").view(np.uint8).reshape(1000, 1, 2)
    test = load((images, np.zeros(1000, int)), "test").images.reshape(-1, 2) @ (256, 1)
    assert test[:10].tolist() == [4, 28, 39, 58, 74, 77, 92, 98, 100, 104]
    assert (np.bincount(test % 10) > 2).all(), "whatever the period of the labels"


def test_what_a_mapping_lacks_is_cut_from_its_training_images():
    more = (IMAGES[:5], LABELS[:5])
    for table in ((IMAGES, LABELS), Table(pil(IMAGES), LABELS)):
        both = {"train": table, "test": more}
        sizes = [len(load(both, split)) for split in (None, "train", "validation", "test", "train+validation")]
        assert sizes == [22, 22, 2, 5, 24]
    np.testing.assert_array_equal(load({"train": (IMAGES, LABELS), "val": more}, "validation").images, more[0])
    assert [len(load({"train": (IMAGES, LABELS)}, split)) for split in (None, "train", "test")] == [20, 20, 2]
    with pytest.raises(ValueError, match=r"its own validation images: pass both as one 'train'"):
        load({"train": (IMAGES, LABELS), "validation": more}, "train+validation")


def test_a_folder_of_split_folders(tmp_path):
    save(IMAGES, LABELS, tmp_path / "train")
    save(IMAGES[:3, :5], [1, 2, 2], tmp_path / "test")
    save(IMAGES[:2], [0, 2], tmp_path / "val")
    data = {split: load(tmp_path, split) for split in ("train", "validation", "test")}
    assert [len(part) for part in data.values()] == [24, 2, 3]
    assert {part.shape for part in data.values()} == {(9, 13, 3)}  # fitted to the training images' size
    assert {part.classes for part in data.values()} == {CLASSES}
    assert data["test"].labels.tolist() == [1, 2, 2]
    save(IMAGES[:1], [0], tmp_path / "test", ("d",))
    with pytest.raises(ValueError, match="'test' has a class 'd' that 'train' lacks: use a, b, c"):
        load(tmp_path, "test")


# Label sets, and bad input.


@pytest.mark.parametrize("num_classes", [2, 100, 1000])
def test_label_sets(num_classes):
    labels = np.arange(num_classes)
    images = np.zeros((num_classes, 4, 4), np.uint8)
    env = GlimpseEnv(dataset=(images, labels), patch_size=4)
    assert env.action_space["action"].n == num_classes
    assert env.reset(options={"index": num_classes - 1})[1]["label"] == num_classes - 1


ONE = np.zeros((3, 3), np.uint8)
BAD = {
    "nothing": (None, r"Cannot read dataset=None: pass a name, a folder, a pair \(images, labels\) of arrays"),
    "a stream": (iter([(ONE, 0)]), "Cannot read dataset=<.*: pass a name"),
    "a number": (3, "Cannot read dataset=3: pass"),
    "no folder": ("no/such/folder", "'no/such/folder': use one of 'mnist', .* or the path of a folder"),
    "no training set": ({"test": (IMAGES, LABELS)}, r"must have 'train', .*got \['test'\]"),
    "unknown set": (
        {"train": (IMAGES, LABELS), "tset": 1},
        "The mapping has 'tset', which is not a split: .*rename it to one of train, training",
    ),
    "no pairs": ([ONE, ONE], r"items of a sequence must be \(image, label\)"),
    "no items": ([], "has no images"),
    "a float label": ([(ONE, 0.5)], "labels must be 1 integers.*float64"),
    "a negative label": ([(ONE, -1)], r"got \[-1, -1\]"),
    "a text for an image": ([("a.png", 0)], r"Item 0 of the dataset: an image must be \(h, w\)"),
    "a wide image": ([(ONE.astype(int), 0)], "Item 0 of the dataset: images must be uint8.*int64"),
    "columns": (Table([ONE], [0], column="picture"), r"columns 'image' and 'label', got \['picture', 'label'\]: rename"),
    "a name by split": ({"train": "mnist", "test": "mnist"}, r"'mnist' has splits of its own: pass dataset='mnist'"),
    "keys of several kinds": ({"train": (IMAGES, LABELS), 3: 1}, "The mapping has 3, which is not a split"),
    "nobody's home": ("~nobody_at_all/images", "'~nobody_at_all/images': use one of 'mnist'"),
    "a name too long": ("x" * 10_000, "or the path of a folder"),
    "text labels": (type("T", (Table,), {"__getitem__": lambda s, k: ["x"] if k == "label" else 0})([ONE], [0]), "<U1"),
    "unlike sets": ({"train": (IMAGES, LABELS), "test": (IMAGES[:, 1:], LABELS)}, r"'test' are \(8, 13, 3\).*make them equal"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_source(name):
    dataset, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        load(dataset, "test" if name == "unlike sets" else None)


def test_bad_folders(tmp_path):
    with pytest.raises(ValueError, match="has no folders in it: make one for each class"):
        load(tmp_path)
    (tmp_path / "a").mkdir()
    with pytest.raises(ValueError, match=r"a has no images \(.bmp, .*add some"):
        load(tmp_path)


@pytest.mark.parametrize("size", [0, -1, 2.5, (3,), (3, 4, 5), "big"])
def test_bad_image_size(size):
    with pytest.raises(ValueError, match="image_size must be an integer"):
        load([(ONE, 0)], image_size=size)
    with pytest.raises(ValueError, match="image_size must be at most 32768 each way, got 200000"):
        load([(ONE, 0)], image_size=200_000)


def test_arrays_are_not_fitted():
    with pytest.raises(ValueError, match="image_size= is for images that are decoded: resize the arrays instead"):
        load((IMAGES, LABELS), image_size=20)


def test_num_classes_is_not_for_what_knows_its_own(folder):
    with pytest.raises(ValueError, match="num_classes=5 is for arrays and sequences: a folder has its folders as classes"):
        load(folder, num_classes=5)
    with pytest.raises(ValueError, match="The dataset has 3 classes: leave out num_classes=5"):
        load(from_arrays(IMAGES, LABELS), num_classes=5)
    assert load(Table(IMAGES, LABELS, list(CLASSES)), num_classes=5).num_classes == 5
    with pytest.raises(ValueError, match="num_classes must be at least 1, got 0"):
        load(Table(IMAGES, LABELS, list(CLASSES)), num_classes=0)


def test_channels_that_cannot_be_fitted():
    data = load([(np.zeros((3, 3, 2), np.uint8), 0), (np.zeros((3, 4, 2), np.uint8), 0)])
    assert data.shape == (3, 3, 2)
    with pytest.raises(ValueError, match=r"Item 1 of the dataset: its shape \(3, 4, 2\) differs"):
        data.take(np.array([1]))


def test_a_class_without_a_training_image_is_refused():
    images = np.zeros((40, 9, 9), np.uint8)
    with pytest.raises(ValueError, match=r"Class '\d+' has too few images: none is left for 'train'"):
        load((images, np.arange(40) // 2), "train")


def test_too_few_to_cut():
    with pytest.raises(ValueError, match=r"9 images are too few to cut a tenth.*split='test'"):
        load((IMAGES[:9], LABELS[:9]), "test")


def test_num_classes_of_a_lazy_set():
    pairs = list(zip(IMAGES, LABELS, strict=True))
    assert load(pairs, num_classes=7).num_classes == 7
    assert isinstance(load(pairs), LazyDataset)
    with pytest.raises(ValueError, match="num_classes=2"):
        load(pairs, num_classes=2)
