"""Finished runs, in one file for each task, ``results/<id>.json``, with their intervals, curves and pictures."""

import dataclasses
import datetime
import json
import math
import pathlib
import statistics
import subprocess
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
from scipy import stats

from agents import figures, files
from glimpse_env import TASKS

RESULTS = pathlib.Path("results")
IMAGES = pathlib.Path("docs/images")
CODE = ("agents", "benchmarks", "examples", "glimpse_env")
"""The folders that determine a run; all their changes must be committed before one is trained."""
# Colors of Okabe and Ito; lines and markers distinguish curves in print.
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9", "#000000", "#999999")
_LINES = ("-", "--", "-.", ":")
_MARKERS = "^osvDx+*"
_NO_ERROR = 0.01  # percent: where a logarithmic axis shows 0
_NO_TIME = 0.01  # minutes: the least that a logarithmic axis shows; the precision of `Run.minutes`

_R = TypeVar("_R")


Table = Literal["results", "what it takes", "beyond RAM"]  # where a run is shown


@dataclasses.dataclass(frozen=True)
class Run:
    """A finished training.

    Attributes:
        name: a description; the seeds of one name are a row of a table.
        table: the table of the run. "results" is measured on the test split, the others on the validation split.
        seed: the seed of the training.
        command: the command that repeats it, at its commit.
        preset: its preset, as of the commit.
        changes: the fields that differ from the preset.
        scores: way of looking -> error in percent after each glimpse, or the return, see `agents.evaluation.Report`. The
            first is the way of its training. Only a run of "what it takes" may have none: it diverged.
        curve: (episodes, measure on the validation split, minutes) at about 20 points of the training.
        minutes: the duration of the training, on one thread.
        parameters: the number of parameters of its networks; None if unknown.
        multiply_adds: the multiply-adds of its networks in an episode; None if unknown.
        commit: the commit of its code.
        machine: the machine of the minutes.
    """

    name: str
    table: Table
    seed: int
    command: str
    preset: str
    changes: dict[str, Any]
    scores: dict[str, list[float]]
    curve: list[list[float]]
    minutes: float
    parameters: int | None
    multiply_adds: int | None
    commit: str
    machine: str

    @property
    def episodes(self) -> int:
        """The episodes of the training."""
        return int(self.curve[-1][0])

    @property
    def score(self) -> float:
        """The main figure: after the last glimpse, with the way of looking of its training."""
        return next(iter(self.scores.values()))[-1]


class Curved(Protocol):
    """Anything with a learning curve: (episodes or steps, measure on the validation split, minutes) at its points."""

    @property
    def curve(self) -> list[list[float]]:
        """The points."""


@dataclasses.dataclass(frozen=True)
class Shipped:
    """The shipped agent, measured on the test split with several draws of the scenes.

    Attributes:
        mean: the mean over the draws, the agent's figure.
        draws: the measure of each draw.
        scores: as in `Run`, means over the draws.
        commit: the commit of the code that measured it.
    """

    mean: float
    draws: list[float]
    scores: dict[str, list[float]]
    commit: str


@dataclasses.dataclass(frozen=True)
class Evidence:
    """All results of a task.

    Attributes:
        id: the id of the task; "module:id" for one that a module registers.
        shipped: the shipped agent; None if none was measured.
        runs: the finished runs.
    """

    id: str
    shipped: Shipped | None = None
    runs: tuple[Run, ...] = ()

    def has(self, table: str, name: str, seed: int) -> bool:
        """Whether this run is among them."""
        return any((run.table, run.name, run.seed) == (table, name, seed) for run in self.runs)

    def rows(self, table: str) -> dict[str, list[Run]]:
        """The runs of a table: name -> its seeds."""
        rows: dict[str, list[Run]] = {}
        for run in self.runs:
            if run.table == table:
                rows.setdefault(run.name, []).append(run)
        return {name: sorted(seeds, key=lambda run: run.seed) for name, seeds in rows.items()}

    def with_run(self, run: Run) -> "Evidence":
        """Add a run; it replaces one with the same table, name and seed.

        Raises:
            ValueError: another seed of this name has another preset or other changes. The number of episodes may differ by a
                tenth: some trainings took as many as a time allowed.
        """

        def key(run: Run) -> tuple[str, str, int]:
            return run.table, run.name, run.seed

        others = [other for other in self.runs if key(other) != key(run)]
        for other in others:
            if key(other)[:2] == key(run)[:2] and not _alike(other, run):
                raise ValueError(
                    f"{self.id}: {run.name!r} names runs of preset {other.preset!r} with {other.changes}, but this one has "
                    f"{run.preset!r} with {run.changes}: give it another --name."
                )
        return dataclasses.replace(self, runs=(*others, run))


def _alike(one: Run, other: Run) -> bool:
    """Whether two runs may be seeds of one row."""
    few, many = sorted(run.episodes for run in (one, other))
    rest = [{name: value for name, value in run.changes.items() if name != "num_episodes"} for run in (one, other)]
    return one.preset == other.preset and rest[0] == rest[1] and few >= 0.9 * many


def path_of(id: str) -> pathlib.Path:
    """The file of a task."""
    return RESULTS / f"{plain(id)}.json"


def plain(id: str) -> str:
    """An id without its module, as in the names of its files."""
    return id.rpartition(":")[2].replace("/", "-")


def hyphenated(name: str) -> str:
    """The words of a name, joined by hyphens: a part of a folder's name."""
    return "-".join("".join(c if c.isalnum() else " " for c in name).split())


def picture(kind: str, id: str) -> pathlib.Path:
    """The picture of a task."""
    return IMAGES / f"{kind}-{plain(id)}.png"


def load(id: str) -> Evidence:
    """Read the file of a task; without a file, the result is empty.

    Raises:
        ValueError: the file is malformed; the message names the fault.
    """
    path = path_of(id)
    return read(path) if path.exists() else Evidence(id)


def read(path: pathlib.Path) -> Evidence:
    """Read a file; see `load`."""
    whole = _made(Evidence, contents(path), str(path))
    shipped = None if whole.shipped is None else _made(Shipped, whole.shipped, f"{path}, shipped")
    runs = tuple(_made(Run, run, f"{path}, run {n}") for n, run in enumerate(whole.runs))
    return Evidence(whole.id, shipped, runs)


def read_all() -> list[Evidence]:
    """Read all of results/, the tasks of `glimpse_env.TASKS` first, in its order."""
    found = [read(path) for path in RESULTS.glob("*.json")]
    order = [*TASKS, *sorted({one.id for one in found} - TASKS.keys())]
    return sorted(found, key=lambda one: order.index(one.id))


def save(evidence: Evidence) -> pathlib.Path:
    """Write the file of a task, with one line for each field, for readable diffs; return its path."""
    shipped = "null" if evidence.shipped is None else lines(evidence.shipped, " ")
    runs = ",\n  ".join(lines(run, "  ") for run in evidence.runs)
    text = f'{{\n "id": {json.dumps(evidence.id)},\n "shipped": {shipped},\n "runs": [\n  {runs}\n ]\n}}\n'
    path = path_of(evidence.id)
    files.write(path, text)
    return path


def interval(values: Sequence[float]) -> str:
    """Mean and 95 % interval (Student's t) of percents; all of them if it leaves 0 to 100; only the value of a single one."""
    mean = statistics.fmean(values)
    if len(values) == 1:
        return f"{mean:.2f}"
    half = stats.t.ppf(0.975, len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))
    return f"{mean:.2f} ± {half:.2f}" if half <= mean <= 100 - half else ", ".join(f"{value:.2f}" for value in values)


def draw_curves(
    rows: Mapping[str, Sequence[Curved]],
    path: pathlib.Path,
    title: str,
    measure: str,
    known: tuple[str, float] | None = None,
    unit: str = "episodes",
) -> None:
    """Draw learning curves: over episodes, the mean and the range of the seeds; over minutes, a line for each seed.

    Args:
        rows: name -> its seeds; a name without any is left out, but keeps its color.
        path: the file to write.
        title: the title of the figure.
        measure: the measure, see `glimpse_env.worlds.Task`; errors have a logarithmic axis with a 0.
        known: the source and the value of a published figure, drawn as a line.
        unit: what the curves count, "episodes" or "steps".
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.8), facecolor="white", layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    least = _NO_ERROR if measure == "error" else -math.inf
    for n, (name, runs) in enumerate(rows.items()):
        if not runs:
            continue
        other = n + n // len(_COLORS)  # where a color comes again, its line is another
        style: dict[str, Any] = {"color": _COLORS[n % len(_COLORS)], "linestyle": _LINES[other % len(_LINES)]}
        style |= {"marker": _MARKERS[other % len(_MARKERS)], "markersize": 3}
        curves = on_one_grid([run.curve for run in runs])
        x, values = curves[0, :, 0] / 1000, np.maximum(curves[..., 1], least)
        panels[0].fill_between(x, values.min(0), values.max(0), color=style["color"], alpha=0.2, linewidth=0)
        panels[0].plot(x, values.mean(0), label=name, **style)
        for run in runs:
            _, measured, minutes = np.array(run.curve).T
            panels[1].plot(np.maximum(minutes, _NO_TIME), np.maximum(measured, least), **style)
    panels[0].set(xlabel=f"thousand {unit}", ylabel=f"validation {measure}, %" if measure == "error" else measure)
    panels[1].set(xlabel="minutes, a line for each seed")
    for axes in panels:
        axes.grid(alpha=0.3)
        if known is not None:
            axes.axhline(known[1], color="black", linewidth=0.8, label=f"{known[0]} (test)")
        figures.log_scale(axes, "x")
    if measure == "error":
        figures.log_scale(panels[0], "y", zero=_NO_ERROR)
    figure.suptitle(title)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize="small", frameon=False)
    figures.save(figure, path)


def on_one_grid(curves: Sequence[Sequence[Sequence[float]]]) -> npt.NDArray[np.float64]:
    """Seeds may be measured at other points: the curves of a row, (seeds, points, 3), at those of the seed with the fewest."""
    arrays = [np.array(curve, np.float64) for curve in curves]
    grid = min(arrays, key=len)[:, 0]
    return np.stack([np.stack([grid, *(np.interp(grid, one[:, 0], one[:, k]) for k in (1, 2))], axis=1) for one in arrays])


def head() -> str:
    """The current commit.

    Raises:
        ValueError: the code has changes that are not committed.
    """
    changed = _git("status", "--porcelain", "--", *CODE)
    if changed:
        raise ValueError(f"{changed.split(maxsplit=2)[1]} is not committed: commit it, so that the run can be repeated.")
    return _git("rev-parse", "--short", "HEAD")


def committed(name: str) -> str:
    """The short name of a commit.

    Raises:
        ValueError: there is no such commit.
    """
    return _git("rev-parse", "--short", "--verify", "--quiet", f"{name}^{{commit}}")


def committed_at(name: str) -> datetime.datetime:
    """The time of a commit."""
    return datetime.datetime.fromisoformat(_git("show", "--no-patch", "--format=%cI", name))


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(f"git {' '.join(arguments)} failed: {done.stderr.strip() or 'there is no such commit'}")
    return done.stdout.strip()


def lines(record: Any, pad: str) -> str:
    """A dataclass as JSON, with one line for each field."""
    values = ",\n".join(f"{pad} {json.dumps(name)}: {json.dumps(value)}" for name, value in dataclasses.asdict(record).items())
    return f"{{\n{values}\n{pad}}}"


def contents(path: pathlib.Path) -> Any:
    """Read a JSON file, or raise an error that says that it is none."""
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(f"{path} is not JSON ({error}).") from error


def check_fields(found: Any, names: Collection[str], where: str) -> None:
    """Raise an error that names the field of a JSON object that is missing or unknown."""
    if not isinstance(found, dict):
        raise ValueError(f"{where} must be an object with the fields {', '.join(names)}.")
    if missing := [name for name in names if name not in found]:
        raise ValueError(f"{where} lacks {', '.join(missing)}.")
    if unknown := [name for name in found if name not in names]:
        raise ValueError(f"{where} has unknown fields: {', '.join(unknown)}.")


def _made(kind: type[_R], found: Any, where: str) -> _R:
    """Make a record from the contents of a file.

    Raises:
        ValueError: a field is missing or unknown.
    """
    names = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    check_fields(found, names, where)
    may_diverge = found.get("table") == "what it takes"
    if "scores" in names and not (
        isinstance(found["scores"], dict) and all(found["scores"].values()) and (found["scores"] or may_diverge)
    ):
        raise ValueError(f"{where}: its scores are empty.")
    return kind(**found)
