"""The figures of a training: their running averages, their file, and TensorBoard's."""

import csv
import io
import math
import pathlib
import time
from typing import Any

from agents import files
from glimpse_env.extras import needed


class Metrics:
    """The running averages of a training, and their file, ``metrics.csv``, with a row for each validation."""

    def __init__(self, folder: pathlib.Path, measure: str, tensorboard: bool) -> None:
        """Start empty; the first row writes the file.

        Args:
            folder: the folder of the run.
            measure: the figure that the progress bar shows.
            tensorboard: whether to write the rows also for TensorBoard.

        Raises:
            ImportError: the extra "tensorboard" is not installed.
        """
        self._path = folder / "metrics.csv"
        self._measure = measure
        self._board: Any = None
        if tensorboard:
            writer = needed("tensorboardX", "tensorboard", "--tensorboard").SummaryWriter
            self._board = writer(str(folder / "tensorboard"))
        self._sums: dict[str, float] = {}
        self._count = 0
        self._recent = math.nan
        self._validation = math.nan
        self._rows: list[dict[str, Any]] = []
        self._start = time.perf_counter()

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs to continue the averages exactly."""
        averages = {"sums": self._sums, "count": self._count, "recent": self._recent, "validation": self._validation}
        return {**averages, "rows": self._rows, "seconds": time.perf_counter() - self._start}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a `state`, and rewrite the file."""
        self._sums, self._count = dict(state["sums"]), state["count"]
        self._recent, self._validation = state["recent"], state["validation"]
        self._rows = list(state["rows"])
        self._start = time.perf_counter() - state["seconds"]
        if self._rows:
            self._save()

    def add(self, row: dict[str, float]) -> None:
        """Add the figures of one update."""
        for name, value in row.items():
            self._sums[name] = self._sums.get(name, 0.0) + float(value)  # a type that a checkpoint may contain
        self._count += 1
        latest = float(row[self._measure])
        self._recent = latest if math.isnan(self._recent) else 0.98 * self._recent + 0.02 * latest

    def write(self, update: int, episodes: int, validation: float) -> None:
        """Write the averages since the last row, and the validation measure after this update."""
        self._validation = float(validation)
        seconds = time.perf_counter() - self._start
        means = {name: total / self._count for name, total in self._sums.items()}
        row = {"update": update, "episodes": episodes, f"validation_{self._measure}": self._validation, **means}
        self._rows.append({**row, "seconds": round(seconds, 1)})
        self._save()
        if self._board is not None:
            for name, value in row.items():
                self._board.add_scalar(name, value, episodes)
            self._board.flush()
        self._sums, self._count = {}, 0

    def _save(self) -> None:
        content = io.StringIO(newline="")
        writer = csv.DictWriter(content, list(dict.fromkeys(name for row in self._rows for name in row)))
        writer.writeheader()
        writer.writerows(self._rows)
        files.write(self._path, content.getvalue())

    def summary(self) -> dict[str, str]:
        """The figures that the progress bar shows."""
        told = {self._measure: self._recent, "validation": self._validation}
        return {name: f"{value:.2f}" for name, value in told.items() if not math.isnan(value)}
