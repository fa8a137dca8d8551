"""What the size of a scene costs: ``python -m benchmarks.scene_size [--minutes 15]``.

The agent of Glimpse-Haystack-v0 is trained for scenes of several sizes, with clutter in proportion, for the same time each;
smaller scenes come first. Beside it is the paper's conv net, which sees the whole scene. For each: the error, the
multiply-adds for one image, steps of the environment a second, and the peak memory of a training. Rows that are in the file of
results already are not made again.
"""

import argparse
import collections
import dataclasses
import functools
import json
import math
import pathlib
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import torch

from agents import baselines, environments, figures, ram, training
from agents.baselines import BaselineConfig
from agents.config import Config, TrainingConfig
from agents.parallel import Ranks
from agents.presets import preset
from benchmarks import rows
from benchmarks.machine import PEAK, machine, rate, table, told_by

ID = "Glimpse-Haystack-v0"
SIZES = (60, 100, 200, 500, 1000)
AGENTS = ("RAM with zoom", "RAM without zoom", "conv net on the whole scene")
_CLUTTER = 0.0008  # pieces a pixel
_PROBED = 20  # updates that are timed to find how many fit into the time

_PEAK = f"""
import json, sys
from benchmarks import scene_size
scene_size.one_update(scene_size.config_of(*json.loads(sys.argv[1])))
print({PEAK})
"""


def config_of(agent: str, size: int, seed: int = 0) -> TrainingConfig:
    """The training of an agent on scenes of a size; without zoom, it sees as many pixels in 6 glimpses of 5 scales."""
    name = f"scene-size-{size}-{AGENTS.index(agent)}-{seed}"
    clutter = round(_CLUTTER * size**2)
    if agent == AGENTS[2]:
        return BaselineConfig(env_id=ID, name=name, seed=seed, scene_size=size, env={"num_clutter": clutter})
    start = preset("best", ID)
    smaller = [side for side in start.scene_sizes if side < size]  # it learns to read in these
    sizes = (*smaller, *[size] * len(smaller))  # half of what it sees in the second half of the training
    config = dataclasses.replace(start, name=name, seed=seed, scene_size=size, scene_sizes=sizes)
    if agent == AGENTS[1]:
        config = dataclasses.replace(config, num_scales=5, num_glimpses=6, env={**config.env, "zooms": None})
    return dataclasses.replace(config, env={**config.env, "num_clutter": clutter})


def one_update(config: TrainingConfig, size: int | None = None, num_updates: int = 1) -> float:
    """Make a training's parts and some updates with scenes of a size of its own; return the seconds of one, after the first."""
    torch.set_num_threads(1)
    envs = environments.training_envs(config, config.batch_size, size)
    if isinstance(config, Config):
        model = ram.prepare(config)
        optimizer, ranks = torch.optim.AdamW(model.parameters()), Ranks(torch.device("cpu"))
        update: Callable[[int], object] = functools.partial(ram.train_step, model, optimizer, envs, config, ranks=ranks)
    else:
        assert isinstance(config, BaselineConfig)
        network = baselines.network_for(envs, config.network)
        update = functools.partial(baselines.train_step, network, torch.optim.AdamW(network.parameters()), envs, config)
    update(0)  # compiles
    start = time.perf_counter()
    for n in range(1, num_updates + 1):
        update(n)
    return (time.perf_counter() - start) / num_updates


def measure(agent: str, size: int, seed: int, minutes: float, runs: pathlib.Path) -> dict[str, Any]:
    """Train an agent on scenes of a size for some minutes, on one thread, and measure it on the validation split.

    Args:
        agent: one of `AGENTS`.
        size: pixels a side of the scenes.
        seed: of the training.
        minutes: how long to train.
        runs: the folder of all runs.

    Returns:
        ``error`` in percent; ``multiply_adds`` an image; ``steps`` of 64 environments a second; ``memory`` in MiB, the peak of
        a process that trains; ``parameters``; and ``episodes``, the images that it was trained on.
    """
    from benchmarks import reproduce  # not above: it imports SciPy, whose memory is none of a training's

    config = config_of(agent, size, seed)
    share = collections.Counter(config.scene_size_of(update) for update in range(config.num_updates))
    num_probed = 1 + min(_PROBED, int(minutes * 60))
    seconds = sum(n * one_update(config, size, num_probed) for size, n in share.items()) / share.total()
    num_episodes = config.batch_size * max(1, int(minutes * 60 / seconds))
    config = dataclasses.replace(config, num_episodes=num_episodes, num_validations=1, evaluated_on="validation")
    if isinstance(config, Config):
        error = ram.train(config, overwrite=True, runs=runs).scores[config.looking][-1]
    else:
        assert isinstance(config, BaselineConfig)
        error = baselines.train(config, overwrite=True, runs=runs)
    parameters, multiply_adds = reproduce.size_of(config)
    return {
        "error": error,
        "multiply_adds": multiply_adds,
        "steps": rate(gym.make_vec(config.env_id.rpartition(":")[2], 64, **config.env_arguments), 3),
        "memory": told_by([sys.executable, "-c", _PEAK, json.dumps([agent, size])]),
        "parameters": parameters,
        "episodes": num_episodes,
    }


def show(found: list[rows.Row], picture: pathlib.Path) -> None:
    """Print the table, and draw the figure: error, multiply-adds, steps a second and memory over the size."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, StrMethodFormatter

    print(f"{ID} with other scene sizes, trained for {found[0]['minutes']:g} minutes each on one thread: {machine()}\n")
    told = (
        "validation error, %",
        "multiply-adds an image, millions",
        "steps a second",
        "memory, MiB",
        "images trained on",
        "parameters",
    )
    cells = []
    for row in sorted(found, key=lambda row: (AGENTS.index(row["agent"]), row["size"], row["seed"])):
        values = f"{row['error']:.2f}", f"{row['multiply_adds'] / 1e6:.2f}", f"{row['steps']:,.0f}", f"{row['memory']:,.0f}"
        cells.append([row["agent"], row["size"], row["seed"], *values, f"{row['episodes']:,}", f"{row['parameters']:,}"])
    table(("", "pixels a side", "seed", *told), cells)
    figure = Figure(figsize=(10, 6.5), layout="constrained")
    sizes = sorted({row["size"] for row in found})
    for axes, name, label in zip(figure.subplots(2, 2).flat, ("error", "multiply_adds", "steps", "memory"), told, strict=False):
        for agent, color in zip(AGENTS, ("#0072B2", "#E69F00", "#D55E00"), strict=True):
            means = [
                statistics.fmean([row[name] for row in found if (row["agent"], row["size"]) == (agent, size)] or [math.nan])
                for size in sizes
            ]
            if not (name == "steps" and agent == AGENTS[2]):  # it takes none
                scale = 1e6 if name == "multiply_adds" else 1
                axes.plot(sizes, [mean / scale for mean in means], label=agent, color=color, marker="o")
        axes.set(xscale="log", yscale="linear" if name == "error" else "log", xlabel="pixels a side", ylabel=label)
        axes.set_xticks(sizes, [str(size) for size in sizes])
        axes.minorticks_off()
        if name != "error":
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
        axes.grid(alpha=0.3)
    figure.axes[1].legend()
    figures.save(figure, picture)


def main(arguments: list[str] | None = None) -> None:
    """Make the rows that are missing, print the table and draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=15.0, help="of each training")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="pixels a side")
    parser.add_argument("--seeds", type=int, nargs="+", default=(0,), help="of the trainings")
    parser.add_argument("--agents", nargs="+", default=AGENTS, choices=AGENTS, help="which to train")
    parser.add_argument("--runs", type=pathlib.Path, default=pathlib.Path("runs"), help="the folder of runs and results")
    flags = parser.parse_args(arguments)
    with training.plain_errors("benchmarks.scene_size"):
        keys = (
            {"agent": agent, "size": size, "seed": seed, "minutes": flags.minutes}
            for agent in flags.agents
            for size in flags.sizes
            for seed in flags.seeds
        )
        found = rows.complete(flags.runs / "scene-size.json", keys, lambda **key: measure(**key, runs=flags.runs))
        show([row for row in found if row["minutes"] == flags.minutes], flags.runs / "scene-size.png")


if __name__ == "__main__":
    main()
