"""Environments, networks and optimisers as a config says."""

from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from gymnasium.wrappers import TimeLimit

from agents import tasks
from agents.actions import num_outputs
from agents.config import Config, TrainingConfig
from agents.networks import RecurrentAttentionModel
from agents.rollout import OneEpisode
from glimpse_env import worlds
from glimpse_env.worlds import Task

_NUM_SAMPLED = 50  # steps at random that show what glimpses are like


def make_envs(config: TrainingConfig, num_envs: int, split: str, **arguments: Any) -> VectorEnv[Any, Any, Any]:
    """Make the environments of a run, with autoreset at the next step; those that are not native play one episode a reset.

    Args:
        config: the run.
        num_envs: B.
        split: which images; not read by worlds that have none.
        arguments: of the environment, besides the run's own.

    Raises:
        ImportError, gymnasium.error.Error: no such id.
        ValueError: it cannot be made so, or shows no glimpses.
    """
    world = tasks.world(tasks.spec(config.env_id))
    if world and worlds.find(world).splits:
        arguments["split"] = split
    arguments = {**config.env_arguments, **arguments}
    wrappers = [] if world else [lambda env: OneEpisode(TimeLimit(env, config.max_steps))]
    try:
        envs = gym.make_vec(config.env_id, num_envs=num_envs, wrappers=wrappers, **arguments)
    except TypeError as error:
        raise ValueError(f"{config.env_id} cannot be made with {arguments}: {error}") from error
    for space, keys in (
        (envs.single_observation_space, {"glimpse", "fixation"}),
        (envs.single_action_space, {"location", "action"}),
    ):
        if not (isinstance(space, spaces.Dict) and keys <= set(space)):
            raise ValueError(f"{config.env_id} has no gaze, its spaces are {space}: register it in a GlimpseWrapper.")
    return envs


def num_glimpses(envs: VectorEnv[Any, Any, Any]) -> int:
    """How many glimpses an episode has; 0 where it has its own end."""
    return getattr(envs.unwrapped, "task", Task()).num_glimpses or 0


def make_model(config: Config, envs: VectorEnv[Any, Any, Any]) -> RecurrentAttentionModel:
    """Make a new agent for the spaces of these environments, its input scaled to what they show.

    Raises:
        ValueError: it cannot act in them, or not learn as the config says.
    """
    torch.manual_seed(config.seed)
    seen: Any = envs.single_observation_space
    action_space: Any = envs.single_action_space["action"]  # type: ignore[index]
    observation, info = envs.reset(seed=config.seed)
    if "label" not in info and (config.hybrid or config.credit == "log_prob"):
        raise ValueError(f"{config.env_id} has no labels to learn from: take --preset game, or --no-hybrid --credit reward.")
    if config.looking == "fixed" and not num_glimpses(envs):
        raise ValueError(
            f"looking='fixed' needs a number of glimpses, and {config.env_id} has none: take another way of looking."
        )
    if config.window and "canvas" not in seen.spaces:
        raise ValueError(f"window={config.window} is cut out of a canvas, and there is none: give canvas, or window=0.")
    span = None
    if isinstance(config.canvas, int):  # it follows the gaze
        height, width = envs.unwrapped.world.scenes.shape[1:3]  # type: ignore[attr-defined]
        span = (config.canvas / width, config.canvas / height)
    model = RecurrentAttentionModel(
        seen["glimpse"].shape,
        num_outputs(action_space),
        continuous=isinstance(action_space, spaces.Box),
        glimpse_network=config.glimpse_network,
        core=config.core,
        hidden_size=config.hidden_size,
        size=config.size,
        location_stream=config.location_stream,
        canvas_shape=seen["canvas"].shape if "canvas" in seen.spaces else None,
        canvas_depth=config.canvas_depth,
        window=config.window,
        canvas_span=span,
        cue_shape=seen["cue"].shape if "cue" in seen.spaces else None,
        num_planned=num_glimpses(envs) if config.plan_std > 0 or config.looking == "fixed" else 0,
        plan_std=config.plan_std,
    )
    glimpses = [observation["glimpse"]]
    if not tasks.world(tasks.spec(config.env_id)):  # whose first images and fixations may all be the same
        envs.action_space.seed(config.seed)
        glimpses += [envs.step(envs.action_space.sample())[0]["glimpse"] for _ in range(_NUM_SAMPLED)]
    model.standardise.fit(torch.from_numpy(np.concatenate(glimpses)))
    return model.to(config.device)


def make_optimizer(model: RecurrentAttentionModel, config: Config) -> torch.optim.Optimizer:
    """Make AdamW, the parameters that only REINFORCE trains in a group of their own."""
    looks = [p for name, p in model.named_parameters() if name.startswith("location")]
    reads = [p for name, p in model.named_parameters() if not name.startswith("location")]
    groups = [{"params": reads}, {"params": looks}]
    return torch.optim.AdamW(groups, lr=config.learning_rate, weight_decay=config.weight_decay, fused=True)
