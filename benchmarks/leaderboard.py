"""The page of the runs that `benchmarks.algorithms` made: tables with intervals, and learning curves."""

import dataclasses
import json
import pathlib
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from agents import figures, files

# algorithm -> its name, whether it reads labels; colour (of Okabe and Ito), line and marker, so that print tells them apart.
ROWS = {
    "random": ("RAM's network, random fixations", True, "#999999", ":", "x"),
    "centre": ("RAM's network, central fixations", True, "#000000", ":", "+"),
    "ppo": ("PPO, all glimpses so far (Stable-Baselines3)", False, "#E69F00", "--", "s"),
    "recurrent-ppo": ("Recurrent PPO (sb3-contrib)", False, "#D55E00", "--", "o"),
    "ram-reward": ("RAM, from reward alone", False, "#56B4E9", "-", "v"),
    "ram": ("RAM, hybrid loss", True, "#0072B2", "-", "^"),
}


@dataclasses.dataclass(frozen=True)
class Run:
    """What a run ends with.

    Attributes:
        accuracy: on the test split, in percent.
        seconds: of the whole run, its evaluations included.
        curve: (environment steps, seconds, validation accuracy in percent) at each point.
    """

    accuracy: float
    seconds: float
    curve: Sequence[tuple[int, float, float]]


def iqm(scores: npt.ArrayLike, axis: int = -1) -> Any:
    """Interquartile mean: that of the middle half, a quarter of the scores cut off at each end (none of fewer than four)."""
    return stats.trim_mean(scores, 0.25, axis=axis)


def interval(scores: Sequence[float]) -> tuple[float, float]:
    """95 % bootstrap interval of the interquartile mean; NaN for a single score."""
    if len(scores) < 2:
        return float("nan"), float("nan")
    found = stats.bootstrap((scores,), iqm, method="percentile", n_resamples=10_000, rng=0).confidence_interval
    return float(found.low), float(found.high)


def write(results: pathlib.Path, docs: pathlib.Path, steps: int) -> None:
    """Write ``benchmark.md`` and its pictures.

    Args:
        results: the folder of finished runs.
        docs: the folder of the page.
        steps: of the runs that are meant; others in the folder are left out.
    """
    runs: dict[str, dict[str, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for path in sorted(results.glob("*.json")):
        run = json.loads(path.read_text())
        if run["steps"] == steps:
            runs[run["id"]][run["algorithm"]].append(run)
    machines = sorted({run["machine"] for of_id in runs.values() for group in of_id.values() for run in group})
    lines = [
        "# Algorithms side by side",
        "",
        f"Made by `python -m benchmarks.algorithms --steps {steps}`. Each algorithm trains on {steps:,} environment steps of "
        "the id as registered: 1 for the right class at the last step. Accuracy is that on the test split, each image once, "
        "one rollout, without exploration; the interquartile mean over seeds (with fewer than four the mean), and its 95 % "
        "bootstrap interval. Curves are of the validation split. Minutes are of one thread, evaluations included.",
        "",
        "Who reads labels learns from more than the reward: compare within a kind.",
        "",
    ]
    for id, algorithms in runs.items():
        lines += [f"## {id}", "", "| algorithm | reads labels | accuracy, % | 95 % interval | seeds | minutes |"]
        lines += ["|---|---|---:|---:|---:|---:|"]
        for name, (label, labelled, *_) in ROWS.items():
            if group := algorithms.get(name):
                scores = [run["accuracy"] for run in group]
                low, high = interval(scores)
                minutes = np.mean([run["seconds"] for run in group]) / 60
                span = f"{low:.1f} to {high:.1f}" if len(scores) > 1 else ""
                cells = [label, "yes" if labelled else "", f"{iqm(scores):.1f}", span, f"{len(scores)}", f"{minutes:.1f}"]
                lines.append("| " + " | ".join(cells) + " |")
        picture = f"images/benchmark-{id}.png"
        _draw(algorithms, docs / picture)
        lines += ["", f"![Accuracy on {id} against environment steps and minutes]({picture})", ""]
    lines.append("Measured on: " + "; ".join(machines) + ".")
    files.write(docs / "benchmark.md", "\n".join(lines) + "\n")


def _draw(algorithms: dict[str, list[dict[str, Any]]], path: pathlib.Path) -> None:
    """Draw the curves of one id: the interquartile mean over seeds, and all between the worst and the best."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.8), facecolor="white", layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for name, (label, labelled, color, line, marker) in ROWS.items():
        if not (group := algorithms.get(name)):
            continue
        length = min(len(run["curve"]) for run in group)
        curves = np.array([run["curve"][:length] for run in group])  # (seeds, points, 3)
        middle, low, high = iqm(curves[..., 2], axis=0), curves[..., 2].min(0), curves[..., 2].max(0)
        for axes, x in zip(panels, (curves[..., 0].mean(0) / 1e6, curves[..., 1].mean(0) / 60), strict=True):
            axes.fill_between(x, low, high, color=color, alpha=0.2, linewidth=0)
            axes.plot(
                x, middle, line, color=color, marker=marker, markersize=4, label=label + (" (labels)" if labelled else "")
            )
    panels[0].set_xlabel("environment steps, millions")
    panels[1].set_xlabel("minutes of one thread")
    panels[0].set_ylabel("validation accuracy, %")
    for axes in panels:
        axes.grid(alpha=0.3)
        axes.set_ylim(0, 100)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize="small", frameon=False)
    figures.save(figure, path)
