"""Layouts of folders and mappings: recognized or refused, and whatever is left out is told."""

import io
import os
import re
import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_own_images import IMAGES, LABELS, taken

from glimpse_env.datasets import base, load, splits

Image = pytest.importorskip("PIL.Image")


def png(value, format="png"):
    content = io.BytesIO()
    Image.new("L", (2, 2), value).save(content, format)
    return content.getvalue()


def tree(root, *names):
    """Files of those names, images but for *.txt; each is one gray, so many as there were before."""
    for value, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"" if path.suffix == ".txt" else png(value))
    return root


def layout(root, *folders):
    return tree(root, *(f"{folder}/{name}/0.png" for folder in folders for name in ("cat", "dog")))


# Splits.


@pytest.mark.parametrize("change", [str, str.upper, str.title])
@pytest.mark.parametrize("split", splits.NAMES)
def test_each_name_of_a_split_in_any_case(tmp_path, split, change):
    for name in splits.NAMES[split]:
        root = layout(tmp_path / name, *{"train" if split != "train" else change(name), change(name)})
        data = load(root, split)
        assert (data.classes, len(data)) == (("cat", "dog"), 2)
        pair = (IMAGES, LABELS)
        assert len(load({"Training" if split != "train" else change(name): pair, change(name): pair}, split)) >= 20


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        (
            ("train", "test", "predict"),
            "'predict', which is not a split: .*rename it to one of train,.*pass {'train':",
        ),
        (("train", "eval"), "'eval', which is not a split"),
        (("train", "car"), "'car', which is not a split"),
        (("train", "unlabeled"), "'unlabeled', which is not a split"),
        (("test", "cats"), "'cats', which is not a split"),
        (("train", "val", "validation"), "'val' and 'validation', both for the split 'validation'"),
        (("Train", "train"), "'Train' and 'train', both for the split 'train'"),
        (("test", "TESTING", "train"), "'TESTING' and 'test', both for the split 'test'"),
        (("test", "val"), r"must have 'train', .*got \['test', 'val'\]"),
        (("seg_train", "seg_test", "seg_pred"), "look like splits, 'seg_pred', 'seg_test', 'seg_train'"),
        (("train2017", "val2017"), "look like splits"),
        (("training_set", "test_set"), "look like splits"),
        (("data/train", "data/test"), "data has class folders that look like splits"),  # a folder too far out
        (("cat/train", "cat/val", "dog"), "cat has class folders that look like splits"),  # classes before splits
        (("train/train", "train/test"), "train has class folders that look like splits"),
    ],
)
def test_what_is_no_layout_is_refused_by_name(tmp_path, folders, message):
    root = layout(tmp_path, *folders)
    with pytest.raises(ValueError, match=message):
        load(root)


def test_keys_of_a_mapping_follow_the_same_rules():
    pair = (IMAGES, LABELS)
    for keys, message in [
        (("train", "extra"), "The mapping has 'extra', which is not a split"),
        (("train", "val", "dev"), "'val' and 'dev', both for the split 'validation'"),
        (("Train", "train"), "both for the split 'train'"),
        ((), "must have 'train'"),
    ]:
        with pytest.raises(ValueError, match=message):
            load(dict.fromkeys(keys, pair))


def test_a_class_may_be_named_like_a_split_if_the_set_is(tmp_path):
    """As beside "car" and "bus"."""
    root = tree(tmp_path, "train/0.png", "car/1.png", "bus/2.png")
    assert load({"train": root}).classes == ("bus", "car", "train")
    assert load(tree(tmp_path / "b", "bullet_train/0.png", "car/1.png")).classes == ("bullet_train", "car")


# What is left out.

HIDDEN = (".git/x/0.png", ".ipynb_checkpoints/0.png", "__MACOSX/a/0.png", "__pycache__/0.png", "@eaDir/0.png")


def test_what_is_hidden_never_counts_at_any_depth(tmp_path):
    for start in ("", "train/", "train/cat/", "train/cat/deep/", "test/dog/"):
        root = layout(tmp_path / f"set {len(start)}", "train", "test")
        before = load(root).classes, len(load(root)), len(load(root, "test"))
        tree(root, *(start + name for name in (*HIDDEN, ".a.png", "._b.png", "Thumbs.db", "desktop.ini", ".DS_Store")))
        assert (load(root).classes, len(load(root)), len(load(root, "test"))) == before
        told = repr(load(root, "test" if start.startswith("test") else "train"))
        assert re.search(r"left out: 10 hidden \(\S+, \S+, \S+, \.\.\.\)", told), told


def test_a_repr_tells_what_there_is_and_what_is_not(tmp_path):
    root = tree(tmp_path, *(f"train/{name}/{n}.png" for name in ("cat", "dög") for n in range(3)))
    tree(root, "train/cat/a.avif", "train/cat/b.txt", "train/dög/c/d.svg", "train/e.heic", "train/loose.png", "readme.txt")
    (root / "train" / "cat" / "link").symlink_to(root / "train" / "dög")
    assert repr(load(root)).splitlines() == [
        "LazyDataset of 6 images, 2x2x1",
        "  2 classes: cat 3, dög 3",
        "  left out: 1 beside the splits (readme.txt)",
        "  left out: 2 beside the class folders (e.heic, loose.png)",
        "  left out: 1 links to folders (cat/link)",
        "  left out: 3 of other suffixes (cat/a.avif, cat/b.txt, dög/c/d.svg)",
    ]
    tree(root, "val/cat/1.png")
    assert repr(load(root, "validation")).splitlines()[2:] == [
        "  split: 'validation', as given",
        "  left out: 1 beside the splits (readme.txt)",
    ]
    assert repr(load((IMAGES, LABELS % 2 * 29))).splitlines()[1].endswith(", 19 0, and 10 more")
    assert repr(load("mnist", "test")).splitlines()[2] == "  mnist, 'test'"


def test_a_folder_that_cannot_be_read_is_an_error(tmp_path, monkeypatch):
    root = layout(tmp_path, "train", "test")
    for locked in ("train/cat", "train/dog/deep", "train", ""):
        (root / locked).mkdir(exist_ok=True)
        scandir = os.scandir

        def refuse(path, locked=root / locked, scandir=scandir):
            if os.path.normpath(path) == str(locked):
                raise PermissionError(13, "Permission denied", path)
            return scandir(path)

        with monkeypatch.context() as patch:
            patch.setattr(os, "scandir", refuse)
            with pytest.raises(ValueError, match=rf"Cannot read the folder {root / locked}.*Permission denied.*move it away"):
                load(root)
    with pytest.raises(ValueError, match="Cannot read the folder nowhere"):
        load({"train": "nowhere"})


def test_names_that_are_no_text_survive(tmp_path):
    name = os.fsdecode(b"caf\xe9")  # Latin-1, on a disk of UTF-8
    try:
        root = tree(tmp_path, f"{name}/0.png", f"{name}/{name}.txt", "犬/1.png")
    except OSError:
        pytest.skip("the disk has none")
    data = load(root)
    assert data.names == (name, "犬")
    assert taken(data)[:, 0, 0, 0].tolist() == [0, 2]
    repr(data).encode()


# Whatever the tree.

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=6)
SPLITS = st.sampled_from(["train", "TRAIN", "Val", "dev", "test", "testing", "seg_train", "test2"])
CLASS = st.sampled_from(["cat", "Cat", "犬", "ñ", "n\u0303", "10", "2"])
HIDDEN_NAME = st.sampled_from([".git", "__MACOSX", ".a", "Thumbs.db"])
NAME = st.one_of(CLASS, TEXT, HIDDEN_NAME, SPLITS).filter(lambda name: name not in (".", ".."))
SUFFIX = st.sampled_from([".png"] * 12 + [".PNG", ".jpg", ".gif", ".txt", "", ".avif", ".png.bak"])
GOOD = st.sampled_from([True] * 9 + [False])


@st.composite
def trees(draw):
    """Folders, name and suffix of each file, and whether it is an image: layouts as they should be, with some disorder."""
    tops = draw(st.sampled_from([[()], [("train",), ("Test",)], [("TRAINING",), ("val",)]]))
    places = st.builds(lambda top, name, more: (*top, name, *more), st.sampled_from(tops), CLASS, st.lists(NAME, max_size=1))
    if draw(st.sampled_from([False, False, True])):
        places = st.one_of(places, st.lists(NAME, max_size=3))
    return draw(st.lists(st.tuples(places, NAME, SUFFIX, GOOD), min_size=1, max_size=9))


SUFFIXES = (".png", ".jpg", ".gif")
GRAYS = [png(value) for value in range(9)]


class RefusedError(Exception):
    pass


def hidden(name):
    return name.startswith(".") or name.lower() in ("__macosx", "thumbs.db", "desktop.ini", "__pycache__", "@eadir")


def oracle(root):
    """The images of each set: {split: [(class, path)]}, and how many things are left out of it. Slow and plain."""
    top = [path for path in root.iterdir() if path.is_dir() and not hidden(path.name)]
    known = {name: split for split, names in splits.NAMES.items() for name in names}
    sets, beside = {"train": root}, 0
    if any(path.name.lower() in known for path in top):
        sets = {known.get(path.name.lower()): path for path in top}
        if None in sets or "train" not in sets or len(sets) < len(top):
            raise RefusedError
        beside = sum(path.is_file() or hidden(path.name) for path in root.iterdir())
    return {split: whole(path, beside) for split, path in sets.items()}


def whole(root, left_out):
    found, classes = [], []
    for path in sorted(root.rglob("*")):
        parts = path.relative_to(root).parts
        if any(map(hidden, parts[:-1])):
            continue
        if hidden(parts[-1]) or (path.is_file() and (len(parts) == 1 or not path.name.lower().endswith(SUFFIXES))):
            left_out += 1
        elif path.is_file():
            found.append((parts[0], path))
        elif len(parts) == 1:
            classes.append(path.name)
    for place in [root, *(path for path in root.rglob("*") if path.is_dir())]:
        if not any(map(hidden, place.relative_to(root).parts)):
            names = [path.name.lower() for path in place.iterdir() if path.is_dir() and not hidden(path.name)]
            words = {word for name in names for word in re.split(r"[\W\d_]+", name)}
            if sum(not words.isdisjoint(each) for each in splits.NAMES.values()) > 1:
                raise RefusedError
    if not classes or set(classes) != {name for name, _ in found}:
        raise RefusedError
    return found, classes, left_out


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("trees") / "tree"


@given(files=trees())
@settings(deadline=None, max_examples=200)
def test_any_tree_is_read_as_the_oracle_says_or_refused(place, files):
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    broken = set()
    for value, (folders, name, suffix, good) in enumerate(files):
        path = place.joinpath(*folders, name + suffix)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(GRAYS[value] if good else b"no image")
        except OSError:  # there is a folder of that name, or a file of the folder's
            continue
        broken -= {path}
        broken |= set() if good else {path}
    try:
        expected = oracle(place)
    except RefusedError:
        with pytest.raises(
            ValueError, match=r"split|must have 'train'|has no folders|has no images|has a class|cannot be read as"
        ):
            [load(place, split) for split in (None, *(name for name in ("validation", "test")))]
        return
    for split, (found, classes, left_out) in expected.items():
        unknown = set(classes) - set(expected["train"][1])
        try:
            data = load(place, None if split == "train" else split)
        except ValueError as error:
            assert unknown or any(str(path) in str(error) for path in broken), error  # noqa: PT017
            continue
        assert not unknown
        assert [data.items.name(index) for index in data.members] == [
            str(path) for _, path in sorted(found, key=in_order(place))
        ]
        assert [data.names[label] for label in data.labels] == sorted(name for name, _ in found)
        assert sum(int(note.split()[2]) for note in data.notes if note.startswith("left out: ")) == left_out
        for index, (_, path) in enumerate(sorted(found, key=in_order(place))):
            try:
                image = data.take(np.array([index]))[0]
            except ValueError as error:
                assert path in broken
                assert str(path) in str(error)  # noqa: PT017
            else:
                assert path not in broken
                assert image.max() == image.min() == Image.open(path).getpixel((0, 0))


def in_order(root):
    return lambda found: (found[0], str(found[1]))


# Decoding.


@pytest.mark.parametrize(("room", "times"), [(8, 1), (7, 3)])
def test_a_folder_is_decoded_once_if_all_its_images_are_small_together(tmp_path, monkeypatch, room, times):
    data = load(layout(tmp_path, "one").joinpath("one"))
    assert len(data) * np.prod(data.shape) == 8
    monkeypatch.setattr(base, "_KEPT", room)
    counted, read = [], base.read
    monkeypatch.setattr(base, "read", lambda *arguments: counted.append(arguments) or read(*arguments))
    first, *others = [data.take(np.array([1]))[0] for _ in range(3)]
    assert len(counted) == times
    for other in others:
        np.testing.assert_array_equal(first, other)
    first[:] = 77
    assert (data.take(np.array([1]))[0] != 77).all(), "what is kept is not what is given out"
