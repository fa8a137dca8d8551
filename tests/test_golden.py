"""A version of an id is frozen: on every machine it gives what it gave when it was published."""

import json

import numpy as np
import pytest
from rollouts import IDS

from glimpse_env import FETCHED, TASKS
from tools import golden

CHANGED = (
    "{id} gives other {what} than it was published with. If that is not meant, mend it. If it is: leave {id} as it was, "
    "register the change as {next} in glimpse_env.TASKS, run python -m tools.golden, and tell of it in CHANGELOG.md."
)
INEXACT = {"rotation", "scale"}  # sines and exponentials differ in their last bits from machine to machine


def next_version(id):
    name, _, version = id.rpartition("-v")
    return f"{name}-v{int(version) + 1}"


@pytest.mark.parametrize("id", IDS)
def test_an_id_gives_what_it_was_published_with(id):
    known = golden.published()
    assert id in known, f"{id} is new: run python -m tools.golden to freeze it, and commit tests/golden.json."
    found = golden.played(id)
    changed = [what for what in known[id] if found[what] != known[id][what]]
    assert not changed, CHANGED.format(id=id, what=" and ".join(changed), next=next_version(id))


def test_no_published_id_is_gone():
    assert set(golden.published()) <= set(TASKS), "an id that was published stays"


@pytest.mark.parametrize("id", [*TASKS, *FETCHED])
def test_what_is_frozen_is_exact_on_every_machine(id):
    assert not INEXACT & set((TASKS | FETCHED)[id]), f"{id} varies its images: freeze it with a tolerance, not by a hash."


def test_the_encoding_is_the_same_whatever_the_byte_order_and_tells_dtypes_and_shapes_apart():
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    same = [values, values.astype(">f4"), np.asfortranarray(values), np.arange(12, dtype=np.float32)[::2].reshape(2, 3) / 2]
    assert len({golden.encoded("a", each) for each in same}) == 1
    others = [values.astype("f8"), values.reshape(3, 2), values.astype("i4"), -values, values[:1]]
    assert len({golden.encoded("a", each) for each in [values, *others]}) == 6
    assert golden.encoded("a", values) != golden.encoded("b", values)


@pytest.mark.parametrize("arguments", [[], ["--again", "Glimpse-MNIST-v0"]])
def test_the_command_overwrites_nothing_unless_told(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(golden, "FILE", tmp_path / "golden.json")
    monkeypatch.setattr("sys.argv", ["golden.py", *arguments])
    frozen = {id: {"observations": "0"} for id in IDS[:-1]}
    golden.FILE.write_text(json.dumps(frozen))
    golden.main()
    written = golden.published()
    assert list(written) == IDS
    assert written.pop(IDS[-1]) == golden.played(IDS[-1])
    changed = {id for id in written if written[id] != frozen[id]}
    assert changed == set(arguments[1:])
