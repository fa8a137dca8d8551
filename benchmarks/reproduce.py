"""The results page and all that it rests on: ``python -m benchmarks.reproduce`` rebuilds docs/results.md from results/.

``--train ID --row NAME`` trains rows of its tables under runs/ and keeps the finished runs in results/<id>.json; a run that was
cut continues from its checkpoint. ``--keep RUN_FOLDER --name WORDS`` keeps a run that you trained yourself, perhaps on another
``--machine``. ``--shipped ID`` measures the shipped agent on five draws of the scenes and draws its pictures. Each of them
rebuilds the page at the end.
"""

import argparse
import csv
import dataclasses
import datetime
import json
import pathlib
import shlex
import statistics
import tempfile
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from agents import baselines, checkpoints, environments, evaluation, figures, files, models, ram, training, watch, weights
from agents.baselines import BaselineConfig
from agents.config import CIRCUMSTANCES, Config, TrainingConfig
from agents.policy import Noise, Policy
from agents.presets import PRESETS, preset
from agents.rollout import collect
from benchmarks import comparison, evidence, page
from benchmarks.evidence import Run, Shipped
from benchmarks.machine import machine
from glimpse_env import TASKS

RUNS = pathlib.Path("runs")
PAGE = pathlib.Path("docs/results.md")
SCORES = pathlib.Path("glimpse_env/data/scores.json")  # what glimpse_env.play shows beside yours
DRAWS = range(5)  # evaluation seeds
NUM_POINTS = 20  # of a curve

# Tasks whose rows train on all 60,000 images, once all was chosen by runs without the validation split.
ALL_IMAGES = {id for id in TASKS if "MNIST" in id}
# name -> the preset it starts from, and what is changed.
ROWS: dict[str, tuple[str, dict[str, Any]]] = {
    "best preset": ("best", {}),
    "canvas": ("canvas", {}),
    "canvas, random looks": ("canvas", {"looking": "random"}),
    "canvas, central looks": ("canvas", {"looking": "center"}),
    "canvas, raster scan": ("canvas", {"looking": "raster"}),
    "canvas, one learned scan path": ("canvas", {"looking": "fixed"}),
    "modern": ("modern", {}),
    "modern, with a plan": ("modern", {"plan": True, "gamma": 0.7, "std_start": 0.2, "std_end": 0.05}),
    "paper": ("paper", {}),
    "paper, 4 glimpses": ("paper", {"num_glimpses": 4, "num_episodes": 8_000_000}),
    "paper, 6 glimpses": ("paper", {"num_glimpses": 6, "num_episodes": 8_000_000}),
    "paper, gradient of looks kept out of the core": ("paper", {"stop_location_gradient": True}),
    "paper, random looks": ("paper", {"looking": "random"}),
    "paper, in short": ("paper", {"num_episodes": 2_000_000}),
    "paper, central looks, in short": ("paper", {"looking": "center", "num_episodes": 2_000_000}),
    "paper, raster scan, in short": ("paper", {"looking": "raster", "num_episodes": 2_000_000}),
    "paper, one learned scan path, in short": ("paper", {"looking": "fixed", "num_episodes": 2_000_000}),
    "fully connected net of 2x64 on the whole scene": ("baseline", {"network": "fc64", "num_episodes": 4_000_000}),
    "fully connected net of 2x256 on the whole scene": ("baseline", {"network": "fc256", "num_episodes": 4_000_000}),
    "conv net on the whole scene": ("baseline", {"network": "conv"}),
}


def config_of(id: str, name: str, seed: int) -> TrainingConfig:
    """The config of a row."""
    base, changes = ROWS[name]
    start: TrainingConfig = BaselineConfig(env_id=id) if base == "baseline" else preset(base, id)
    config = dataclasses.replace(start, seed=seed, **changes)
    split: Literal["train", "train+validation"] = "train"
    if id in ALL_IMAGES and isinstance(config, Config):
        split = "train+validation"
    return dataclasses.replace(config, split=split, name=f"{evidence.plain(id)}-{evidence.hyphenated(name)}-{seed}")


def train(config: TrainingConfig, again: bool = False) -> pathlib.Path:
    """Make a run, or go on with it, to its end; its folder under runs/."""
    folder = RUNS / config.run_name
    resume = checkpoints.exist(folder) and not again
    if isinstance(config, BaselineConfig):
        baselines.train(config, resume, overwrite=again, runs=RUNS)
    else:
        assert isinstance(config, Config)
        ram.train(config, resume, overwrite=again, runs=RUNS)
    return folder


def keep(folder: pathlib.Path, name: str, commit: str, trained_on: str | None = None) -> pathlib.Path:
    """Take a finished run into results/<id>.json; its path. See `run_of`.

    Raises:
        ValueError: it was measured on the validation split.
    """
    run = run_of(folder, name, commit, trained_on)
    if _config_in(folder).evaluated_on != "test":
        raise ValueError(f"{folder} was measured on the validation split: results are of the test split.")
    return evidence.save(evidence.load(_config_in(folder).env_id).with_run(run))


def run_of(
    folder: pathlib.Path, name: str, commit: str, trained_on: str | None = None, table: evidence.Table = "results"
) -> Run:
    """Read a finished run.

    Args:
        folder: of the run.
        name: what it is, in words; the name of its row.
        commit: the code that made it.
        trained_on: the machine that made it, in words; this one if None.
        table: where it is shown.

    Raises:
        FileNotFoundError: it is not finished.
        ValueError: it is not a run.
    """
    for needed in ("config.json", "metrics.csv", "results.json"):
        if not (folder / needed).exists():
            raise FileNotFoundError(f"{folder} is no finished run: it has no {needed}.")
    config = _config_in(folder)
    start, changes = described(config)
    scores = json.loads((folder / "results.json").read_text())
    with open(folder / "metrics.csv", newline="") as file:
        points = list(csv.DictReader(file))
    chosen = sorted(set(np.linspace(0, len(points) - 1, NUM_POINTS).round().astype(int).tolist()))
    curve = [
        [int(point["episodes"]), round(float(point[measure]), 4), round(float(point["seconds"]) / 60, 2)]
        for point in (points[n] for n in chosen)
        for measure in point
        if measure.startswith("validation_")
    ]
    parameters, multiply_adds = size_of(config)
    return Run(
        name=name,
        table=table,
        seed=config.seed,
        command=command_of(config, start, changes),
        preset=start,
        changes=changes,
        scores={way: [round(value, 4) for value in values] for way, values in scores.items()},
        curve=curve,
        minutes=round(float(points[-1]["seconds"]) / 60, 2),
        parameters=parameters,
        multiply_adds=multiply_adds,
        commit=commit,
        machine=trained_on or machine(),
    )


def _config_in(folder: pathlib.Path) -> TrainingConfig:
    path = folder / "config.json"
    content = json.loads(path.read_text())
    kind: type[TrainingConfig] = BaselineConfig if "network" in content else Config
    return checkpoints.config_of(kind, content, path)


def described(config: TrainingConfig) -> tuple[str, dict[str, Any]]:
    """The preset that a config is nearest to, and what it changes of it, the seed aside."""
    if isinstance(config, BaselineConfig):
        starts: dict[str, TrainingConfig] = {"baseline": BaselineConfig(env_id=config.env_id)}
    else:
        starts = {name: preset(name, config.env_id) for name in reversed(PRESETS)}  # "best", which may be another, last
    told = [field.name for field in dataclasses.fields(config)]
    told = [name for name in told if name not in CIRCUMSTANCES - {"evaluated_on", "num_test_episodes"} and name != "seed"]
    differing = {
        name: {field: getattr(config, field) for field in told if _json(config, field) != _json(start, field)}
        for name, start in starts.items()
    }
    return min(differing.items(), key=lambda item: len(item[1]))


def _json(config: TrainingConfig, field: str) -> str:
    """A field as in a file, where tuples are lists."""
    return json.dumps(getattr(config, field))


def command_of(config: TrainingConfig, start: str, changes: dict[str, Any]) -> str:
    """The command that makes a run anew."""
    module = ["agents.baselines"] if start == "baseline" else ["agents.ram", "--preset", start]
    command = ["python", "-m", *module, "--env-id", config.env_id, "--seed", str(config.seed), *_flags(changes)]
    return shlex.join(command)


def _flags(changes: dict[str, Any]) -> Iterator[str]:
    for name, value in changes.items():
        flag = name.replace("_", "-")
        if name == "env":
            yield from (f"--env.{key.replace('_', '-')}={argument!r}" for key, argument in value.items())
        elif isinstance(value, bool):
            yield f"--{flag}" if value else f"--no-{flag}"
        elif isinstance(value, tuple):
            yield from (f"--{flag}", *map(str, value))
        else:
            yield from (f"--{flag}", str(value))


def size_of(config: TrainingConfig) -> tuple[int, int]:
    """How many parameters a run's network has, and how many multiply-adds an episode takes it."""
    envs = environments.make_envs(config, 1, "test")
    start = envs.reset(seed=0)
    if isinstance(config, BaselineConfig):
        network: torch.nn.Module = baselines.network_for(envs, config.network)
        with FlopCounterMode(display=False) as counter:
            network(baselines.scenes_of(envs))
    else:
        assert isinstance(config, Config)
        network = model = models.make_model(config, envs)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            collect(envs, Policy(model, envs.single_action_space, config.looking), start, Noise(0, 1))
    return sum(p.numel() for p in network.parameters()), counter.get_total_flops() // 2


def measure_shipped(id: str, commit: str) -> Shipped:
    """Measure the shipped agent of a task on the test split, with several draws of its scenes; led otherwise, with one."""
    torch.set_num_threads(1)
    model, config = weights.load(id)
    first, *others = DRAWS
    scores = evaluation.report(model, config, "test", first).scores
    envs = environments.evaluation_envs(config, "test")
    policy = Policy(model, envs.single_action_space, config.looking)
    found = [scores[config.looking]]
    for seed in others:
        found.append(evaluation.evaluate(policy, envs, "test", seed, config.num_test_episodes, f"draw {seed}"))
    scores[config.looking] = [statistics.fmean(values) for values in zip(*found, strict=True)]
    rounded = {way: [round(value, 4) for value in values] for way, values in scores.items()}
    return Shipped(rounded[config.looking][-1], [round(one[-1], 4) for one in found], rounded, commit)


def draw_shipped(id: str) -> None:
    """Draw what the shipped agent of a task does: the pictures of the page, and a GIF."""
    model, config = weights.load(id)
    with tempfile.TemporaryDirectory() as folder:
        for path in figures.draw(model, config, "test", pathlib.Path(folder)):
            files.write(evidence.picture(path.stem, id), path.read_bytes())
    watch.film(model, config, "test", evidence.picture("watch", id).with_suffix(".gif"))


def write() -> None:
    """Write the page, and the scores that `glimpse_env.play` shows."""
    found = evidence.read_all()
    files.write(PAGE, page.page(found))
    comparison.draw(found)
    files.write(SCORES, json.dumps(page.scores(found), indent=2) + "\n")
    print(f"{PAGE} and {SCORES} are written.")


def commit_of(folder: pathlib.Path, given: str | None = None) -> str:
    """The commit that a run is of: the one that is given, or the one that is checked out.

    Raises:
        ValueError: the run began before the commit that is checked out, or the code has changes that are not committed.
    """
    if given is not None:
        return evidence.committed(given)
    config = folder / "config.json"
    if config.exists():
        began = datetime.datetime.fromtimestamp(config.stat().st_mtime).astimezone()
        if began < evidence.committed_at("HEAD"):
            raise ValueError(
                f"{folder} began before the commit that is checked out: keep it with the one that it is of, --commit HASH, or "
                "remove it."
            )
    return evidence.head()


def main(arguments: list[str] | None = None) -> None:
    """Do what is asked for, and rebuild the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", nargs="+", metavar="ID", default=[], help="train rows of these ids")
    parser.add_argument("--row", nargs="+", choices=ROWS, default=["best preset"], help="which rows", metavar="NAME")
    parser.add_argument("--seeds", type=int, default=5, help="how many seeds: 0, 1, ...")
    parser.add_argument("--again", action="store_true", help="train anew what is there")
    parser.add_argument("--keep", type=pathlib.Path, metavar="RUN_FOLDER", help="keep this finished run")
    parser.add_argument("--name", help="what the run to keep is, in words")
    parser.add_argument("--commit", help="the code that trained the run to keep; that which is checked out unless given")
    parser.add_argument("--machine", metavar="WORDS", help="what trained the run to keep; this machine unless given")
    parser.add_argument(
        "--shipped", nargs="+", metavar="ID", default=[], help="measure and draw the shipped agents of these ids"
    )
    flags = parser.parse_args(arguments)
    with training.plain_errors("benchmarks.reproduce"):
        if (flags.keep is None) != (flags.name is None):
            raise ValueError("--keep and --name go together: which run, and what it is.")
        for id in flags.train:
            for name in flags.row:
                for seed in range(flags.seeds):
                    if flags.again or not evidence.load(id).has("results", name, seed):
                        config = config_of(id, name, seed)
                        commit = evidence.head() if flags.again else commit_of(RUNS / config.run_name)
                        keep(train(config, flags.again), name, commit)
        if flags.keep is not None:
            print(keep(flags.keep, flags.name, commit_of(flags.keep, flags.commit), flags.machine))
        commit = evidence.head() if flags.shipped else ""  # refuses what is not committed before the work, not after
        for id in flags.shipped:
            evidence.save(dataclasses.replace(evidence.load(id), shipped=measure_shipped(id, commit)))
            draw_shipped(id)
        write()


if __name__ == "__main__":
    main()
