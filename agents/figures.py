"""Figures of what an agent does."""

import pathlib
from typing import Any

import torch
from gymnasium.vector import VectorEnv

from agents.networks import RecurrentAttentionModel


@torch.no_grad()
def draw_paths(model: RecurrentAttentionModel, envs: VectorEnv[Any, Any, Any], path: pathlib.Path) -> None:
    """Draw where the agent looks, an episode a tile, with the true class and the one that it names.

    Args:
        model: the agent; the mean location is looked at.
        envs: with ``render_mode="rgb_array"`` and autoreset disabled.
        path: of the picture.
    """
    from matplotlib.figure import Figure

    (observation, info), state, ended = envs.reset(seed=0), model.initial_state(envs.num_envs), False
    while not ended:
        step = model(torch.from_numpy(observation["glimpse"]), torch.from_numpy(observation["fixation"]), state)
        state = step.state
        actions = {"location": step.mean.clamp(-1, 1).numpy(), "action": step.logits.argmax(-1).numpy()}
        observation, _, terminations, _, info = envs.step(actions)
        ended = bool(terminations.any())
    frames = envs.render()
    assert frames is not None
    columns = 4
    figure = Figure(figsize=(16, 3.2 * -(-len(frames) // columns)), facecolor="white", layout="constrained")
    for n, frame in enumerate(frames):
        axes = figure.add_subplot(-(-len(frames) // columns), columns, n + 1)
        axes.imshow(frame)
        axes.set_axis_off()
        right = info["label"][n] == actions["action"][n]
        axes.set_title(f"{info['label'][n]} read as {actions['action'][n]}", color="black" if right else "#D55E00")
    figure.savefig(path, dpi=100)
