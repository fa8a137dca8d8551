"""Rows of a table that is made over hours: each is kept as it is finished."""

import json
import pathlib
from collections.abc import Callable, Iterable
from typing import Any

from agents import files

Row = dict[str, Any]


def complete(path: pathlib.Path, keys: Iterable[Row], make: Callable[..., Row]) -> list[Row]:
    """Make the rows that a file lacks, and return all that it then has; other processes may add to it meanwhile.

    Args:
        path: the JSON file.
        keys: the fields that tell a row from others, for each row that is wanted.
        make: returns the other fields of a row; it takes those of its key.
    """
    for key in keys:
        if not any(key.items() <= row.items() for row in _in(path)):
            row = {**key, **make(**key)}
            files.write(path, json.dumps([*_in(path), row], indent=2) + "\n")
    return _in(path)


def _in(path: pathlib.Path) -> list[Row]:
    rows: list[Row] = json.loads(path.read_text()) if path.exists() else []
    return rows
