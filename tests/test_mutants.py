"""The list of deliberate faults fits the code; ``python tests/mutants.py`` tries them, which takes long."""

import ast
import collections
import pathlib
import shutil

import mutants
import pytest


@pytest.mark.parametrize("mutant", mutants.MUTANTS, ids=lambda mutant: mutant.breaks)
def test_a_fault_can_be_put_in(mutant, tmp_path):
    for name in mutant.tests.split():
        assert (mutants.ROOT / "tests" / f"{name}.py").exists()
    place = tmp_path / mutant.file
    place.parent.mkdir(parents=True)
    shutil.copy(mutants.ROOT / mutant.file, place)
    mutants.put_in(mutant, tmp_path)
    ast.parse(place.read_text())


def test_there_are_faults_of_every_part():
    counts = collections.Counter(pathlib.PurePath(mutant.file).stem for mutant in mutants.MUTANTS)
    assert len(mutants.MUTANTS) >= 20
    assert all(counts[name] >= 3 for name in ("patches", "pieces", "episodes", "inputs", "gaze", "catch", "reinforce", "ram"))
