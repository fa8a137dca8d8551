"""Evaluation by greedy rollouts: the mean location looked at, the likeliest action taken.

Where a world has images, each image of a split is seen once, one rollout each; elsewhere as many episodes are played as the
config says. What counts is the error where something is to be named, the mean return elsewhere. Where several answers are asked
for, one after the other, an episode is wrong as soon as one of them is.

``python -m agents.ram evaluate --weights Glimpse-ClutteredMNIST-v0`` measures an agent that is shipped, or a file.
"""

import argparse
import pathlib
from typing import Any

import numpy as np
import torch
from gymnasium.vector import VectorEnv

from agents import build, figures, gallery, tasks, training, weights
from agents.config import Config, TrainingConfig
from agents.networks import RecurrentAttentionModel
from agents.rollout import collect, joined, make_gaze, starts

_SIDE_BY_SIDE = 500  # native environments at most; no result depends on it
_BYTES = 2**28  # of their scenes, at most


@torch.no_grad()
def evaluate(
    model: RecurrentAttentionModel, envs: VectorEnv[Any, Any, Any], looking: str, seed: int = 0, num_episodes: int = 10_000
) -> list[float]:
    """Measure each image of the environments' split once, the mean location looked at, one rollout each, in float32.

    Args:
        model: the agent.
        envs: of `build.make_envs`.
        looking: "learned": the mean of the location policy; "random" or "center": the same network, led elsewhere.
        seed: of the scenes; image j's is seed + j, however many environments there are.
        num_episodes: how many are played where there are no images.

    Returns:
        (T,) error in percent after each glimpse; (1,) the mean return, where that is what counts.
    """
    noise = np.random.default_rng(seed)
    counts_errors = tasks.measure(envs.unwrapped.spec) == "error"  # type: ignore[arg-type]
    parts = []
    for observation, info, fresh in starts(envs, seed, num_episodes):
        gaze = make_gaze(model, looking, noise, envs.num_envs, slice(None), std=0.0)
        episodes = collect(envs, model, (observation, info), gaze)
        figures = 100 * episodes.wrong if counts_errors else episodes.rewards.sum(0, keepdim=True)
        parts.append(figures.cpu()[:, fresh])
    means: list[float] = joined(parts).double().mean(1).tolist()
    return means


@torch.no_grad()
def draw_paths(
    model: RecurrentAttentionModel, envs: VectorEnv[Any, Any, Any], looking: str, path: pathlib.Path, seed: int = 0
) -> None:
    """Draw where the agent looks in its first episodes of a split, one a tile; see `figures.save_tiles`."""
    world = tasks.world(envs.unwrapped.spec)  # type: ignore[arg-type]
    num_images = envs.unwrapped.task.num_images if world else 0  # type: ignore[attr-defined]
    start = envs.reset(seed=seed, options={"index": np.arange(envs.num_envs) % num_images} if num_images else None)
    gaze = make_gaze(model, looking, np.random.default_rng(seed), envs.num_envs, slice(None), std=0.0)
    episodes = collect(envs, model, start, gaze)
    frames: Any = envs.render() if world else envs.call("picture")  # type: ignore[attr-defined]
    if tasks.measure(envs.unwrapped.spec) == "return":  # type: ignore[arg-type]
        titles = [f"return {value:g}" for value in episodes.rewards.sum(0).tolist()]
        good = (episodes.rewards.sum(0) > 0).tolist()
    else:
        assert episodes.labels is not None
        columns = zip(episodes.answers.T, episodes.labels.T, episodes.actions.T, strict=True)
        titles = [f"{_words(label[due])} read as {_words(named[due])}" for due, label, named in columns]
        good = (~episodes.wrong[-1]).tolist()
    figures.save_tiles(frames, titles, good, path)


def report(model: RecurrentAttentionModel, config: Config, split: str, seed: int = 0) -> dict[str, list[float]]:
    """Measure an agent on all images of a split, in each way of looking.

    Returns:
        way -> what `evaluate` gives. The first is the agent's own, from a random first fixation, as in the
        paper; "center first" is the same from a central one, in native environments; "random" and "center" lead the same
        network elsewhere.
    """
    envs = make_envs(config, split)
    ways: list[str] = list(dict.fromkeys((config.looking, "random", "center")))
    errors = {looking: evaluate(model, envs, looking, seed, config.num_test_episodes) for looking in ways}
    if tasks.world(tasks.spec(config.env_id)):
        central = make_envs(config, split, initial_fixation="center")
        errors["center first"] = evaluate(model, central, config.looking, seed, config.num_test_episodes)
    return errors


def make_envs(config: TrainingConfig, split: str, **arguments: Any) -> VectorEnv[Any, Any, Any]:
    """Make environments to evaluate with: of native ones many, fewer of large scenes; of others a training batch.

    Args:
        config: the run.
        split: which images.
        arguments: of the environment, besides the run's own.
    """
    if not tasks.world(tasks.spec(config.env_id)):
        return build.make_envs(config, config.batch_size, split, **arguments)
    one = build.make_envs(config, 1, split, **arguments)
    fitting = _BYTES // one.unwrapped.scenes.nbytes  # type: ignore[attr-defined]
    return build.make_envs(config, min(_SIDE_BY_SIDE, max(1, fitting)), split, **arguments)


def print_report(errors: dict[str, list[float]], config: Config, split: str) -> None:
    """Print a table of errors, or of returns, and the figure that counts as the last line."""
    own = errors[config.looking]
    task = tasks.spec(config.env_id)
    if tasks.measure(task) == "error":
        print(f"{split.title()} error in percent of {config.env_id} after each glimpse, by the same network:\n")
        print(table(errors))
        print(f"\n{split} error after {len(own)} glimpses: {own[-1]:.2f} %")
    else:
        for looking, (value,) in errors.items():
            print(f"{looking:>12}: mean return {value:.4f}")
        caught = 100 * own[0] / int(task.kwargs.get("num_balls", 1))
        print(f"\nballs caught: {caught:.1f} %" if tasks.world(task) == "catch" else f"\nreturn: {own[0]:.2f}")


def _words(values: torch.Tensor) -> str:
    return " ".join(map(str, values.tolist()))


def table(errors: dict[str, list[float]]) -> str:
    """Error after each glimpse, a row for each way of looking, in Markdown."""
    T = len(next(iter(errors.values())))
    lines = ["| fixations | " + " | ".join(str(t + 1) for t in range(T)) + " |", "|---" * (T + 1) + "|"]
    for looking, values in errors.items():
        lines.append(f"| {looking} | " + " | ".join(f"{value:.2f}" for value in values) + " |")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Measure an agent as the flags say."""
    parser = argparse.ArgumentParser(prog="python -m agents.ram evaluate", description="Measure a trained agent.")
    parser.add_argument("--weights", required=True, help="the id of a task whose weights are shipped, or a file")
    parser.add_argument("--split", default="test", choices=("train", "validation", "test"), help="which images")
    parser.add_argument("--seed", type=int, default=0, help="of the scenes")
    parser.add_argument("--num-threads", type=int, default=1)
    parser.add_argument("--figures", type=pathlib.Path, help="a folder for a heat map of its fixations and its mistakes")
    flags = parser.parse_args(arguments)
    torch.set_num_threads(flags.num_threads)
    with training.plain_errors("agents.ram evaluate"):
        model, config = weights.load(flags.weights)
        print_report(report(model, config, flags.split, flags.seed), config, flags.split)
        if flags.figures:
            gallery.draw(model, make_envs(config, flags.split), config.looking, flags.figures, config.env_id)
