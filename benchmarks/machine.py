"""What a measurement was made on, and how it is printed."""

import importlib.metadata
import os
import pathlib
import platform
from collections.abc import Iterable, Sequence


def machine(*packages: str) -> str:
    """Describe this machine in one line.

    Args:
        packages: whose versions to name, of those that are installed; numpy, numba, gymnasium and torch unless given.
    """
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor())
    installed = {name.lower(): version for name, version in _versions()}
    names = packages or ("numpy", "numba", "gymnasium", "torch")
    versions = [f"{name} {installed[name]}" for name in names if name in installed]
    return ", ".join([model or platform.machine(), f"{os.cpu_count()} cores", f"Python {platform.python_version()}", *versions])


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a GitHub markdown table: the first column to the left, numbers to the right.

    Args:
        headers: one a column.
        rows: their cells.
    """
    cells = [[str(cell) for cell in row] for row in (headers, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    for row in (cells[0], rule, *cells[1:]):
        first, *others = zip(row, widths, strict=True)
        print("| " + " | ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]) + " |")
    print(flush=True)


def _versions() -> Iterable[tuple[str, str]]:
    return ((distribution.name, distribution.version) for distribution in importlib.metadata.distributions())
