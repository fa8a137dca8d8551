"""Exact evaluation: each image of a split once, one rollout each, the mean location looked at."""

import pathlib
from typing import Any

import numpy as np
import torch
from gymnasium.vector import VectorEnv

import glimpse_env
from agents import figures
from agents.networks import RecurrentAttentionModel
from agents.rollout import collect, make_gaze

BATCH = 500  # environments side by side; no result depends on it


@torch.no_grad()
def evaluate(model: RecurrentAttentionModel, envs: VectorEnv[Any, Any, Any], looking: str, seed: int = 0) -> list[float]:
    """Measure each image of the environments' split once, the mean location looked at, one rollout an image, in float32.

    Args:
        model: the agent.
        envs: with autoreset disabled.
        looking: "learned": the mean of the location policy; "random" or "center": the same network, led elsewhere.
        seed: of the scenes; image j's is seed + j, however many environments there are.

    Returns:
        (T,) error in percent after each glimpse.
    """
    wrong, total = torch.zeros(()), 0
    noise = np.random.default_rng(seed)
    for observation, info, fresh in glimpse_env.walk(envs, seed):
        gaze = make_gaze(model, looking, noise, envs.num_envs, slice(None), std=0.0)
        episodes = collect(envs, model, (observation, info), gaze)
        wrong = wrong + (episodes.logits.argmax(-1) != episodes.labels).cpu()[:, fresh].sum(1)
        total += int(fresh.sum())
    return [100 * count / total for count in wrong.tolist()]


@torch.no_grad()
def draw_paths(
    model: RecurrentAttentionModel, envs: VectorEnv[Any, Any, Any], looking: str, path: pathlib.Path, seed: int = 0
) -> None:
    """Draw where the agent looks on the first images of a split, an episode a tile; see `figures.save_tiles`."""
    observation, info, _ = next(glimpse_env.walk(envs, seed))
    gaze = make_gaze(model, looking, np.random.default_rng(seed), envs.num_envs, slice(None), std=0.0)
    episodes = collect(envs, model, (observation, info), gaze)
    frames: Any = envs.render()
    figures.save_tiles(frames, episodes.labels.tolist(), episodes.actions[-1].tolist(), path)


def table(errors: dict[str, list[float]]) -> str:
    """Error after each glimpse, a row for each way of looking, in Markdown."""
    T = len(next(iter(errors.values())))
    lines = ["| fixations | " + " | ".join(str(t + 1) for t in range(T)) + " |", "|---" * (T + 1) + "|"]
    for looking, values in errors.items():
        lines.append(f"| {looking} | " + " | ".join(f"{value:.2f}" for value in values) + " |")
    return "\n".join(lines)
