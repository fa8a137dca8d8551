"""Finished runs, kept in one file a task, ``results/<id>.json``; their intervals, their curves and the names of pictures."""

import dataclasses
import datetime
import json
import math
import pathlib
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar

import numpy as np
from scipy import stats

from agents import figures, files
from glimpse_env import TASKS

RESULTS = pathlib.Path("results")
IMAGES = pathlib.Path("docs/images")
CODE = ("agents", "glimpse_env")
"""The folders that make a run what it is: they hold no change without a commit when one is trained."""
# Colors of Okabe and Ito; lines and markers tell them apart in print.
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9", "#000000", "#999999")
_LINES = ("-", "--", "-.", ":")
_MARKERS = "^osvDx+*"

_R = TypeVar("_R")


@dataclasses.dataclass(frozen=True)
class Run:
    """A finished training.

    Attributes:
        name: what it is, in words; the seeds of one name make a row of a table.
        table: which table it belongs to. "ablations" and "what it takes" are measured on the
            validation split, the others on the test split.
        seed: of the training.
        command: what makes it anew, at its commit.
        preset: the preset it started from, as it was at the commit.
        changes: the fields that differ from the preset.
        scores: way of looking -> error in percent after each glimpse, or the return alone, see `agents.evaluation.Report`.
            The first is the way it was trained with.
        curve: (episodes, measure on the validation split, minutes) at about 20 points of the training.
        minutes: how long the training took, on one thread.
        parameters: of its networks; None where nobody counted them.
        multiply_adds: of its networks in an episode; None where nobody counted them.
        commit: the code that made it.
        machine: where the minutes passed.
    """

    name: str
    table: Literal["results", "ablations", "leaderboard", "what it takes"]
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
    def score(self) -> float:
        """The figure that counts: after the last glimpse, in its own way of looking."""
        return next(iter(self.scores.values()))[-1]


@dataclasses.dataclass(frozen=True)
class Shipped:
    """The shipped agent, measured on the test split with several draws of the scenes.

    Attributes:
        mean: of the draws; the agent's figure.
        draws: the measure that counts, of each draw.
        scores: as those of a `Run`, means over the draws.
        commit: the code that measured it.
    """

    mean: float
    draws: list[float]
    scores: dict[str, list[float]]
    commit: str


@dataclasses.dataclass(frozen=True)
class Evidence:
    """All that is known of a task.

    Attributes:
        id: of the task; "module:id" of one that a module registers.
        shipped: the shipped agent; None where none was measured.
        runs: the finished runs.
    """

    id: str
    shipped: Shipped | None = None
    runs: tuple[Run, ...] = ()

    def rows(self, table: str) -> dict[str, list[Run]]:
        """The runs of a table: name -> its seeds."""
        rows: dict[str, list[Run]] = {}
        for run in self.runs:
            if run.table == table:
                rows.setdefault(run.name, []).append(run)
        return {name: sorted(seeds, key=lambda run: run.seed) for name, seeds in rows.items()}

    def with_run(self, run: Run) -> "Evidence":
        """Add a run, in place of the one of its table, name and seed.

        Raises:
            ValueError: another seed of this name was trained in another way.
        """

        def key(run: Run) -> tuple[str, str, int]:
            return run.table, run.name, run.seed

        others = [other for other in self.runs if key(other) != key(run)]
        for other in others:
            if key(other)[:2] == key(run)[:2] and (other.preset, other.changes) != (run.preset, run.changes):
                raise ValueError(
                    f"{self.id}: {run.name!r} names runs of preset {other.preset!r} with {other.changes}, and this one is of "
                    f"{run.preset!r} with {run.changes}: give it another --name."
                )
        return dataclasses.replace(self, runs=(*others, run))


def path_of(id: str) -> pathlib.Path:
    """The file of a task."""
    return RESULTS / f"{plain(id)}.json"


def plain(id: str) -> str:
    """An id without the module that registers it: the name of its files."""
    return id.rpartition(":")[2].replace("/", "-")


def picture(kind: str, id: str) -> pathlib.Path:
    """The picture of a task."""
    return IMAGES / f"{kind}-{plain(id)}.png"


def load(id: str) -> Evidence:
    """Read the file of a task; where there is none, nothing is known.

    Raises:
        ValueError: it is not such a file; the message names what it lacks.
    """
    path = path_of(id)
    return read(path) if path.exists() else Evidence(id)


def read(path: pathlib.Path) -> Evidence:
    """Read a file; see `load`."""
    try:
        found = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is no JSON ({error}).") from error
    whole = _made(Evidence, found, str(path))
    shipped = None if whole.shipped is None else _made(Shipped, whole.shipped, f"{path}, shipped")
    runs = tuple(_made(Run, run, f"{path}, run {n}") for n, run in enumerate(whole.runs))
    return Evidence(whole.id, shipped, runs)


def read_all() -> list[Evidence]:
    """Read all of results/, the tasks of `glimpse_env.TASKS` first, in its order."""
    found = [read(path) for path in RESULTS.glob("*.json")]
    order = [*TASKS, *sorted({one.id for one in found} - TASKS.keys())]
    return sorted(found, key=lambda one: order.index(one.id))


def save(evidence: Evidence) -> pathlib.Path:
    """Write the file of a task, a field a line, so that a change can be read; its path."""
    shipped = "null" if evidence.shipped is None else _lines(evidence.shipped, " ")
    runs = ",\n  ".join(_lines(run, "  ") for run in evidence.runs)
    text = f'{{\n "id": {json.dumps(evidence.id)},\n "shipped": {shipped},\n "runs": [\n  {runs}\n ]\n}}\n'
    path = path_of(evidence.id)
    files.write(path, text)
    return path


def interval(values: Sequence[float]) -> str:
    """Mean and 95 % interval of a few seeds (Student's t); the value alone of one."""
    mean = statistics.fmean(values)
    if len(values) == 1:
        return f"{mean:.2f}"
    half = stats.t.ppf(0.975, len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))
    return f"{mean:.2f} ± {half:.2f}"


def draw_curves(
    rows: Mapping[str, Sequence[Run]], path: pathlib.Path, title: str, measure: str, known: tuple[str, float] | None = None
) -> None:
    """Draw learning curves, by episodes and by minutes: the mean over seeds, and all between the least and the most.

    Args:
        rows: name -> its seeds.
        path: of the picture.
        title: of the picture.
        measure: what is measured, see `glimpse_env.worlds.Task`; errors get a logarithmic axis.
        known: a published figure to draw a line at, and whose it is.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

    figure = Figure(figsize=(11, 4.8), facecolor="white", layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for n, (name, runs) in enumerate(rows.items()):
        length = min(len(run.curve) for run in runs)
        curves = np.array([run.curve[:length] for run in runs])  # (seeds, points, 3)
        values = curves[..., 1]
        style = {"color": _COLORS[n % len(_COLORS)], "linestyle": _LINES[n % len(_LINES)]}
        for axes, x in zip(panels, (curves[..., 0].mean(0) / 1000, curves[..., 2].mean(0)), strict=True):
            axes.fill_between(x, values.min(0), values.max(0), color=style["color"], alpha=0.2, linewidth=0)
            axes.plot(x, values.mean(0), label=name, marker=_MARKERS[n % len(_MARKERS)], markersize=3, **style)
    panels[0].set(xlabel="thousand episodes", ylabel=f"validation {measure}, %" if measure == "error" else measure)
    panels[1].set(xlabel="minutes of one thread")
    for axes in panels:
        axes.grid(alpha=0.3)
        if known is not None:
            axes.axhline(known[1], color="black", linewidth=0.8)
    if known is not None:
        panels[0].annotate(f"{known[0]} (test)", (1, known[1]), xycoords=("axes fraction", "data"), ha="right", va="bottom")
    if measure == "error":
        panels[0].set_yscale("log")
        panels[0].yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        panels[0].yaxis.set_major_formatter(ScalarFormatter())
        panels[0].yaxis.set_minor_formatter(NullFormatter())
    figure.suptitle(title)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize="small", frameon=False)
    figures.save(figure, path)


def head() -> str:
    """The commit that is checked out, all of whose code is as committed.

    Raises:
        ValueError: there are changes without a commit.
    """
    changed = _git("status", "--porcelain", "--", *CODE)
    if changed:
        raise ValueError(f"{changed.splitlines()[0][3:]} is not committed: commit it, so that the run can be made anew.")
    return _git("rev-parse", "--short", "HEAD")


def committed(name: str) -> str:
    """The short name of a commit.

    Raises:
        ValueError: there is no such commit.
    """
    return _git("rev-parse", "--short", "--verify", "--quiet", f"{name}^{{commit}}")


def committed_at(name: str) -> datetime.datetime:
    """When a commit was made."""
    return datetime.datetime.fromisoformat(_git("show", "--no-patch", "--format=%cI", name))


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(f"git {' '.join(arguments)} failed: {done.stderr.strip() or 'there is no such commit'}")
    return done.stdout.strip()


def _lines(record: Run | Shipped, pad: str) -> str:
    values = ",\n".join(f"{pad} {json.dumps(name)}: {json.dumps(value)}" for name, value in dataclasses.asdict(record).items())
    return f"{{\n{values}\n{pad}}}"


def _made(kind: type[_R], found: Any, where: str) -> _R:
    """Make a record of what a file holds.

    Raises:
        ValueError: a field is missing, or one too many.
    """
    names = {field.name for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    if not isinstance(found, dict):
        raise ValueError(f"{where} must be an object with the fields {', '.join(sorted(names))}.")
    if missing := names - found.keys():
        raise ValueError(f"{where} lacks {', '.join(sorted(missing))}.")
    if unknown := found.keys() - names:
        raise ValueError(f"{where} has unknown fields: {', '.join(sorted(unknown))}.")
    if "scores" in names and not (isinstance(found["scores"], dict) and all(found["scores"].values()) and found["scores"]):
        raise ValueError(f"{where}: its scores are empty.")
    return kind(**found)
