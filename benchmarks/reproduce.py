"""Train the agents and baselines of the results table, and rebuild it: ``python -m benchmarks.reproduce``.

Each run is kept under runs/ and, when finished, as curve and errors under results/; a run that was cut goes on from its
checkpoint, one that is finished is not made again. Without ``--task`` nothing is trained: docs/results.md and its figures are
rebuilt from results/.
"""

import argparse
import csv
import dataclasses
import json
import math
import pathlib
import statistics
from collections.abc import Sequence
from typing import Any, Literal

import torch
from scipy import stats
from torch.utils.flop_counter import FlopCounterMode

from agents import baselines, build, checkpoints, figures, files, ram, tasks
from agents.config import Config, TrainingConfig, preset
from benchmarks.machine import machine

RESULTS = pathlib.Path("results")
RUNS = pathlib.Path("runs")
PAGE = pathlib.Path("docs/results.md")
IMAGES = PAGE.parent / "images"
SCORES = pathlib.Path("glimpse_env/data/scores.json")  # what glimpse_env.play shows of the agent

CATCH = "Glimpse-Catch-v0"
MULTI = "Glimpse-MultiMNIST-v0"
SEARCH = "Glimpse-Search-v0"
PAPER, BEST = "RAM, the paper", "best published with hard glimpses"
# id -> what is published of it: who -> test error in percent, or what `COUNTED` says; the paper's as in its NIPS version.
KNOWN: dict[str, dict[str, float]] = {
    "Glimpse-MNIST-v0": {PAPER: 1.07, BEST: 0.67},
    "Glimpse-TranslatedMNIST-v0": {PAPER: 1.20, BEST: 0.92},
    "Glimpse-ClutteredMNIST-v0": {PAPER: 4.04, BEST: 2.63},
    "Glimpse-ClutteredMNIST100-v0": {PAPER: 8.11, BEST: 5.9},
    MULTI: {"RAM, by Ba et al. (2015)": 9, "DRAM (Ba et al. 2015)": 5},
    SEARCH: {},
    "Glimpse-CircleSquare-v0": {},
    CATCH: {PAPER: 85, BEST: 89},  # "about", and not confirmed in print
}
# What is counted where it is not the error: the mean return, times 100.
COUNTED = {CATCH: "balls caught, %", SEARCH: "mean reward, % of the highest"}
NOTES = {
    MULTI: "An error is a sequence that is not read right as a whole. The published figures are of pairs of digits in 100x100 "
    "pixels as well, but not of these very scenes: here no two digits share a column of pixels.",
    SEARCH: "Whoever always names the cell of the right place earns about 80 %: its middle is not the place itself.",
}
# What the paper has for its networks that see the whole scene.
PAPERS_NETWORKS = {
    ("Glimpse-MNIST-v0", "fc256"): 1.69,
    ("Glimpse-MNIST-v0", "conv"): 1.21,
    ("Glimpse-TranslatedMNIST-v0", "fc64"): 6.42,
    ("Glimpse-TranslatedMNIST-v0", "fc256"): 2.63,
    ("Glimpse-TranslatedMNIST-v0", "conv"): 1.62,
    ("Glimpse-ClutteredMNIST-v0", "fc64"): 28.58,
    ("Glimpse-ClutteredMNIST-v0", "fc256"): 11.96,
    ("Glimpse-ClutteredMNIST-v0", "conv"): 8.09,
    ("Glimpse-ClutteredMNIST100-v0", "conv"): 14.35,
}
# Tasks whose agents' last runs train on all 60,000 images, once all was chosen by runs without the validation split.
ALL_IMAGES = {"Glimpse-MNIST-v0", "Glimpse-ClutteredMNIST-v0", "Glimpse-ClutteredMNIST100-v0"}
LOOKS = ("random", "center", "fixed")
NETWORKS = ("fc64", "fc256", "conv")
NAMES = {  # a row each, in this order
    "best": "RAM, learned looks (ours)",
    "paper": "RAM as in the paper (ours)",
    "random": "our network, random looks",
    "center": "our network, central looks",
    "fixed": "our network, one learned sequence of looks",
    "fc64": "FC 2x64, whole scene",
    "fc256": "FC 2x256, whole scene",
    "conv": "conv net, whole scene",
}

WAYS = {
    "learned": "learned",
    "center first": "learned, central first fixation",
    "random": "random",
    "center": "centre",
}
FIGURES = {"paths": "Where it looks", "fixations": "How often it looks where", "confusion": "What it names for what"}
STYLES = ("-", "--", ":", "-.")
INTRODUCTION = """# Results

<!-- made by python -m benchmarks.reproduce; do not edit -->

Test error in percent after the last glimpse, mean and 95 % interval over seeds (Student's t). Each test image once,
one rollout, the mean location looked at, a random first fixation. The test split is read once, by the last step of a run; what
was chosen was chosen on the validation split (the last 5,000 of the 60,000 training images). Rows marked "all images" train on
these as well: the validation error of their curves is of images that they have seen. The test split is not wholly unseen:
earlier recipes' test errors were read before the present ones were made, and on cluttered MNIST one was given up for it.
Published figures are those of the NIPS version of Mnih et al. (2014), and the best with hard glimpses that we know of.
For Catch it is the balls caught in percent, of 10,000 that no training saw; its published figures were not confirmed in print.
"""

MINUTES = "Minutes are of one thread of {machine}, with other work beside."


def config_of(task: str, name: str, seed: int) -> TrainingConfig:
    """The config of a row of the table."""
    if name in NETWORKS:
        return baselines.BaselineConfig(env_id=task, network=name, seed=seed, name=f"{task}-{name}-{seed}")  # type: ignore[arg-type]
    config = preset("paper" if name == "paper" else "best", task)
    looking = name if name in LOOKS else config.looking
    split: Literal["train", "train+validation"] = "train+validation" if task in ALL_IMAGES else "train"
    return dataclasses.replace(config, looking=looking, split=split, seed=seed, name=f"{task}-{name}-{seed}")


def make(config: TrainingConfig, *pictures: str) -> None:
    """Train one run to its end, and keep what it showed, these pictures too; nothing if that was done before."""
    if finished_run(config) is not None:
        return
    folder, kept = RUNS / config.run_name, RESULTS / config.run_name
    resume = checkpoints.exist(folder)
    if isinstance(config, Config):
        ram.train(config, resume)
    elif isinstance(config, baselines.BaselineConfig):
        baselines.train(config, resume)
    finish = "results.json"  # what makes it a finished run: taken away first, and put there last
    (kept / finish).unlink(missing_ok=True)
    for file in ("config.json", "metrics.csv", *pictures, finish):
        files.write(kept / file, (folder / file).read_bytes())


def finished_run(config: TrainingConfig) -> tuple[dict[str, list[float]], float] | None:
    """What is kept of a run with this config: what it reached, by way of looking, and the minutes it took."""
    kept = RESULTS / config.run_name
    if not (kept / "results.json").exists():
        return None
    path = kept / "config.json"
    if checkpoints.config_of(type(config), json.loads(path.read_text()), path) != config:
        return None
    return json.loads((kept / "results.json").read_text()), _minutes(kept)


def _minutes(kept: pathlib.Path) -> float:
    with open(kept / "metrics.csv", newline="") as file:
        return float(list(csv.DictReader(file))[-1]["seconds"]) / 60


@dataclasses.dataclass(frozen=True)
class Row:
    """The finished runs of one task and name, seed by seed. What is called an error is what `COUNTED` says, in those tasks."""

    task: str
    name: str
    configs: list[dict[str, Any]]
    errors: list[dict[str, list[float]]]
    minutes: list[float]

    def last(self, way: str) -> list[float]:
        """The error after the last glimpse, of each seed."""
        return [errors[way][-1] for errors in self.errors]


def finished() -> list[Row]:
    """Read results/."""
    rows: dict[tuple[str, str], Row] = {}
    for task in KNOWN:
        for name in NAMES:
            for folder in sorted(RESULTS.glob(f"{task}-{name}-*")):
                row = rows.setdefault((task, name), Row(task, name, [], [], []))
                row.configs.append(json.loads((folder / "config.json").read_text()))
                shown = json.loads((folder / "results.json").read_text())
                unit = 100 if task in COUNTED else 1
                row.errors.append({way: [unit * value for value in values] for way, values in shown.items()})
                row.minutes.append(_minutes(folder))
    return list(rows.values())


def interval(values: Sequence[float]) -> str:
    """Mean and 95 % interval of a few seeds (Student's t); the value alone of one."""
    mean = statistics.fmean(values)
    if len(values) == 1:
        return f"{mean:.2f}"
    half = stats.t.ppf(0.975, len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))
    return f"{mean:.2f} ± {half:.2f}"


def size_of(config: dict[str, Any]) -> tuple[int, int]:
    """How many parameters a run's network has, and how many multiply-adds an image takes it."""
    if "network" in config:
        envs = build.make_envs(baselines.BaselineConfig(**config), 1, "test")
        network = baselines.make_network(config["network"], envs.unwrapped.world.scenes.shape[1:], 10)  # type: ignore[attr-defined]
        inputs: tuple[Any, ...] = (baselines.scenes_of(envs),)
        times = 1
    else:
        envs = build.make_envs(Config(**config), 1, "test")
        network = build.make_model(Config(**config), envs)
        observation, _ = envs.reset(seed=0)
        inputs = ({key: torch.from_numpy(value) for key, value in observation.items()}, network.initial_state(1))
        world: Any = envs.unwrapped.world  # type: ignore[attr-defined]
        times = getattr(world, "num_glimpses", world.scenes.shape[1] - 1)  # a row a step
    with FlopCounterMode(display=False) as counter:
        network(*inputs)
    return sum(p.numel() for p in network.parameters()), times * counter.get_total_flops() // 2


def section(task: str, rows: Sequence[Row]) -> list[str]:
    """A task's part of the page, in Markdown."""
    counted = COUNTED.get(task, "test error, %")
    once = "image" if tasks.world(tasks.spec(task)) == "classification" else "episode"
    lines = [
        f"## {task}",
        "",
        *([NOTES[task], ""] if task in NOTES else []),
        f"| what | {counted} | seeds | parameters | multiply-adds an {once} | minutes | command |",
        "|---|---|---|---|---|---|---|",
        *(f"| {who} | {published:.2f} | | | | | |" for who, published in KNOWN[task].items()),
    ]
    for row in rows:
        errors = interval(row.last(row.configs[0].get("looking") or row.configs[0]["network"]))
        parameters, work = size_of(row.configs[0])
        name = NAMES[row.name]
        if (task, row.name) in PAPERS_NETWORKS:
            name += f" (the paper: {PAPERS_NETWORKS[task, row.name]:.2f})"
        if row.configs[0]["split"] == "train+validation":
            name += ", all images"
        if row.name == "best":
            errors = f"**{errors}**"
        command = f"`python -m benchmarks.reproduce --task {task} --preset {row.name} --seeds {len(row.errors)}`"
        minutes = statistics.fmean(row.minutes)
        cells = [name, errors, str(len(row.errors)), f"{parameters:,}", f"{work / 1e6:.1f} M", f"{minutes:.0f}", command]
        lines.append("| " + " | ".join(cells) + " |")
        if row.name == "best":
            central = interval(row.last("center first"))
            lines.append(f"| ... with a central first fixation | {central} | {len(row.errors)} | | | | |")
    for row in rows:
        if row.name == "best":
            lines += ["", *glimpse_table(row), "", f"![Learning curves]({figure(task, rows)})"]
            for picture, shown in FIGURES.items():
                kept = RESULTS / row.configs[0]["name"] / f"{picture}.png"
                if kept.exists():
                    files.write(IMAGES / f"{picture}-{task}.png", kept.read_bytes())
                    lines += ["", f"![{shown}](images/{picture}-{task}.png)"]
    return [*lines, ""]


def glimpse_table(row: Row) -> list[str]:
    """The error after each glimpse, a line for each way of leading the same network."""
    T = len(row.errors[0]["learned"])
    what = "The same networks, led otherwise:" if T == 1 else "After each glimpse:"
    lines = [what, "", "| fixations | " + " | ".join(map(str, range(1, T + 1))) + " |", "|---" * (T + 1) + "|"]
    for way, name in WAYS.items():
        means = [statistics.fmean(errors[way][t] for errors in row.errors) for t in range(T)]
        lines.append(f"| {name} | " + " | ".join(f"{mean:.2f}" for mean in means) + " |")
    return lines


def figure(task: str, rows: Sequence[Row]) -> str:
    """Draw a task's learning curves; the picture's path, as seen from the page."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import ScalarFormatter

    canvas = Figure(figsize=(8, 4.5), layout="constrained")
    axes = canvas.add_subplot()
    for n, row in enumerate(rows):
        for seed, config in enumerate(row.configs):
            with open(RESULTS / config["name"] / "metrics.csv", newline="") as file:
                curve = list(csv.DictReader(file))
            scenes = [int(point["episodes"]) / 1000 for point in curve]
            points = [float(point.get("validation_error") or 100 * float(point["validation_return"])) for point in curve]
            label = NAMES[row.name] if seed == 0 else None
            axes.plot(scenes, points, color=f"C{n}", linestyle=STYLES[n % len(STYLES)], label=label)
    for who, published in list(KNOWN[task].items())[:1]:
        axes.axhline(published, color="black", linewidth=0.8)
        place = {"xycoords": ("axes fraction", "data"), "ha": "right", "va": "bottom"}
        axes.annotate(f"{who} (test)", (1, published), fontsize=8, **place)
    if task in COUNTED:
        axes.set(xlabel="thousand episodes", ylabel=COUNTED[task], title=task)
    else:
        axes.set(xlabel="thousand scenes", ylabel="validation error, %", yscale="log", title=task)
    axes.yaxis.set_major_formatter(ScalarFormatter())
    axes.yaxis.set_minor_formatter(ScalarFormatter())
    axes.grid(alpha=0.3, which="both")
    axes.legend(fontsize=8)
    figures.save(canvas, IMAGES / f"curves-{task}.png")
    return f"images/curves-{task}.png"


def page() -> str:
    """The results page, from all that is finished."""
    lines = [INTRODUCTION, MINUTES.format(machine=machine()), ""]
    rows = finished()
    for task in KNOWN:
        of_task = [row for row in rows if row.task == task]
        if of_task:
            lines += section(task, of_task)
    return "\n".join(lines)


def scores() -> dict[str, float]:
    """How many percent of each task's test images the agent names, or what `COUNTED` says: its published figure."""
    ours = [row for row in finished() if row.name == "best"]
    means = {row.task: statistics.fmean(row.last("learned")) for row in ours}
    return {task: round(mean if task in COUNTED else 100 - mean, 2) for task, mean in means.items()}


def main() -> None:
    """Train what is asked for, and rebuild the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", nargs="*", choices=KNOWN, default=[], help="ids to train on; none: only rebuild the page")
    parser.add_argument("--preset", nargs="*", choices=NAMES, default=["best"], help="rows of the table")
    parser.add_argument("--seeds", type=int, default=3, help="how many: 0, 1, ...")
    arguments = parser.parse_args()
    for task in arguments.task:
        for name in arguments.preset:
            for seed in range(arguments.seeds):
                make(config_of(task, name, seed), *(f"{picture}.png" for picture in FIGURES if name == "best"))
    files.write(PAGE, page())
    files.write(SCORES, json.dumps(scores(), indent=2) + "\n")
    print(f"{PAGE} is rebuilt.")


if __name__ == "__main__":
    main()
