"""The figures of a run or of shipped weights, into one folder."""

import pathlib
from typing import Any

import numpy as np
import torch
from gymnasium.vector import VectorEnv

import glimpse_env
from agents import figures
from agents.networks import RecurrentAttentionModel
from agents.rollout import collect, make_gaze


@torch.no_grad()
def draw(
    model: RecurrentAttentionModel, envs: VectorEnv[Any, Any, Any], looking: str, folder: pathlib.Path, title: str
) -> None:
    """Draw ``fixations.png``, ``confusion.png`` where there are classes, and ``curve.png`` where the folder has metrics.

    Args:
        model: the agent.
        envs: with autoreset disabled; each image of their split is seen once, the mean location looked at.
        looking: how it was trained to look, as in `Config`.
        folder: made, unless it is there.
        title: of the curve.
    """
    images = envs.unwrapped.world.num_images  # type: ignore[attr-defined]
    starts = glimpse_env.walk(envs) if images else [(*envs.reset(seed=0), np.ones(envs.num_envs, np.bool_))]
    noise = np.random.default_rng(0)
    fixations, labels, named = [], [], []
    for observation, info, fresh in starts:
        gaze = make_gaze(model, looking, noise, envs.num_envs, slice(None), std=0.0)
        episodes = collect(envs, model, (observation, info), gaze)
        fixations.append(episodes.fixations.cpu().numpy()[:, fresh])
        if episodes.labels is not None:
            labels.append(episodes.labels.cpu().numpy()[fresh])
            named.append(episodes.logits[-1].argmax(-1).cpu().numpy()[fresh])
    folder.mkdir(parents=True, exist_ok=True)
    figures.save_fixations(np.concatenate(fixations, axis=1), folder / "fixations.png")
    if labels:
        num_classes = episodes.logits.shape[-1]
        figures.save_confusion(np.concatenate(labels), np.concatenate(named), num_classes, folder / "confusion.png")
    if (folder / "metrics.csv").exists():
        figures.save_curve(folder / "metrics.csv", folder / "curve.png", title)
