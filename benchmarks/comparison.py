"""The README's figure: what is published of each task, and what agents reach here."""

import statistics
from collections.abc import Sequence

from agents import environments, figures
from benchmarks import evidence
from benchmarks.evidence import Evidence
from benchmarks.page import BEST, KNOWN, RAM

_ANEW, _MODERN, _HERE = "the paper's networks, trained here", "RAM without a canvas (modern), here", "the shipped agent"
_STYLES = {
    RAM: ("o", "white", "#555555"),
    BEST: ("s", "#E69F00", "#E69F00"),
    _ANEW: ("o", "#009E73", "#009E73"),
    _MODERN: ("^", "#CC79A7", "#CC79A7"),
    _HERE: ("D", "#0072B2", "#0072B2"),
}


def draw(found: Sequence[Evidence]) -> None:
    """Draw docs/images/comparison.png from the evidence of the tasks that have an agent and a published figure."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, NullLocator

    shown = [one for one in found if one.shipped is not None and RAM in KNOWN.get(one.id, {})]
    if not shown:
        return
    figure = Figure(figsize=(8, 0.5 * len(shown) + 1.5), facecolor="white", layout="constrained")
    axes = figure.add_subplot()
    for row, one in enumerate(shown):
        assert one.shipped is not None
        error = environments.task_of(one.id).measure == "error"
        values = {**{who: KNOWN[one.id][who] for who in (RAM, BEST)}, _HERE: one.shipped.mean}
        for name, who in {"paper": _ANEW, "modern": _MODERN, "modern, with a plan and varied images": _MODERN}.items():
            if runs := one.rows("results").get(name):
                values[who] = statistics.fmean(run.score for run in runs)
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
    axes.set_xlim(0.3, 20)
    axes.set_xlabel("test error, % (Catch: balls missed, %)")
    axes.grid(alpha=0.3, axis="x")
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    figures.save(figure, evidence.IMAGES / "comparison.png")
