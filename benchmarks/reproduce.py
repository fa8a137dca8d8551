"""Train the agents and baselines of the results table, and rebuild it: ``python -m benchmarks.reproduce``.

Each run is kept under runs/ and, when finished, as curve and errors under results/; a run that was cut goes on from its
checkpoint, one that is finished is not made again. Without ``--task`` nothing is trained: docs/results.md and its figures are
rebuilt from results/.
"""

import csv
import dataclasses
import json
import math
import pathlib
import shutil
import statistics
from collections.abc import Sequence
from typing import Any

from scipy import stats

from agents import baselines, ram
from agents.config import Config, TrainingConfig, preset

RESULTS = pathlib.Path("results")
RUNS = pathlib.Path("runs")
PAGE = pathlib.Path("docs/results.md")

# id -> the paper's figure (NIPS version) and the best published since, test error in percent.
KNOWN = {
    "Glimpse-MNIST-v0": (1.07, 0.67),
    "Glimpse-TranslatedMNIST-v0": (1.20, 0.92),
    "Glimpse-ClutteredMNIST-v0": (4.04, 2.63),
    "Glimpse-ClutteredMNIST100-v0": (8.11, 5.9),
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
LOOKS = ("random", "center", "fixed")
NETWORKS = ("fc64", "fc256", "conv")
NAMES = {
    "best": "RAM, learned looks (ours)",
    "paper": "RAM as in the paper (ours)",
    "random": "our network, random looks",
    "center": "our network, central looks",
    "fixed": "our network, one learned sequence of looks",
    "fc64": "FC 2x64, whole scene",
    "fc256": "FC 2x256, whole scene",
    "conv": "conv net, whole scene",
}


def config_of(task: str, name: str, seed: int) -> TrainingConfig:
    """The config of a row of the table."""
    if name in NETWORKS:
        return baselines.BaselineConfig(env_id=task, network=name, seed=seed, name=f"{task}-{name}-{seed}")  # type: ignore[arg-type]
    config = preset("paper" if name == "paper" else "best", task)
    looking = name if name in LOOKS else config.looking
    return dataclasses.replace(config, looking=looking, seed=seed, name=f"{task}-{name}-{seed}")


def make(task: str, name: str, seed: int) -> None:
    """Train one run to its end, and keep what it showed; nothing if that was done before."""
    config = config_of(task, name, seed)
    kept = RESULTS / config.run_name
    if (kept / "results.json").exists() and json.loads((kept / "config.json").read_text()) == dataclasses.asdict(config):
        return
    folder = RUNS / config.run_name
    resume = (folder / "checkpoint.pt").exists()
    if isinstance(config, Config):
        ram.train(config, resume)
    elif isinstance(config, baselines.BaselineConfig):
        baselines.train(config, resume)
    kept.mkdir(parents=True, exist_ok=True)
    for file in ("config.json", "metrics.csv", "results.json"):
        shutil.copy(folder / file, kept / file)
    if name == "best":
        shutil.copy(folder / "paths.png", kept / "paths.png")


@dataclasses.dataclass(frozen=True)
class Row:
    """The finished runs of one task and name, seed by seed."""

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
                row.errors.append(json.loads((folder / "results.json").read_text()))
                with open(folder / "metrics.csv", newline="") as file:
                    row.minutes.append(float(list(csv.DictReader(file))[-1]["seconds"]) / 60)
    return list(rows.values())


def interval(values: Sequence[float]) -> str:
    """Mean and 95 % interval of a few seeds (Student's t); the value alone of one."""
    mean = statistics.fmean(values)
    if len(values) == 1:
        return f"{mean:.2f}"
    half = stats.t.ppf(0.975, len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))
    return f"{mean:.2f} ± {half:.2f}"
