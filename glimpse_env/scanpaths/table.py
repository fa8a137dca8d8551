"""A table of fixations: its columns, its files, and statistics of its paths."""

import csv
import dataclasses
import io
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from glimpse_env import files
from glimpse_env.extras import needed

COLUMNS = {
    "episode": np.int64,
    "t": np.int64,
    "start_x": np.float64,
    "start_y": np.float64,
    "duration": np.float64,
    "x": np.float64,
    "y": np.float64,
    "zoom": np.int64,
    "action": np.int64,
    "reward": np.float64,
    "p_right": np.float64,
    "target_x": np.float64,
    "target_y": np.float64,
    "target_width": np.float64,
    "target_height": np.float64,
    "scene_width": np.int64,
    "scene_height": np.int64,
}
"""The columns, and their types: ``episode`` and ``t`` (from 1) of the fixation; ``start_x`` and ``start_y`` in pixels from the
scene's top-left corner, and its ``duration`` (1 a glimpse), by the names of multimatch-gaze and REMoDNaV; ``x`` and ``y`` in
[-1, 1]; its ``zoom``; the ``action`` after it, the ``reward`` of that, and ``p_right``, the probability that the agent gave the
right class (NaN if it did not tell); the box of the target in pixels (NaN if unknown); the size of the scene."""
_DEFAULTS = {"duration": 1.0, "zoom": 1, "action": -1}


@dataclasses.dataclass(frozen=True)
class Scanpaths:
    """A row for each fixation, in order.

    Args:
        columns: name -> (N,) values, for all of `COLUMNS`.
    """

    columns: Mapping[str, npt.NDArray[Any]]

    @classmethod
    def of(cls, columns: Mapping[str, npt.ArrayLike], scene_size: tuple[int, int] | None = None) -> "Scanpaths":
        """Make a table of some columns; the others are filled in as far as they follow from these.

        Args:
            columns: name -> (N,) values; at least ``start_x`` and ``start_y``, or ``x`` and ``y``. Without ``episode``, all are
                one path; an ``episode`` that is no integer is a name, and they are numbered in order of appearance.
            scene_size: (H, W) in pixels; not needed if the columns have it.

        Raises:
            ValueError: a column is missing, or has another length or no numbers.
        """
        given = {name: np.asarray(values) for name, values in columns.items() if name in COLUMNS}
        lengths = {name: len(values) for name, values in given.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"All columns must be of one length, got {lengths}.")
        if not ({"start_x", "start_y"} <= given.keys() or {"x", "y"} <= given.keys()):
            raise ValueError(
                f"Scan paths need the columns start_x and start_y, or x and y, got {sorted(columns)}: rename yours."
            )
        n = next(iter(lengths.values()))
        if scene_size is not None:
            given["scene_height"], given["scene_width"] = (np.full(n, side) for side in scene_size)
        if not {"scene_width", "scene_height"} <= given.keys():
            raise ValueError("Scan paths need the size of the scene: give scene_size=(H, W).")
        given["episode"] = _episodes(given.get("episode", np.zeros(n, np.int64)))
        given.setdefault("t", _counted(given["episode"]))
        try:
            for pixel, unit, side in (("start_x", "x", "scene_width"), ("start_y", "y", "scene_height")):
                if pixel not in given:
                    given[pixel] = (given[unit].astype(np.float64) + 1) / 2 * given[side]
                given.setdefault(unit, 2 * given[pixel].astype(np.float64) / given[side] - 1)
            filled = {name: given.get(name, np.full(n, _DEFAULTS.get(name, np.nan))) for name in COLUMNS}
            return cls({name: filled[name].astype(kind) for name, kind in COLUMNS.items()})
        except ValueError as error:
            raise ValueError(f"A column has values that are no numbers: {error}.") from error

    def __len__(self) -> int:
        """The number of fixations."""
        return len(self.columns["t"])

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        """A column, (N,)."""
        return self.columns[name]

    @property
    def paths(self) -> dict[int, npt.NDArray[np.float64]]:
        """Episode -> its fixations (T, 3): x and y in pixels, and the duration."""
        table = np.stack([self[name] for name in ("start_x", "start_y", "duration")], axis=1)
        return {int(episode): table[rows] for episode, rows in self._rows()}

    @property
    def scene_size(self) -> tuple[int, int]:
        """(H, W) of the scenes.

        Raises:
            ValueError: the scenes have several sizes, or there are none.
        """
        sizes = set(zip(self["scene_height"].tolist(), self["scene_width"].tolist(), strict=True))
        if len(sizes) != 1:
            raise ValueError(f"The scenes must have one size, got {sorted(sizes)}.")
        return sizes.pop()

    def statistics(self, grid: int = 10, radius: float = 12.0) -> dict[str, float]:
        """Describe the paths.

        Args:
            grid: the cells along each axis of a grid over the scene, for the coverage.
            radius: the distance in pixels within which a fixation revisits an earlier one.

        Returns:
            Means over episodes: ``fixations``, the number; ``saccade_length`` in pixels; ``coverage``, the share of the cells
            with a fixation; ``revisits``, the share of fixations near an earlier one; ``on_target``, the share within the box
            of the target; and ``found``, the share of episodes with such a fixation. NaN where unknown.
        """
        H, W = self.scene_size
        found: dict[str, list[float]] = {name: [] for name in ("saccade_length", "coverage", "revisits")}
        on_target, counts = [], []
        for _, rows in self._rows():
            points = np.stack([self["start_x"][rows], self["start_y"][rows]], axis=1)
            counts.append(float(len(points)))
            distances = np.linalg.norm(points[:, np.newaxis] - points, axis=2)
            if len(points) > 1:
                found["saccade_length"].append(float(np.diagonal(distances, 1).mean()))
            cells = np.clip(points * grid / (W, H), 0, grid - 1).astype(np.int64)
            found["coverage"].append(len(np.unique(cells, axis=0)) / grid**2)
            found["revisits"].append(float((np.tril(distances <= radius, -1).any(axis=1)).mean()))
            on_target.append(self._on_target[rows])
        known = [hits for hits in on_target if not np.isnan(hits).any()]
        means = {"fixations": _mean(counts)} | {name: _mean(values) for name, values in found.items()}
        means["on_target"] = _mean([float(hits.mean()) for hits in known])
        return means | {"found": _mean([float(hits.any()) for hits in known])}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the table to a file that ends with .csv, .tsv, or .parquet (needs pyarrow).

        Raises:
            ValueError: the path ends with something else.
            ImportError: pyarrow is not installed.
            OSError: the file cannot be written; an older one is unchanged.
        """
        path, content = pathlib.Path(path), io.BytesIO()
        if check_suffix(path) == ".parquet":
            arrow = _pyarrow()
            arrow.parquet.write_table(arrow.table(dict(self.columns)), content)
        else:
            text = io.StringIO(newline="")
            writer = csv.writer(text, delimiter=_delimiter(path))
            writer.writerow(self.columns)
            writer.writerows(zip(*(values.tolist() for values in self.columns.values()), strict=True))
            content.write(text.getvalue().encode())
        files.write(path, content.getvalue())

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        names: Mapping[str, str] | None = None,
        scene_size: tuple[int, int] | None = None,
    ) -> "Scanpaths":
        """Read a table: one that `save` wrote, or a recording of people.

        Args:
            path: a .csv, .tsv or .parquet file with a header.
            names: the file's names of columns -> ours, where they differ, such as ``{"CURRENT_FIX_X": "start_x"}``.
            scene_size: (H, W) in pixels, if the file does not have it.

        Raises:
            ValueError: the file is of another kind, or lacks a column; see `of`.
            ImportError: pyarrow is not installed.
        """
        path, names = pathlib.Path(path), names or {}
        if check_suffix(path) == ".parquet":
            table: Mapping[str, Any] = _pyarrow().parquet.read_table(path).to_pydict()
        else:
            with open(path, newline="", encoding="utf-8-sig") as file:
                rows = list(csv.DictReader(file, delimiter=_delimiter(path)))
            if not rows:
                raise ValueError(f"{path} has no rows.")
            table = {name: [row[name] for row in rows] for name in rows[0]}
        if missing := [name for name in names if name not in table]:
            raise ValueError(f"{path} has no columns {missing}, but {', '.join(table)}.")
        renamed = {names.get(name, name): values for name, values in table.items()}
        wanted = {name: values for name, values in renamed.items() if name in COLUMNS}
        try:
            numbers = {name: np.asarray(values, None if name == "episode" else np.float64) for name, values in wanted.items()}
        except ValueError as error:
            raise ValueError(f"{path}: {error}.") from error
        return cls.of(numbers, scene_size)

    def _rows(self) -> list[tuple[Any, npt.NDArray[np.int64]]]:
        """Each episode, and its rows, in order."""
        episodes, inverse = np.unique(self["episode"], return_inverse=True)
        order = np.lexsort((self["t"], inverse))
        return list(zip(episodes, np.split(order, np.cumsum(np.bincount(inverse))[:-1]), strict=True))

    @property
    def _on_target(self) -> npt.NDArray[np.float64]:
        """Whether each fixation is within the box of the target: (N,) 0 or 1, NaN where unknown."""
        inside = np.ones(len(self), np.bool_)
        for start, first, size in (("start_x", "target_x", "target_width"), ("start_y", "target_y", "target_height")):
            inside &= (self[start] >= self[first]) & (self[start] < self[first] + self[size])
        return np.where(np.isnan(self["target_x"]), np.nan, inside)


def _counted(episodes: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """The number of each row within its episode, from 1."""
    _, inverse, counts = np.unique(episodes, return_inverse=True, return_counts=True)
    order = np.argsort(inverse, kind="stable")
    numbers = np.empty(len(episodes), np.int64)
    numbers[order] = np.concatenate([np.arange(count) for count in counts]) + 1 if len(counts) else []
    return numbers


def _episodes(values: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Names of episodes as integers: as given if all are, else numbered in order of appearance."""
    try:
        numbers = values.astype(np.float64)
        if ((numbers == np.rint(numbers)) & (abs(numbers) < 2**53)).all():  # larger ones would merge
            return numbers.astype(np.int64)
    except (TypeError, ValueError):
        pass
    known = {name: number for number, name in enumerate(dict.fromkeys(values.tolist()))}
    return np.array([known[name] for name in values.tolist()], np.int64)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


def check_suffix(path: pathlib.Path) -> str:
    """The suffix of a file of scan paths.

    Raises:
        ValueError: it is none of .csv, .tsv and .parquet.
    """
    if path.suffix.lower() not in (".csv", ".tsv", ".parquet"):
        raise ValueError(f"{path} must end with .csv, .tsv or .parquet.")
    return path.suffix.lower()


def _delimiter(path: pathlib.Path) -> str:
    return "\t" if check_suffix(path) == ".tsv" else ","


def _pyarrow() -> Any:
    needed("pyarrow.parquet", "scanpaths", "A .parquet file")
    return needed("pyarrow", "scanpaths", "A .parquet file")
