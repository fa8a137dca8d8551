"""Mutation testing: the tests should catch each fault. ``python -m tools.mutants glimpse_env/retina.py test_retina``.

Each fault changes a sign, a comparison, a condition or a number in a function of the current source. It is put into a copy of
the packages, in which the given tests run; leave out the golden hashes, which catch any change. A fault that survives is a gap
in the tests, or makes no difference: look at it.
"""

import argparse
import ast
import dataclasses
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

ROOT = pathlib.Path(__file__).parents[1]
COPIED = ("glimpse_env", "agents", "benchmarks", "tools", "tests", "pyproject.toml")
PATIENCE = 1200  # seconds until a fault counts as caught because the tests do not end
_OPERATORS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.BitAnd: ast.BitOr,
}


@dataclasses.dataclass(frozen=True)
class Mutant:
    """A fault.

    Attributes:
        where: the function and the line of the fault.
        what: the expression, before and after.
        source: the source of the whole file, with the fault.
    """

    where: str
    what: str
    source: str


def mutants(source: str) -> Iterator[Mutant]:
    """Yield all single faults of the functions in a file."""
    tree = ast.parse(source)
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        for statement in function.body:
            for node in ast.walk(statement):
                before = _first_line(node)
                for name, value in _changes(node):
                    old = getattr(node, name)
                    setattr(node, name, value)
                    where = f"{function.name}, line {getattr(node, 'lineno', 0)}"
                    yield Mutant(where, f"{before}  ->  {_first_line(node)}", ast.unparse(tree))
                    setattr(node, name, old)


def _first_line(node: ast.AST) -> str:
    return ast.unparse(node).partition("\n")[0]


def _changes(node: ast.AST) -> Iterator[tuple[str, Any]]:
    """Yield the faults of an expression: an attribute and its new value."""
    if isinstance(node, ast.BinOp | ast.BoolOp) and type(node.op) in _OPERATORS:
        yield "op", _OPERATORS[type(node.op)]()
    elif isinstance(node, ast.Compare) and type(node.ops[0]) in _OPERATORS:
        yield "ops", [_OPERATORS[type(node.ops[0])](), *node.ops[1:]]
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield "op", ast.UAdd()
    elif isinstance(node, ast.If):
        yield "test", ast.UnaryOp(ast.Not(), node.test)
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield "value", node.value + 1
    elif isinstance(node, ast.Constant) and type(node.value) is bool:
        yield "value", not node.value


def failing(root: pathlib.Path, tests: list[str]) -> str | None:
    """The first test that fails in a copy, or None."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--hypothesis-profile=unshrunk"]
    command += [f"tests/{name}.py" for name in tests]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    try:
        done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return "the tests do not end"
    found = re.search(r"^(?:FAILED|ERROR) (.*?)(?: - .*)?$", done.stdout, re.MULTILINE)
    assert done.returncode in (0, 1) or found, done.stdout + done.stderr
    return found.group(1).removeprefix("tests/") if found else None


def main(arguments: list[str] | None = None) -> int:
    """Try some faults and print the results; return 1 if one survived."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", help="a source file, from the root of the repository")
    parser.add_argument("tests", nargs="+", help="test files that should catch the faults, such as test_retina")
    parser.add_argument("--function", help="only faults of this function")
    parser.add_argument("--num", type=int, default=20, help="number of faults, drawn at random")
    parser.add_argument("--seed", type=int, default=0, help="seed of the draw")
    flags = parser.parse_args(arguments)
    found = list(mutants((ROOT / flags.file).read_text()))
    found = [mutant for mutant in found if flags.function in (None, mutant.where.partition(",")[0])]
    drawn = random.Random(flags.seed).sample(found, min(flags.num, len(found)))
    survived = 0
    with tempfile.TemporaryDirectory() as place:
        root = pathlib.Path(place)
        for name in COPIED:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(ROOT / name, root / name)
        without = failing(root, flags.tests)
        if without is not None:
            raise SystemExit(f"Without any fault, {without} fails: fix it first.")
        for number, mutant in enumerate(drawn, 1):
            (root / flags.file).write_text(mutant.source)
            caught = failing(root, flags.tests)
            survived += caught is None
            print(f"{number:2} {mutant.where}: {mutant.what}: {caught or 'NOT CAUGHT'}", flush=True)
    print(f"{len(drawn) - survived} of {len(drawn)} caught, drawn from {len(found)}")
    return int(survived > 0)


if __name__ == "__main__":
    sys.exit(main())
