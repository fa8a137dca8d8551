"""The commands of ``python -m agents.ram``: train (the default), evaluate, watch, name, export."""

import argparse
import dataclasses
import itertools
import os
import pathlib
import shlex
import sys
import zlib
from collections.abc import Callable

import numpy as np
import torch
from tqdm import tqdm

from agents import environments, evaluation, figures, ram, training, watch, weights
from agents.config import CIRCUMSTANCES, Config
from agents.flags import StartOptions, parse
from agents.policy import Policy
from agents.presets import PRESETS, preset
from glimpse_env.datasets import LONGEST, is_folder, unlabeled
from glimpse_env.datasets import load as load_dataset
from glimpse_env.rendering import SIDE
from glimpse_env.scanpaths.table import check_suffix

_LONGEST_NAME = 100  # of a run's folder
_NAMED = 3  # the most classes that are told of an image
_HELP = """Train the recurrent attention model, measure it and draw it; all files go into runs/NAME.
Other commands: python -m agents.ram {evaluate,watch,name,export} --help.

Examples:
  python -m agents.ram --env-id Glimpse-MNIST-v0
  python -m agents.ram --dataset photos
  python -m agents.ram --preset paper --num-episodes 500000
  python -m agents.ram --env.num-clutter 8 --name harder"""


def train(arguments: list[str]) -> None:
    """Run ``train``; ``--env.NAME VALUE`` is an argument of the environment."""
    command = "python -m agents.ram"
    first = argparse.ArgumentParser(prog=command, add_help=False, allow_abbrev=False)
    first.add_argument("--preset", choices=PRESETS)
    first.add_argument("--env-id", "--env_id")
    first.add_argument("--dataset", default="")
    chosen, _ = first.parse_known_args(arguments)
    own = is_folder(chosen.dataset)
    if own and pathlib.Path.cwd().is_relative_to(os.path.realpath(os.path.expanduser(chosen.dataset))):
        raise ValueError(f"The run would be written among the images of {chosen.dataset}: train from another folder.")
    usual = "photos" if own else "best"
    name = chosen.preset or usual
    start_from = preset(name, chosen.env_id or ("Glimpse-MNIST-v0" if own else Config.env_id))
    config, start = parse(start_from, StartOptions(preset=name), arguments, command, _HELP)
    if start.resume and start.overwrite:
        raise ValueError("--resume continues a run, --overwrite replaces it: give one of them.")
    config = _fitted(_named(config, dataclasses.replace(start_from, env_id=config.env_id), [name] if name != usual else []))
    print(f"{config.num_episodes:,} episodes of {config.env_id}, from the preset {name!r}, into runs/{config.run_name}.")
    if is_folder(config.dataset):
        _read_measured(config)
    result = ram.train(config, start.resume, start.overwrite, tensorboard=start.tensorboard)
    if result.report:
        print(result.report)
        print(f"\nThe figures are in {result.folder}{_filmed(result, config)}. Next:")
        agent = _named_by(result.folder, config)
        print(f"  python -m agents.ram watch {agent}")
        print(f"  python -m agents.ram evaluate {agent}")
        if is_folder(config.dataset) and evaluation.asks_for_a_class(config):
            print(f"  python -m agents.ram name IMAGE {agent}")


def _named_by(path: pathlib.Path, config: Config) -> str:
    """The flags that name an agent."""
    return f"--weights {shlex.quote(str(path))}{' --trust-module' * (':' in config.env_id)}"


def _filmed(result: ram.Result, config: Config) -> str:
    """Write a GIF of the new agent into the run's folder, if its environment is native; tell so."""
    if not environments.is_native(config.env_id):
        return ""
    path = result.folder / "watch.gif"
    watch.film(result.policy.model, config, config.evaluated_on, path)
    return f", with a GIF of the agent at work, {path.name}"


def evaluate(arguments: list[str]) -> None:
    """Run ``evaluate``: measure an agent."""
    parser = _measuring("evaluate", "Measure a trained agent.")
    parser.add_argument("--num-threads", type=int, default=1, help="CPU threads")
    parser.add_argument("--figures", type=pathlib.Path, help="a folder for figures of its fixations and its mistakes")
    parser.add_argument("--scanpaths", type=pathlib.Path, help="a .csv or .parquet file for its fixations, one a row")
    flags = parser.parse_args(arguments)
    _check_least(flags, num_threads=1, seed=0)
    torch.set_num_threads(flags.num_threads)
    if flags.figures:
        _check_writable(flags.figures)
    model, config = weights.load(flags.weights, flags.trust_module)
    if flags.scanpaths:
        check_suffix(flags.scanpaths)
        _check_writable(flags.scanpaths.parent)
        paths = evaluation.scanpaths(model, config, flags.split, flags.seed)  # first: it refuses some environments
        paths.save(flags.scanpaths)
        print(f"{flags.scanpaths}: {len(paths):,} fixations")
    print(evaluation.report(model, config, flags.split, flags.seed))
    if flags.figures:
        for path in figures.draw(model, config, flags.split, flags.figures):
            print(path)


def show(arguments: list[str]) -> None:
    """Run ``watch``: show an agent."""
    parser = _measuring("watch", "Watch a trained agent, in a window, a GIF or an MP4.")
    parser.add_argument(
        "--save", "--gif", type=pathlib.Path, metavar="FILE", help="write FILE, a .gif or .mp4, and open no window"
    )
    parser.add_argument("--compare", action="store_true", help="beside it, the same networks led by random and central looks")
    parser.add_argument("--episodes", type=int, help="number of episodes; default: 4 in a file, no limit in a window")
    parser.add_argument("--num-envs", type=int, default=1, help="number of environments side by side")
    parser.add_argument("--fps", type=float, default=3.0, help="glimpses a second")
    parser.add_argument("--size", type=int, default=SIDE, help="approximate length of a scene's longer side, in pixels")
    flags = parser.parse_args(arguments)
    _check_least(flags, episodes=1, num_envs=1, fps=0.1, size=1, seed=0)
    torch.set_num_threads(1)
    if flags.save:
        watch.check_format(flags.save)
    model, config = weights.load(flags.weights, flags.trust_module)
    envs = watch.stage(config, flags.num_envs, flags.split, flags.size)
    ways = dict.fromkeys((config.looking, *(watch.COMPARED if flags.compare else ())))
    policies = {f"{way} looks": Policy(model, envs.single_action_space, way) for way in ways}
    seeds = itertools.islice(itertools.count(flags.seed, flags.num_envs), flags.episodes or (4 if flags.save else None))
    played = (watch.compare(policies, envs, flags.split, seed) for seed in seeds)
    if flags.save:
        episodes = list(played)
        watch.save(episodes, flags.save, flags.fps)
        print(f"{flags.save}: {sum(map(len, episodes))} pictures, {flags.save.stat().st_size / 1000:.0f} kB")
    else:
        watch.show(played, flags.fps)


def name_images(arguments: list[str]) -> None:
    """Run ``name``: name the classes of images that are in no class folder."""
    parser = _parser("name", "Name the class of each image, by an agent that was trained on a folder.")
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="the path of an image")
    flags = parser.parse_args(arguments)
    torch.set_num_threads(1)
    model, config = weights.load(flags.weights, flags.trust_module)
    if not config.images:
        raise ValueError(f"{flags.weights} was not trained on a folder of images: train with --dataset FOLDER.")
    images = unlabeled(flags.images, config.images["classes"], config.images["shape"])
    found = evaluation.beliefs(model, config, images)
    for path, row in zip(flags.images, found, strict=True):
        likeliest = row.topk(min(_NAMED, len(row)))
        told = (f"{images.names[n]} {100 * p:.0f} %" for p, n in zip(*map(torch.Tensor.tolist, likeliest), strict=True))
        print(f"{path}: {', '.join(told)}")


def export(arguments: list[str]) -> None:
    """Run ``export``: write the agent of a run into one small file."""
    parser = argparse.ArgumentParser(
        prog="python -m agents.ram export", description="Write a run's agent into one file, in half precision."
    )
    parser.add_argument("run", help="the folder of a run, or a checkpoint")
    parser.add_argument("file", type=pathlib.Path, help="the file to write, such as agent.safetensors")
    parser.add_argument("--trust-module", action="store_true", help="import the module that the agent's id names")
    flags = parser.parse_args(arguments)
    if flags.file.suffix == ".pt":
        raise ValueError(f"{flags.file} would be read as a checkpoint: choose another name, such as agent.safetensors.")
    if flags.file.exists():
        raise FileExistsError(f"{flags.file} exists already: remove it, or choose another name.")
    model, config = weights.load(flags.run, flags.trust_module)
    weights.save(flags.file, model, config)
    print(f"{flags.file}: {flags.file.stat().st_size / 1e6:.1f} MB. Next:")
    print(f"  python -m agents.ram watch {_named_by(flags.file, config)}")


_COMMANDS: dict[str, Callable[[list[str]], None]] = {
    "train": train,
    "evaluate": evaluate,
    "watch": show,
    "name": name_images,
    "export": export,
}


def main(arguments: list[str] | None = None) -> None:
    """Run a command."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a name with letters that the terminal cannot show
    name = arguments.pop(0) if arguments and not arguments[0].startswith("-") else "train"
    with training.plain_errors(f"agents.ram {name}"):
        if name not in _COMMANDS:
            raise ValueError(f"Unknown command {name!r}: use one of {', '.join(_COMMANDS)}.")
        _COMMANDS[name](arguments)


def _parser(command: str, description: str) -> argparse.ArgumentParser:
    """Make a parser with the flags that name an agent."""
    parser = argparse.ArgumentParser(prog=f"python -m agents.ram {command}", description=description)
    parser.add_argument(
        "--weights",
        required=True,
        metavar="AGENT",
        help="an id with a shipped agent, a run's folder, a checkpoint, or an exported file",
    )
    parser.add_argument("--trust-module", action="store_true", help="import the module that the agent's id names")
    return parser


def _measuring(command: str, description: str) -> argparse.ArgumentParser:
    """Make a parser with the flags that evaluate and watch share."""
    parser = _parser(command, description)
    parser.add_argument("--split", default="test", choices=("train", "validation", "test"), help="the split of the images")
    parser.add_argument("--seed", type=int, default=0, help="the seed of the scenes")
    return parser


def _fitted(config: Config) -> Config:
    """Print a summary of the user's own images, and shrink large ones to a size that trains in minutes."""
    if not is_folder(config.dataset):
        return config
    images = load_dataset(config.dataset, image_size=config.image_size)
    print(images)
    h, w, _ = images.shape
    if config.image_size is not None or max(h, w) <= LONGEST:
        return config
    print(f"Images of {w}x{h} pixels are scaled to fit {LONGEST}x{LONGEST}; choose another size with --image-size.")
    return dataclasses.replace(config, image_size=LONGEST)


def _read_measured(config: Config) -> None:
    """Read the images of validation and test, so that a damaged one is found now, and not at the end of the training."""
    for split in ("validation", "test"):
        images = load_dataset(config.dataset, split, image_size=config.image_size)
        for n in tqdm(range(len(images)), f"reading the {split} images", leave=False, dynamic_ncols=True):
            images.take(np.array([n]))


def _named(config: Config, default: Config, words: list[str]) -> Config:
    """Name a run by some words and its changes to the preset, so that different runs have different folders."""
    if config.name is not None:
        return config
    told = {"env_id", "dataset", "looking", "seed", *CIRCUMSTANCES}  # in the name already, or irrelevant to it
    then, now = dataclasses.asdict(default), dataclasses.asdict(config)
    changes = [f"{name}={now[name]}" for name in now if now[name] != then[name] and name not in told | {"env"}]
    changes += [f"{name}={value}" for name, value in config.env.items() if default.env.get(name) != value]
    name = "-".join([config.run_name, *words, *changes]).replace("/", "-")
    if len(name) > _LONGEST_NAME:
        name = f"{name[:_LONGEST_NAME]}-{zlib.crc32(name.encode()):08x}"
    return dataclasses.replace(config, name=name)


def _check_least(flags: argparse.Namespace, **least: float) -> None:
    """Raise an error if a flag that was given is below its least value."""
    for name, value in ((name, getattr(flags, name)) for name in least):
        if value is not None and not value >= least[name]:
            raise ValueError(f"--{name.replace('_', '-')} must be at least {least[name]:g}, got {value:g}.")


def _check_writable(folder: pathlib.Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"{folder} cannot be written: choose another folder.")
