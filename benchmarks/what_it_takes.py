"""What the paper's agent takes: ``python -m benchmarks.what_it_takes``.

It begins with a naive reading of the paper. Each step changes one thing; the last step is ``--preset paper``. Faults that an
implementation may have are then switched on, one at a time: here, not in the agent. Runs are measured on the validation split
and kept in results/; those that are there are not made again. ``--row`` without a name rebuilds docs/what_it_takes.md alone.
"""

import argparse
import contextlib
import dataclasses
import pathlib
import shlex
import statistics
import textwrap
from collections.abc import Callable, Iterator
from typing import Any, Final
from unittest import mock

import numpy as np
import torch
from torch import Tensor

from agents import cores, figures, files, models, ram, reinforce, training
from agents.config import Config
from agents.environments import Envs
from agents.episodes import Episodes
from agents.heads import Step
from agents.policy import Noise, Policy
from agents.presets import preset
from agents.rollout import Start, collect
from benchmarks import evidence, reproduce
from benchmarks.evidence import Run
from benchmarks.machine import machine
from glimpse_env import datasets

ID = "Glimpse-ClutteredMNIST-v0"
TABLE: Final = "what it takes"
PAGE, PICTURE = pathlib.Path("docs/what_it_takes.md"), pathlib.Path("docs/images/what-it-takes.png")
NUM_EPISODES = 500_000
INTRODUCTION = f"""# What the paper's agent takes

<!-- made by python -m benchmarks.what_it_takes; do not edit -->

These are the networks, the reward and the losses of Mnih et al. (2014) on `{ID}`, {NUM_EPISODES:,} scenes each.
The paper does not say how the weights begin, what rate Adam should have, or whether the gradient of the looks enters the core.
The first lines try some answers, one after the other: each line keeps the changes above it. Other orders were not tried. The
last of them is `--preset paper`. Its last two changes show no gain in so few scenes; the preset trains on
{preset("paper", ID).num_episodes:,}.

The lines below are faults that an implementation may have. The benchmark switches each on alone, in its own code, in the agent
of the fourth line. Errors are those on the validation split after 8 glimpses: means over seeds with a 95 % interval. "Random
looks" are those of the same networks.
"""

_load, _losses, _log_prob = datasets.load, ram.losses, reinforce.gaussian_log_prob  # as they are
Losses = Callable[[Episodes, Policy, Config, float], dict[str, Tensor]]


class PyTorchReLUCore(cores.ReLUCore):
    """The core with the initial weights that PyTorch gives it."""

    def __init__(self, input_size: int, size: int = 256) -> None:
        super().__init__(input_size, size)
        self.reset_parameters()


def _attached_log_prob(samples: Tensor, means: Tensor, std: float) -> Tensor:
    """The log-probability of samples that carry the means' gradient, which cancels the density's."""
    noise = (samples - means).detach()
    return -(0.5 * ((means + noise - means) / std) ** 2).sum(-1)


def _clamped_log_prob(samples: Tensor, means: Tensor, std: float) -> Tensor:
    """The log-probability of the clamped location rather than the one drawn."""
    return _log_prob(samples.clamp(-1, 1), means, std)


def _of(change: Callable[[Episodes], Episodes]) -> Losses:
    """The losses of changed episodes."""
    return lambda episodes, policy, config, std: _losses(change(episodes), policy, config, std)


def _baseline_after_the_move(episodes: Episodes) -> Episodes:
    """The baseline of a look already sees the glimpse that the look led to."""
    b = episodes.baselines
    return dataclasses.replace(episodes, baselines=torch.cat([b[1:], b[-1:]]))


def _baseline_of_the_last_state(episodes: Episodes) -> Episodes:
    """One baseline for all looks, that of the last state."""
    return dataclasses.replace(episodes, baselines=episodes.baselines[-1:].expand_as(episodes.baselines))


class _LastLook:
    """The losses with a location drawn after the last glimpse. Nothing looks there, yet it earns the reward."""

    _mean: Tensor
    _drawn: Tensor

    def collect(self, envs: Envs, policy: Policy, start: Start, noise: Noise, std: float, explore: bool) -> Episodes:
        episodes = collect(envs, policy, start, noise, std, explore, self._watch)
        self._drawn = self._mean + std * noise("standard_normal", self._mean)
        return episodes

    def _watch(self, step: Step) -> None:
        self._mean = step.mean

    def losses(self, episodes: Episodes, policy: Policy, config: Config, std: float) -> dict[str, Tensor]:
        parts = _losses(episodes, policy, config, std)
        if "location" in parts:
            advantages = (episodes.rewards.sum(0) - episodes.baselines[-1]).detach()
            added = reinforce.policy_gradient_loss(reinforce.gaussian_log_prob(self._drawn, self._mean, std), advantages)
            T = len(episodes.means)
            parts["location"] = (T * parts["location"] + added) / (T + 1)
        return parts


def _attached_advantages(returns: Tensor, baselines: Tensor) -> Tensor:
    return returns - baselines


def _attached_policy_gradient_loss(log_probs: Tensor, advantages: Tensor) -> Tensor:
    return -(log_probs * advantages).mean()


def _boxed(name: Any, split: str, **arguments: Any) -> datasets.Dataset:
    """Images whose background is not quite black: the digit's box shows in the scene."""
    found = _load(name, split, **arguments)
    assert isinstance(found, datasets.ArrayDataset)
    images = np.maximum(found.images, 20)
    return datasets.ArrayDataset(images=images, labels=found.labels, num_classes=found.num_classes, notes=found.notes)


@dataclasses.dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes:
        name: what differs from the line before it, of a step; from the fourth step, of a fault.
        fault: whether it is a fault rather than a step.
        changes: fields of the paper's preset.
        patches: the parts of the agent to replace: (object, attribute, value).
    """

    name: str
    fault: bool = False
    changes: dict[str, Any] = dataclasses.field(default_factory=dict)
    patches: tuple[tuple[Any, str, Any], ...] = ()


_LAST_LOOK = _LastLook()
_PLAIN: dict[str, Any] = {"weight_decay": 0.0, "short": 0.0}
_PYTORCH = ((models, "CORES", {**models.CORES, "relu": PyTorchReLUCore}),)
ROWS = (
    Row("the gradient of looks stops before the core, a peak rate of 0.001, PyTorch's initial weights",
        changes={**_PLAIN, "stop_location_gradient": True, "learning_rate": 1e-3}, patches=_PYTORCH),
    Row("a peak rate of 0.002", changes={**_PLAIN, "stop_location_gradient": True}, patches=_PYTORCH),
    Row("recurrent weights begin as the identity", changes={**_PLAIN, "stop_location_gradient": True}),
    Row("the gradient of looks enters the core", changes=_PLAIN),
    Row("a weight decay of 0.05", changes={"short": 0.0}),
    Row("half the glimpses an episode at first, in three quarters of the time: the preset"),
    Row("a gradient reaches the mean through the sample, and cancels that of REINFORCE", True, _PLAIN,
        patches=((reinforce, "gaussian_log_prob", _attached_log_prob),)),
    Row("the log-probability is that of the clamped location", True, _PLAIN,
        patches=((reinforce, "gaussian_log_prob", _clamped_log_prob),)),
    Row("a location after the last glimpse enters the loss", True, _PLAIN,
        patches=((ram, "collect", _LAST_LOOK.collect), (ram, "losses", _LAST_LOOK.losses))),
    Row("the baseline is computed after the move", True, _PLAIN, patches=((ram, "losses", _of(_baseline_after_the_move)),)),
    Row("the baseline is that of the last state", True, _PLAIN, patches=((ram, "losses", _of(_baseline_of_the_last_state)),)),
    Row("the baseline is not detached in the advantage", True, _PLAIN,
        patches=((reinforce, "advantages", _attached_advantages),
                 (reinforce, "policy_gradient_loss", _attached_policy_gradient_loss))),
    Row("the digit's box is visible: an easier task", True, _PLAIN, patches=((datasets, "load", _boxed),)),
)  # fmt: skip


@contextlib.contextmanager
def patched(row: Row) -> Iterator[None]:
    """Put the patches of a row in place."""
    with contextlib.ExitStack() as stack:
        for where, name, value in row.patches:
            stack.enter_context(mock.patch.object(where, name, value))
        yield


def train(row: Row, seed: int) -> Run:
    """Train a row, or go on with it; a run that diverges has no scores."""
    name = f"takes-{evidence.hyphenated(row.name)}-{seed}"
    fixed: dict[str, Any] = {"num_episodes": NUM_EPISODES, "evaluated_on": "validation"}
    config = dataclasses.replace(preset("paper", ID), name=name, seed=seed, **fixed, **row.changes)
    folder = reproduce.RUNS / config.run_name
    commit = reproduce.commit_of(folder)  # refuses what is not committed before the work, not after
    command = shlex.join(["python", "-m", "benchmarks.what_it_takes", "--row", row.name, "--seeds", str(seed + 1)])
    try:
        with patched(row):
            reproduce.train(config)
    except training.DivergedError:
        changes = {**fixed, **row.changes}
        return Run(row.name, TABLE, seed, command, "paper", changes, {}, [], 0, None, None, commit, machine())
    return dataclasses.replace(reproduce.run_of(folder, row.name, commit, table=TABLE), command=command)


def page(runs: dict[str, list[Run]]) -> str:
    """The page, with a line for each row that was run."""
    lines = [INTRODUCTION, "| change | validation error, % | random looks, % | seeds | minutes |", "|---" * 5 + "|"]
    for n, row in enumerate(ROWS):
        if row.fault and not ROWS[n - 1].fault:
            lines.append("| *faults, one at a time* | | | | |")
        seeds = [run for run in runs.get(row.name, []) if run.scores]
        if row.name in runs and not seeds:
            lines.append(f"| {row.name} | diverges | | {len(runs[row.name])} | |")
        elif seeds:
            learned = evidence.interval([run.score for run in seeds])
            led = statistics.fmean(run.scores["random"][-1] for run in seeds)
            minutes = statistics.fmean(run.minutes for run in seeds)
            lost = len(runs[row.name]) - len(seeds)
            told = f"{learned}; {lost} more diverged" if lost else learned
            lines.append(f"| {row.name} | {told} | {led:.2f} | {len(seeds)} | {minutes:.1f} |")
    return "\n".join([*lines, "", f"![The error of each line]({PICTURE.parent.name}/{PICTURE.name})", ""])


def draw(runs: dict[str, list[Run]]) -> None:
    """Draw each seed's error as a point, and their mean as a bar."""
    from matplotlib.figure import Figure

    rows = [row for row in ROWS if any(run.scores for run in runs.get(row.name, []))][::-1]
    figure = Figure(figsize=(9, 0.45 * len(rows) + 1.2), facecolor="white", layout="constrained")
    axes = figure.subplots()
    for y, row in enumerate(rows):
        values = [run.score for run in runs[row.name] if run.scores]
        color = "#D55E00" if row.fault else "#0072B2"
        axes.barh(y, statistics.fmean(values), color=color, alpha=0.5, hatch="//" if row.fault else None, edgecolor=color)
        axes.plot(values, [y] * len(values), "o", color="black", markersize=3)
    axes.set_yticks(range(len(rows)), [textwrap.fill(row.name, 48) for row in rows], fontsize="small")
    axes.set(xlabel="validation error, %", title=f"Steps (plain) and faults (hatched), {NUM_EPISODES:,} scenes each")
    axes.grid(axis="x", alpha=0.3)
    figures.save(figure, PICTURE)


def main(arguments: list[str] | None = None) -> None:
    """Make the runs that are missing, and the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [row.name for row in ROWS]
    parser.add_argument(
        "--row", nargs="*", choices=names, default=names, metavar="NAME", help="which lines; none: the page alone"
    )
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds: 0, 1, ...")
    flags = parser.parse_args(arguments)
    with training.plain_errors("benchmarks.what_it_takes"):
        for seed in range(flags.seeds):
            for row in (row for row in ROWS if row.name in flags.row):
                if not evidence.load(ID).has(TABLE, row.name, seed):
                    run = train(row, seed)
                    evidence.save(evidence.load(ID).with_run(run))
        runs = evidence.load(ID).rows(TABLE)
        draw(runs)
        files.write(PAGE, page(runs))
        print(f"{PAGE} is written.")


if __name__ == "__main__":
    main()
