"""The results page, docs/results.md, from what results/ holds; `benchmarks.reproduce` writes it."""

import math
import statistics
from collections.abc import Sequence
from typing import Any

from agents import environments
from benchmarks import evidence
from benchmarks.evidence import Evidence, Run, Shipped
from benchmarks.machine import markdown
from glimpse_env.worlds import Task

RAM, BEST = "RAM, Mnih et al. (2014)", "best known with hard glimpses"
WHOLE = "conv net on the whole scene, Mnih et al."
# id -> what others reach, in its measure; Mnih et al. as in their NIPS version. The first is drawn in the curves.
KNOWN: dict[str, dict[str, float]] = {
    "Glimpse-MNIST-v0": {RAM: 1.07, BEST: 0.7, "MRAM (2025)": 0.80, WHOLE: 1.21},
    "Glimpse-TranslatedMNIST-v0": {RAM: 1.20, BEST: 0.92, WHOLE: 1.62},
    "Glimpse-ClutteredMNIST-v0": {RAM: 4.04, BEST: 2.63, WHOLE: 8.09},
    "Glimpse-ClutteredMNIST100-v0": {RAM: 8.11, BEST: 5.9, WHOLE: 14.35},
    "Glimpse-MultiMNIST-v0": {
        "RAM, Ba et al. (2015), not confirmed here": 9,
        "DRAM, Ba et al. (2015)": 5,
        "OCRA, Adeli et al. (2023), digits that overlap": 5.08,
    },
    "Glimpse-CircleSquareRelative-v0": {"CrossQ with labels, APPLE (2026)": 0.9, "SAC with labels, APPLE (2026)": 1.8},
    "Glimpse-Catch-v0": {RAM: 85, BEST: 89},
}
UNLIKE = {"Glimpse-MultiMNIST-v0", "Glimpse-CircleSquareRelative-v0"}  # others have other scenes or rules: nothing is bold
_TF_RAM = "the code slundqui/tfRAM, ten rollouts an image"
SOURCES = {  # of the best known
    "Glimpse-MNIST-v0": "pull request 32 to the code kevinzakka/recurrent-visual-attention, 6 glimpses, trained on all images, "
    "which says: less than 0.7 %",
    "Glimpse-TranslatedMNIST-v0": "RAM of the Torch blog, 7 glimpses",
    "Glimpse-ClutteredMNIST-v0": _TF_RAM,
    "Glimpse-ClutteredMNIST100-v0": _TF_RAM,
    "Glimpse-Catch-v0": "unpublished, with 18 times the frames of the paper",
}
_FEW_SCENES = (
    "The evaluation has seeds of its own, but there are only {}: training meets nearly all. So this measures skill, not "
    "generalization. "
)
NOTES = {
    "Glimpse-ClutteredMNIST-v0": "Another error of 2.13 % (the code bentrevett/recurrent-attention-model) is not in the list. "
    "It cannot be compared: images are normalized before they are pasted, so the box of the digit shows; the digit erases the "
    "clutter below it; the answers of ten rollouts are averaged; and the epoch was chosen on the test split. "
    "Over five draws, the five trainings of `modern` have errors of 1.58, 1.74, 1.73, 1.64 and 1.64, the three of `canvas` "
    "1.01, 1.11 and 1.13.",
    "Glimpse-ClutteredMNIST100-v0": "Over five draws, the two trainings of `canvas` have errors of 1.74 and 1.60.",
    "Glimpse-TranslatedMNIST-v0": "Over five draws, the second training of `canvas` has an error of 0.63.",
    "Glimpse-MNIST-v0": "Over five draws, the two trainings with varied images have errors of 0.61 and 0.76 with a canvas, and "
    "of 0.83 and 0.73 without one.",
    "Glimpse-MultiMNIST-v0": "An error is a sequence that is not read right as a whole. The others read pairs of digits in "
    "100x100 pixels as well, but of other scenes, so nothing is bold: here no two digits share a column of pixels, unless a "
    "row says so; then their left edges are at least 7 pixels apart, since their order is asked for. Over five draws, "
    "the two trainings of the canvas on digits that may overlap have errors of 1.78 and 1.76.",
    "Glimpse-Search-v0": "An agent that always names the cell of the right place earns about 80 %: the middle of a cell is not "
    "the place itself.",
    "Glimpse-CircleSquare-v0": _FEW_SCENES.format("800 scenes").strip(),
    "Glimpse-CircleSquareRelative-v0": _FEW_SCENES.format("1,568 scenes")
    + "The figures of others are after 1,000,000 steps, as is the best preset's. Their rules [differ a "
    "little](benchmark_rules.md#circlesquare), so nothing is bold.",
    "Glimpse-Catch-v0": _FEW_SCENES.format("about 10,600 paths of a ball")
    + "The figures of others, about 85 and about 89, were not confirmed in print.",
}

PICTURES = {
    "paths": "Where it looks",
    "fixations": "How often it looks where",
    "confusion": "What it names for what",
    "distances": "How far the named cell is from the right one",
}
WAYS = {"center": "central", "center first": "learned, central first fixation"}  # of looking, as a reader knows them
INTRODUCTION = """# Results

<!-- made by python -m benchmarks.reproduce; do not edit -->

Each image of the test split is shown once, in one rollout: the agent looks at the mean location, from a random first fixation.
The measure is the error in percent after the last glimpse, or what the table says. A *draw* is a seed of the evaluation: it
sets places, clutter and first fixations. Rows are of one draw.

Figures of several seeds are means with a 95 % interval (Student's t), or all seeds where the interval leaves 0 to 100 %. A
figure alone is of one seed. Ours are in bold where they are better than all others in the list by more than the sampling error
of 10,000 images (two standard errors).

The shipped agent is always the training of seed 0. Those of MNIST, translated MNIST and MultiMNIST have varied images, the last
two by an earlier preset; those of MNIST, cluttered MNIST and Search were trained longer than their presets, in larger batches.

A row is of the code at its commit: its preset is the one in `agents/presets.py` there, and the row names what differs from it.
`results/<id>.json` holds, for each run, the command that makes it anew, its curve, and its error after each glimpse. Runs of
`split=train+validation` train on all 60,000 images, so that the validation errors in their curves are of images that they
have seen.

Runs on a GPU took as many scenes as about five to eleven minutes allowed; the seeds of a row may differ a little in their
number. `canvas` is RAM with a painted canvas, `modern` RAM without one, whose memory is learned; `best` is one of them with the
task's own changes, or, for CircleSquare and Catch, a preset of its own.

Choices were made on the validation split, the last 5,000 of the 60,000 training images. The test split is not wholly unseen:
test errors of earlier recipes were read before the present ones were made, and on cluttered MNIST one was given up for it.
On 28x28, a plan that began at random was given up after its test error (1.48) and its fixations on test images had been seen.
"""


def section(known: Evidence) -> list[str]:
    """A task's part of the page, in Markdown."""
    task = environments.task_of(known.id)
    published = KNOWN.get(known.id, {})
    lines = [f"## {known.id}", ""]
    lines += [NOTES[known.id], ""] if known.id in NOTES else []
    if known.shipped is not None:
        mean = bold(known.shipped.mean, f"{known.shipped.mean:.2f}", known.id, task)
        draws = ", ".join(f"{value:.2f}" for value in known.shipped.draws)
        of = "one draw" if len(known.shipped.draws) == 1 else f"{len(known.shipped.draws)} draws"
        lines += [f"The shipped agent, {measured(task)}: {mean}, the mean of {of} of the scenes ({draws}), measured at "]
        lines[-1] += f"`{known.shipped.commit}`."
        lines += ["", *glimpse_table(known.shipped, task), ""]
    if published:
        others = [(f"{who}: {SOURCES[known.id]}" if who == BEST else who, f"{value:g}") for who, value in published.items()]
        lines += [*markdown(("others", measured(task)), others), ""]
    rows = known.rows("results")
    if rows:
        lines += [*row_table(rows, known.id, task), ""]
        seen = {name: runs[0].changes.get("split") == "train+validation" for name, runs in rows.items()}
        title = f"{known.id}: learning curves" + any(seen.values()) * " (*: trained on the validation images, too)"
        curves = {name + seen[name] * " *": runs for name, runs in rows.items()}
        picture = evidence.picture("curves", known.id)
        evidence.draw_curves(curves, picture, title, task.measure, next(iter(published.items()), None))
    for kind, shown in {"curves": "Learning curves", **(PICTURES if known.shipped else {})}.items():
        path = evidence.picture(kind, known.id)
        if path.exists():
            lines += [f"![{shown}]({path.parent.name}/{path.name})", ""]
    return lines


def measured(task: Task) -> str:
    """What is measured of a task, in words."""
    if task.measure == "error":
        return "error, %"
    return task.measure if "%" in task.measure or not task.best else f"{task.measure}, % of the best"


def row_table(rows: dict[str, list[Run]], id: str, task: Task) -> list[str]:
    """A table of runs, a row a name, the best first."""
    once = "image" if task.num_images else "episode"
    heads = ("ours", measured(task), "seeds", "parameters", f"multiply-adds an {once}", "minutes", "commit", "preset")
    table = []
    sign = 1 if task.measure == "error" else -1
    for name, runs in sorted(rows.items(), key=lambda row: sign * statistics.fmean(run.score for run in row[1])):
        scores = [run.score for run in runs]
        first = runs[0]
        size = "" if first.parameters is None else f"{first.parameters:,}"
        work = "" if first.multiply_adds is None else f"{first.multiply_adds / 1e6:.1f} M"
        commits = ", ".join(f"`{commit}`" for commit in dict.fromkeys(run.commit for run in runs))
        fields = dict.fromkeys(field for run in runs for field in run.changes)
        # A run that lacks a field has as many episodes as its preset.
        values = {field: [run.changes.get(field, run.episodes) for run in runs] for field in fields}
        changes = ", ".join(f"`{field}={_span(found)}`" for field, found in values.items())
        cells = [name, bold(statistics.fmean(scores), evidence.interval(scores), id, task), str(len(runs)), size, work]
        table.append([*cells, _minutes(runs), commits, ", ".join(filter(None, (first.preset, changes)))])
    return markdown(heads, table)


def _minutes(runs: Sequence[Run]) -> str:
    """The mean minutes on CPUs, and on GPUs."""
    on_gpu = [run.minutes for run in runs if "NVIDIA" in run.machine]
    on_cpu = [run.minutes for run in runs if "NVIDIA" not in run.machine]
    parts = ((on_cpu, ""), (on_gpu, " (GPU)"))
    return ", ".join(f"{statistics.fmean(minutes):.1f}{mark}" for minutes, mark in parts if minutes)


def _span(values: Sequence[Any]) -> str:
    """A value that all seeds share, or the range of numbers that differ."""
    return str(values[0]) if all(value == values[0] for value in values) else f"{min(values)} to {max(values)}"


def bold(value: float, text: str, id: str, task: Task) -> str:
    """A figure of ours, in bold if it is better than all others by two standard errors of 10,000 images."""
    sign, others = -1 if task.measure == "error" else 1, KNOWN.get(id, {}).values()
    ahead = all(sign * (value - other) > 2 * math.sqrt(other * (100 - other) / 10_000) for other in others)
    return f"**{text}**" if others and ahead and id not in UNLIKE else text


def glimpse_table(shipped: Shipped, task: Task) -> list[str]:
    """The measure after each glimpse, a line for each way of looking of the shipped networks."""
    T = len(next(iter(shipped.scores.values())))
    title = "After each glimpse, by the same networks:" if T > 1 else "The same networks with other looks:"
    heads = ["fixations", *map(str, range(1, T + 1))] if T > 1 else ["looks", measured(task)]
    rows = [[WAYS.get(way, way), *(f"{value:.2f}" for value in values)] for way, values in shipped.scores.items()]
    return [title, "", *markdown(heads, rows)]


def page(found: Sequence[Evidence]) -> str:
    """The results page; draws its curves, too."""
    machines = sorted({run.machine for one in found for run in one.runs})
    lines = [INTRODUCTION, "Runs had other work beside, and one thread each. Their machines:", ""]
    lines += [*(f"- {machine}" for machine in machines), ""]
    return "\n".join(lines + [line for one in found for line in section(one)])


def scores(found: Sequence[Evidence]) -> dict[str, float]:
    """What the shipped agents reach, in percent, the more the better: right answers, or the return."""
    reached = {one.id: one.shipped.mean for one in found if one.shipped is not None}
    errors = {id for id in reached if environments.task_of(id).measure == "error"}
    return {id: round(100 - mean if id in errors else mean, 2) for id, mean in reached.items()}
