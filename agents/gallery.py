"""The figures of a run or of shipped weights, into one folder."""

import pathlib
from typing import Any

import numpy as np
import torch
from gymnasium.vector import VectorEnv

from agents import figures
from agents.networks import RecurrentAttentionModel
from agents.rollout import collect, joined, make_gaze, starts


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
    noise = np.random.default_rng(0)
    fixations, labels, named = [], [], []
    for observation, info, fresh in starts(envs, 0, envs.num_envs):
        gaze = make_gaze(model, looking, noise, envs.num_envs, slice(None), std=0.0)
        episodes = collect(envs, model, (observation, info), gaze)
        fixations.append(episodes.fixations.cpu()[:, fresh])
        if episodes.labels is not None:
            counted = episodes.answers & torch.from_numpy(fresh).to(episodes.answers.device)
            labels.append(episodes.labels[counted].cpu().numpy())
            named.append(episodes.logits.argmax(-1)[counted].cpu().numpy())
    folder.mkdir(parents=True, exist_ok=True)
    figures.save_fixations(joined(fixations).numpy(), folder / "fixations.png")
    if labels:
        num_classes = episodes.logits.shape[-1]
        figures.save_confusion(np.concatenate(labels), np.concatenate(named), num_classes, folder / "confusion.png")
    if (folder / "metrics.csv").exists():
        figures.save_curve(folder / "metrics.csv", folder / "curve.png", title)
