"""Classes have names from their source on, splits are matched by them, and a label is that of its image."""

import ast
import copy
import dataclasses
import graphlib
import pathlib
import pickle

import numpy as np
import pytest
from test_own_images import IMAGES, LABELS, Pairs, Table, pil, save, taken

from glimpse_env import GlimpseEnv, datasets
from glimpse_env.datasets import load
from glimpse_env.datasets.items import class_names

GRAY = {"cat": 50, "dog": 150, "fox": 250}


class Folder:
    """As torchvision's ImageFolder: an image of each class."""

    def __init__(self, *classes, **attributes):
        self.classes, self.targets = list(classes), list(range(len(classes)))
        vars(self).update(attributes)

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, index):
        return np.full((5, 5), GRAY[self.classes[index]], np.uint8), index


class Subset:
    """As torch's."""

    def __init__(self, dataset, indices):
        self.dataset, self.indices = dataset, indices

    def __len__(self):
        return len(self.indices)

    def __getitem__(self, index):
        return self.dataset[self.indices[index]]


def table(*names):
    return Table([np.full((5, 5), GRAY[name], np.uint8) for name in names], range(len(names)), list(names))


def folder(root, *names):
    return save([np.full((5, 5, 1), GRAY[name], np.uint8) for name in names], range(len(names)), root, names)


@pytest.mark.parametrize(
    ("attributes", "names"),
    [
        ({"classes": ["a", "b"]}, ("a", "b")),
        ({"classes": ("a", "b"), "class_to_idx": {"a": 1, "b": 0}}, ("b", "a")),  # which the labels follow
        ({"classes": ["x"], "class_to_idx": {"a": 0, "b": 2}}, ("a", "1", "b")),
        ({"classes": [("tench", "Tinca")], "class_to_idx": {"tench": 0, "Tinca": 0, "crane": 1}}, ("tench, Tinca", "crane")),
        ({"classes": 10}, ()),
        ({"classes": "ab"}, ()),
        ({"classes": [0, 1]}, ()),
        ({"class_to_idx": {"a": "0"}}, ()),
        ({}, ()),
    ],
)
def test_names_of_a_sequence(attributes, names):
    source = type("Source", (), attributes)()
    assert class_names(source) == names
    assert class_names(Subset(Subset(source, [0]), [0])) == names


def test_names_reach_the_actions(tmp_path):
    for source in (Folder(*GRAY), table(*GRAY), folder(tmp_path, *GRAY), Subset(Folder(*GRAY), [2, 0])):
        assert GlimpseEnv(dataset=source, patch_size=4).task.action_names == tuple(GRAY)
    named = load((IMAGES, LABELS), class_names=["a", "b", "c", "d"])
    assert GlimpseEnv(dataset=named, patch_size=4, split="test").task.action_names == ("a", "b", "c", "d")


def test_classes_of_what_has_no_names_are_named_by_hand():
    sets = {"train": (IMAGES, LABELS), "test": Pairs(pil(IMAGES), LABELS.tolist())}
    for split in ("train", "validation", "test"):
        assert load(sets, split, class_names=("x", "y", "z")).names == ("x", "y", "z")
    for names, message in [
        (("x", "y"), r"labels must lie in \[0, num_classes=2\)"),
        (("x", "y", "x"), "3 different names, one for each class"),
        (("x", "y", 3), "3 different names"),
    ]:
        with pytest.raises(ValueError, match=message):
            load((IMAGES, LABELS), class_names=names)
    with pytest.raises(ValueError, match="class_names= is for datasets without names: this one has cat, dog, fox"):
        load(Folder(*GRAY), class_names=["x", "y", "z"])
    with pytest.raises(ValueError, match="leave them out with 'mnist'"):
        load("mnist", class_names=list("0123456789"))


def test_classes_beyond_the_names_have_numbers():
    assert load(table("cat", "dog"), num_classes=4).names == ("cat", "dog", "2", "3")
    assert load([(IMAGES[0], 0)], class_names=("cat", "dog")).num_classes == 2


# Splits by name.

KINDS = {
    "sequences": lambda root, *names: Folder(*names),
    "Hugging Face": lambda root, *names: table(*names),
    "folders": folder,
}


@pytest.mark.parametrize("other", KINDS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("names", [("cat", "fox"), ("fox",), ("dog", "cat"), ("fox", "dog", "cat")])
def test_a_class_has_the_same_number_in_all_splits(tmp_path, kind, other, names):
    sets = {"train": KINDS[kind](tmp_path / "train", *GRAY), "test": KINDS[other](tmp_path / "test", *names)}
    train, test = load(sets), load(sets, "test")
    assert train.classes == test.classes == tuple(GRAY)
    assert len(test) == len(names)
    for data in (train, test):
        assert [GRAY[data.names[label]] for label in data.labels] == taken(data)[:, 0, 0, 0].tolist()
        np.testing.assert_array_equal(copy.deepcopy(data).labels, data.labels)


@pytest.mark.parametrize("kind", KINDS)
def test_a_class_unknown_to_the_training_images_is_an_error(tmp_path, kind):
    sets = {"train": KINDS[kind](tmp_path / "a", "cat", "dog"), "test": KINDS[kind](tmp_path / "b", "cat", "fox")}
    with pytest.raises(ValueError, match="'test' has a class 'fox' that 'train' lacks: use cat, dog"):
        load(sets, "test")


def test_splits_without_names_go_by_number():
    assert load({"train": (IMAGES, LABELS), "test": (IMAGES[:9], LABELS[:9])}, "test").num_classes == 3
    with pytest.raises(ValueError, match="'test' has labels up to 2, 'train' has 2 classes"):
        load({"train": (IMAGES[:16], LABELS[:16]), "test": (IMAGES, LABELS)}, "test")


# Labels as the items have them.


class Digits(Pairs):
    targets = property(lambda self: self.labels)


class OddOrEven(Digits):
    def __getitem__(self, index):
        image, label = super().__getitem__(index)
        return image, label % 2


class Shuffled(Digits):
    def __getitem__(self, index):
        return super().__getitem__(len(self) - 1 - index)


class Torn(Digits):
    """The label of the last item alone was edited, long after the first of its class."""

    def __getitem__(self, index):
        image, label = super().__getitem__(index)
        return image, 0 if index == 23 else label


@pytest.mark.parametrize("kind", [OddOrEven, Shuffled])
def test_stale_targets_are_named(kind):
    with pytest.raises(
        ValueError, match=r"Item \d+ of the dataset has the label \d, but its `targets` say \d: make them agree"
    ):
        load(kind(IMAGES, LABELS.tolist()))


def test_one_stale_target_is_named_when_its_image_is_read():
    data = load(Torn(IMAGES, LABELS.tolist()))
    data.take(np.arange(23))
    with pytest.raises(ValueError, match="Item 23 of the dataset has the label 0, but its `targets` say 2"):
        data.take(np.array([23]))
    env = GlimpseEnv(dataset=data, patch_size=4)
    with pytest.raises(ValueError, match="Item 23"):
        env.reset(options={"index": 23})


def test_targets_that_are_edited_later_change_nothing():
    for targets in (np.arange(3), [0, 1, 2]):
        pairs = Folder(*GRAY, targets=targets)
        data = load(pairs)
        targets[0] = 2
        assert data.labels.tolist() == [0, 1, 2]
        data.take(np.arange(3))


def test_labels_that_change_from_one_reading_to_the_next_are_named():
    class Random(Pairs):
        def __getitem__(self, index):
            image, label = super().__getitem__(index)
            return image, (label + len(self.read) // 25) % 3

    with pytest.raises(ValueError, match=r"has the label 1, but it was first read with 0: .*no random transform"):
        load(Random(IMAGES, LABELS.tolist()))


def test_rows_of_a_table_are_checked_too():
    rows = Table(IMAGES, LABELS)
    rows.rows[9] = {**rows.rows[9], "label": 2}
    column = rows["label"]
    rows.__class__ = type("Stale", (Table,), {"__getitem__": lambda s, k: LABELS.tolist() if k == "label" else s.rows[k]})
    assert column != rows["label"]
    with pytest.raises(ValueError, match="Item 9 of the dataset has the label 2, but the column 'label' says 1"):
        load(rows).take(np.array([9]))


def transformed(change):
    """As Hugging Face's `with_transform`: the columns are those from before, whatever comes out."""

    def get(self, key):
        if isinstance(key, str):
            return change({key: [row[key] for row in self.rows]})[key]
        return {name: values[0] for name, values in change({name: [value] for name, value in self.rows[key].items()}).items()}

    rows = Table(IMAGES, LABELS)
    rows.__class__ = type("Transformed", (Table,), {"__getitem__": get})
    return rows


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda batch: {"pixel_values": batch["image"]},
            r"has a transform that fails on the labels alone .*with_format\(None\)",
        ),
        (
            lambda batch: {"pixel_values": [0], "label": batch["label"]},
            r"Item 0 of the dataset is not an image with a label \(KeyError",
        ),
        (lambda batch: {"image": [ONE_BIG] * 24}, r"fails on the labels alone \(KeyError: 'label'\)"),
    ],
)
def test_a_transform_that_loses_a_column_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        load(transformed(change))


ONE_BIG = np.zeros((9, 9), np.uint8)


def test_a_transform_that_keeps_the_columns_is_followed():
    def flipped(batch):
        return {**batch, **({"image": [image[::-1] for image in batch["image"]]} if "image" in batch else {})}

    np.testing.assert_array_equal(taken(load(transformed(flipped))), IMAGES[:, ::-1])


def test_what_is_made_of_a_named_dataset_is_not_pickled_as_that():
    mnist = load("mnist", "test")
    changed = dataclasses.replace(mnist, labels=9 - mnist.labels)
    again = pickle.loads(pickle.dumps(dataclasses.replace(changed.part(np.arange(5)))))
    assert again.labels.tolist() == (9 - mnist.labels[:5]).tolist()
    assert changed.source is None


def test_no_module_of_the_datasets_imports_in_a_circle():
    """Not even within a function."""
    room = pathlib.Path(datasets.__file__).parent
    names = {path.stem for path in room.glob("*.py")} - {"__init__"}
    needs = {}
    for name in names:
        nodes = list(ast.walk(ast.parse((room / f"{name}.py").read_text())))
        froms = [node for node in nodes if isinstance(node, ast.ImportFrom) and node.module.startswith("glimpse_env.datasets")]
        needs[name] = {node.module.rpartition(".")[2] for node in froms} | {
            alias.name for node in froms for alias in node.names
        }
    assert list(graphlib.TopologicalSorter({name: needs[name] & names for name in names}).static_order())
