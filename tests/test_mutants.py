"""The faults that ``python -m tools.mutants`` puts into a file are single, differ from it, and are Python."""

import ast

from tools import mutants

SOURCE = """
def area(width, height, turned=False):
    if not turned and width < 0:
        return -1.5
    return width * height
"""


def test_a_fault_of_each_kind_is_put_in():
    found = list(mutants.mutants(SOURCE))
    changed = {mutant.what for mutant in found}
    assert "width < 0  ->  width <= 0" in changed
    assert "width * height  ->  width + height" in changed
    assert "not turned and width < 0  ->  not turned or width < 0" in changed
    assert "0  ->  1" in changed
    assert "-1.5  ->  +1.5" in changed
    assert any(what.startswith("if not turned and width < 0:  ->  if not (not turned") for what in changed)
    whole = ast.unparse(ast.parse(SOURCE))
    assert len({mutant.source for mutant in found} | {whole}) == len(found) + 1, "each is another, and none is the file itself"
    for mutant in found:
        ast.parse(mutant.source)
        assert mutant.where.startswith("area, line ")


def test_every_file_of_the_packages_can_be_spoilt():
    for name in ("retina", "scenes", "envs", "inputs"):
        assert len(list(mutants.mutants((mutants.ROOT / "glimpse_env" / f"{name}.py").read_text()))) > 5
