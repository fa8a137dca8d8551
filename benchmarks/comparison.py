"""The README's table and figure: what others reach on each task, and what agents reach here."""

import statistics
from collections.abc import Sequence

from agents import environments, figures
from benchmarks import evidence
from benchmarks.evidence import Evidence
from benchmarks.page import BEST, KNOWN, RAM, bold

PAPER, WITHOUT, WITH = "the paper's networks, trained here", "without a canvas, here", "with a canvas, here"
# id -> what the README shows: the rows of results/<id>.json.
SHOWN = {
    "Glimpse-MNIST-v0": {
        PAPER: "paper",
        WITHOUT: "modern, with a plan and varied images",
        WITH: "canvas, with a plan and varied images",
    },
    "Glimpse-TranslatedMNIST-v0": {PAPER: "paper", WITHOUT: "modern", WITH: "canvas"},
    "Glimpse-ClutteredMNIST-v0": {PAPER: "paper", WITHOUT: "modern", WITH: "canvas"},
    "Glimpse-ClutteredMNIST100-v0": {PAPER: "paper", WITHOUT: "modern", WITH: "canvas"},
    "Glimpse-MultiMNIST-v0": {WITHOUT: "modern", WITH: "canvas, varied images"},
    "Glimpse-CircleSquareRelative-v0": {WITHOUT: "best preset"},
    "Glimpse-Catch-v0": {WITHOUT: "reward alone"},
}
_STYLES = {
    RAM: ("o", "white", "#555555"),
    BEST: ("s", "#E69F00", "#E69F00"),
    PAPER: ("o", "#009E73", "#009E73"),
    WITHOUT: ("^", "#CC79A7", "#CC79A7"),
    WITH: ("D", "#0072B2", "#0072B2"),
}


def figures_of(one: Evidence) -> dict[str, float]:
    """Our figures of a task in the README: the means of its rows."""
    rows = one.rows("results")
    shown = {who: rows[name] for who, name in SHOWN.get(one.id, {}).items() if name in rows}
    return {who: statistics.fmean(run.score for run in runs) for who, runs in shown.items()}


def cells(one: Evidence) -> list[str]:
    """The last cells of a task's row in the README: ours."""
    found, task = figures_of(one), environments.task_of(one.id)
    return [bold(found[who], f"{found[who]:.2f}", one.id, task) if who in found else "" for who in (PAPER, WITHOUT, WITH)]


def draw(found: Sequence[Evidence]) -> None:
    """Draw docs/images/comparison.png: the table's tasks that the paper has."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, NullLocator

    shown = [one for one in found if figures_of(one) and RAM in KNOWN.get(one.id, {})]
    if not shown:
        return
    figure = Figure(figsize=(8, 0.5 * len(shown) + 1.5), facecolor="white", layout="constrained")
    axes = figure.add_subplot()
    for row, one in enumerate(shown):
        error = environments.task_of(one.id).measure == "error"
        values = {**{who: KNOWN[one.id][who] for who in (RAM, BEST)}, **figures_of(one)}
        places = {who: value if error else 100 - value for who, value in values.items()}
        axes.plot([min(places.values()), max(places.values())], [row, row], color="0.8", zorder=1)
        for who, place in places.items():
            marker, face, edge = _STYLES[who]
            label = who if row == 0 else None
            size = 130 if who == RAM else 50  # visible around another at the same place
            axes.scatter(place, row, marker=marker, facecolor=face, edgecolor=edge, s=size, zorder=2, label=label)
    names = [one.id.removeprefix("Glimpse-").removesuffix("-v0") for one in shown]
    axes.set_yticks(range(len(shown)), names)
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set_xscale("log")
    axes.set_xticks([0.3, 0.5, 1, 2, 5, 10, 20])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("test error, % (Catch: balls missed, %)")
    axes.grid(alpha=0.3, axis="x")
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    figures.save(figure, evidence.IMAGES / "comparison.png")
