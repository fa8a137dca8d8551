"""From the paper's agent to ours, one part at a time: ``python -m benchmarks.beyond_ram``.

Each line keeps the parts of the lines above it, but the canvas replaces the two convolutions. All lines learn from as many
scenes, in the same batches and at the same rate.
Runs are measured on the validation split and kept in results/; those that are there are not made again. ``--seeds 0`` rebuilds
docs/beyond_ram.md alone.
"""

import argparse
import dataclasses
import pathlib
import shlex
import statistics
from typing import Any, Final

from agents import figures, files, training
from agents.baselines import BaselineConfig
from agents.config import TrainingConfig
from agents.presets import preset
from benchmarks import evidence, reproduce
from benchmarks.evidence import Run

ID = "Glimpse-ClutteredMNIST-v0"
TABLE: Final = "beyond RAM"
PAGE, PICTURE = pathlib.Path("docs/beyond_ram.md"), pathlib.Path("docs/images/beyond-ram.png")
NUM_EPISODES = 400_000
INTRODUCTION = f"""# Beyond RAM

<!-- made by python -m benchmarks.beyond_ram; do not edit -->

What leads from the paper's agent to those shipped here, on `{ID}`: each line keeps the parts of the lines above it,
but the canvas replaces the two convolutions. All learn from {NUM_EPISODES:,} scenes, in batches of 64 at a peak rate of 0.0014.
Two lines see the whole scene. The last are `modern` again, trained with other looks.

Errors are those on the validation split, 5,000 images, after 8 glimpses: means over seeds, with a 95 % interval where there are
several. "With random looks" and "with central looks" are of the same networks.
"""
ONE_SEED = "Errors without an interval are of one seed: differences below a point may be noise."

# What each line changes of the line before it.
STEPS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("the paper's agent; its looks do not train the core", {"stop_location_gradient": True}),
    ("looks train the core", {"stop_location_gradient": False}),
    ("the core is a GRU, and the action network also reads the glimpse", {"core": "gru", "skip": True}),
    (
        "a look earns the log-probability of the class, trained after every glimpse; wide looks first",
        {"credit": "log_prob", "gamma": 0.0, "scored": "every", "blind": 0.03, "std_start": 0.25, "std_end": 0.07},
    ),
    (
        "two convolutions read the glimpse, into 256 units in place of 128: `--preset modern`",
        {"glimpse_network": "conv", "hidden_size": 256},
    ),
    ("a painted canvas in place of the two convolutions: `--preset canvas`", {"glimpse_network": "fc", "canvas": 28}),
)
MODERN = STEPS[-2][0]
SCENE_NETWORKS = {"the paper's conv net on the whole scene": "conv", "four convolutions on the whole scene": "deep"}
CONTROLS = {  # name of a line -> how `modern` looks
    "`modern`, trained with random looks": "random",
    "`modern`, trained with central looks": "center",
    "`modern`, trained with a raster scan": "raster",
    "`modern`, trained with one learned scan path": "fixed",
}
_OPTIMIZATION: dict[str, Any] = {
    "num_episodes": NUM_EPISODES,
    "batch_size": 64,
    "learning_rate": 1.4e-3,
    "evaluated_on": "validation",
    "num_validations": 5,
}


def configs(seed: int) -> dict[str, TrainingConfig]:
    """Name of a line -> its config."""
    found: dict[str, TrainingConfig] = {}
    config = dataclasses.replace(preset("paper", ID), weight_decay=0.02, short=0.0, seed=seed, **_OPTIMIZATION)
    for name, changes in STEPS:
        found[name] = config = dataclasses.replace(config, **changes)
    for name, network in SCENE_NETWORKS.items():
        found[name] = BaselineConfig(env_id=ID, network=network, seed=seed, **_OPTIMIZATION)  # type: ignore[arg-type]
    for name, looking in CONTROLS.items():
        found[name] = dataclasses.replace(found[MODERN], looking=looking)  # type: ignore[call-arg]
    return {name: dataclasses.replace(one, name=f"beyond-{evidence.hyphenated(name)}-{seed}") for name, one in found.items()}


def train(name: str, config: TrainingConfig) -> Run:
    """Train a line, or go on with it."""
    commit = reproduce.commit_of(reproduce.RUNS / config.run_name)  # refuses what is not committed before the work, not after
    folder = reproduce.train(config)
    command = shlex.join(["python", "-m", "benchmarks.beyond_ram", "--seeds", str(config.seed + 1)])
    return dataclasses.replace(reproduce.run_of(folder, name, commit, table=TABLE), command=command)


def known() -> dict[str, list[Run]]:
    """The lines that were run: name -> its seeds."""
    runs = evidence.load(ID).rows(TABLE)
    return {name: runs[name] for name in configs(0) if name in runs}


def page(rows: dict[str, list[Run]]) -> str:
    """The page, with a line for each row that was run."""
    looks = ("with random looks, %", "with central looks, %")
    heads = ("parameters", "multiply-adds an image", "error, %", *looks, "seeds", "minutes")
    lines = [INTRODUCTION, *([ONE_SEED, ""] if any(len(runs) == 1 for runs in rows.values()) else [])]
    lines += [f"| line | | {' | '.join(heads)} |", "|---" * (2 + len(heads)) + "|"]
    for n, (name, runs) in enumerate(rows.items(), 1):
        first, *_ = runs
        others = [
            f"{statistics.fmean(run.scores[way][-1] for run in runs):.2f}"
            for way in ("random", "center")
            if "learned" in first.scores
        ]
        cells = [f"{first.parameters:,}", f"{first.multiply_adds / 1e6:.1f} M", evidence.interval([run.score for run in runs])]  # type: ignore[operator]
        cells += [*(others or ("", "")), str(len(runs)), f"{statistics.fmean(run.minutes for run in runs):.1f}"]
        lines.append(f"| {n} | {name} | {' | '.join(cells)} |")
    machines = "; ".join(sorted({run.machine for runs in rows.values() for run in runs}))
    picture = f"![Error against multiply-adds]({PICTURE.parent.name}/{PICTURE.name})"
    return "\n".join(
        [*lines, "", f"Minutes are of runs with other work beside, each on one thread of: {machines}.", "", picture, ""]
    )


def draw(rows: dict[str, list[Run]]) -> None:
    """Draw the error of each line against its multiply-adds, with its own looks and with random ones."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), facecolor="white", layout="constrained")
    axes = figure.subplots()
    seen = {"learned looks": ("o", "#0072B2", "learned"), "the same networks, random looks": ("x", "#D55E00", "random")}
    for label, (marker, color, way) in {**seen, "the whole scene": ("s", "#000000", "")}.items():
        points = [
            (n, runs[0].multiply_adds / 1e6, statistics.fmean(run.scores[way][-1] if way else run.score for run in runs))  # type: ignore[operator]
            for n, (name, runs) in enumerate(rows.items(), 1)
            if name in (dict(STEPS) if way else SCENE_NETWORKS)
        ]
        axes.scatter([x for _, x, _ in points], [y for *_, y in points], marker=marker, color=color, label=label)
        for n, x, y in points:
            left = way == "random"  # so that no two points seem to share a number
            place: dict[str, Any] = {"xytext": (-7 if left else 7, 0), "ha": "right" if left else "left", "va": "center"}
            axes.annotate(str(n), (x, y), textcoords="offset points", fontsize="small", **place)
    axes.set(xlabel="million multiply-adds an image", ylabel="validation error, %")
    last = len(STEPS) + len(SCENE_NETWORKS)
    axes.set_title(f"Lines 1 to {last} of the table, {NUM_EPISODES:,} scenes each", fontsize="medium")
    figures.log_scale(axes, "x")
    figures.log_scale(axes, "y")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small", frameon=False)
    figures.save(figure, PICTURE)


def main(arguments: list[str] | None = None) -> None:
    """Make the runs that are missing, and the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=2, help="how many seeds: 0, 1, ...")
    flags = parser.parse_args(arguments)
    with training.plain_errors("benchmarks.beyond_ram"):
        for seed in range(flags.seeds):
            for name, config in configs(seed).items():
                if not evidence.load(ID).has(TABLE, name, seed):
                    run = train(name, config)
                    evidence.save(evidence.load(ID).with_run(run))
        draw(known())
        files.write(PAGE, page(known()))
        print(f"{PAGE} is written.")


if __name__ == "__main__":
    main()
