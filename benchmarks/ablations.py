"""What each ingredient of the best agent is worth: ``python -m benchmarks.ablations``, which writes docs/ablations.md.

Short trainings, each with one ingredient taken out, measured on the validation split: the test split chooses nothing. Runs
are kept under runs/, and under results/ when finished, as `benchmarks.reproduce` keeps its own.
"""

import argparse
import dataclasses
import pathlib
from typing import Any

from agents import files
from agents.config import Config, preset
from benchmarks import reproduce
from benchmarks.machine import machine

NUM_EPISODES = 60_000
PAGE = pathlib.Path("docs/ablations.md")

# id -> name of the row -> what is changed. Each task leaves out what matters there.
ABLATIONS: dict[str, dict[str, dict[str, Any]]] = {
    "Glimpse-ClutteredMNIST-v0": {
        "the best preset": {},
        "no window: the canvas is read whole": {"window": 0},
        "one convolution at each resolution, initial weights of PyTorch's": {"canvas_depth": 1},
        "no short episodes at first": {"short": 0.0},
        "no canvas": {"canvas": None, "window": 0},
        "no stream of the location's own": {"location_stream": 0},
        "the paper's core (ReLU)": {"core": "relu"},
        "a look earns the paper's reward": {"credit": "reward", "gamma": 1.0},
        "class trained after the last glimpse alone": {"scored": "last"},
        "no augmentation": {"augmentation": 0.0},
        "no plan": {"plan_std": 0.0},
        "no random looks at first": {"blind": 0.0},
        "narrow looks from the start": {"std_start": 0.07},
    },
    "Glimpse-MNIST-v0": {
        "the best preset": {},
        "no plan": {"plan_std": 0.0},
        "a look earns what the next glimpse brings": {"gamma": 0.0},
        "no canvas": {"canvas": None},
    },
}

INTRODUCTION = """# Ablations

<!-- made by python -m benchmarks.ablations; do not edit -->

The best preset of a task, and the same with one ingredient taken out: validation error in percent (5,000 images, each once, the
mean location looked at) after a training of {episodes:,} scenes, less than a tenth of a full one; mean and 95 % interval over
seeds (Student's t). With one seed, differences of less than {noise:.1f} say little: that is twice the standard error of 5 % on
5,000 images.
"""


def config_of(task: str, name: str, seed: int) -> Config:
    """The config of a row."""
    number = list(ABLATIONS[task]).index(name)
    run = f"{task}-ablation{number}-{seed}"
    changed = {"num_episodes": NUM_EPISODES, "num_validations": 1, "evaluated_on": "validation", "seed": seed, "name": run}
    return dataclasses.replace(preset("best", task), **changed, **ABLATIONS[task][name])


def section(task: str) -> list[str]:
    """A task's part of the page, in Markdown."""
    lines = [f"## {task}", "", "| what | flags | validation error, % | seeds | minutes |", "|---|---|---|---|---|"]
    for name, changes in ABLATIONS[task].items():
        runs = [run for seed in range(9) if (run := reproduce.finished_run(config_of(task, name, seed))) is not None]
        if runs:
            flags = " ".join(f"--{key.replace('_', '-')} {value}" for key, value in changes.items())
            errors = reproduce.interval([errors["learned"][-1] for errors, _ in runs])
            minutes = sum(minutes for _, minutes in runs) / len(runs)
            lines.append(f"| {name} | {f'`{flags}`' if flags else ''} | {errors} | {len(runs)} | {minutes:.1f} |")
    return [*lines, ""] if len(lines) > 4 else []  # of a task without runs, nothing


def page() -> str:
    """The page, from all that is finished."""
    noise = 200 * (0.05 * 0.95 / 5000) ** 0.5
    lines = [INTRODUCTION.format(episodes=NUM_EPISODES, noise=noise), reproduce.MINUTES.format(machine=machine()), ""]
    for task in ABLATIONS:
        lines += section(task)
    return "\n".join(lines)


def main() -> None:
    """Train what is missing, and rebuild the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", nargs="*", choices=ABLATIONS, default=[], help="ids to train on; none: only rebuild the page")
    parser.add_argument("--seeds", type=int, default=1, help="how many: 0, 1, ...")
    arguments = parser.parse_args()
    for seed in range(arguments.seeds):
        for task in arguments.task:
            for name in ABLATIONS[task]:
                reproduce.make(config_of(task, name, seed))
    files.write(PAGE, page())
    print(f"{PAGE} is rebuilt.")


if __name__ == "__main__":
    main()
