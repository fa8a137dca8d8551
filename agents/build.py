"""Environments, networks and optimisers as a config says."""

import importlib
from typing import Any

import gymnasium as gym
import torch
from gymnasium.vector import AutoresetMode, VectorEnv

import glimpse_env  # noqa: F401  # registers its ids
from agents.config import Config, TrainingConfig
from agents.networks import RecurrentAttentionModel


def make_envs(config: TrainingConfig, num_envs: int, split: str, **arguments: Any) -> VectorEnv[Any, Any, Any]:
    """Make the environments of a run, with autoreset disabled: whole episodes.

    Args:
        config: the run.
        num_envs: B.
        split: which images; not read by worlds that have none.
        arguments: of the environment, besides the run's own.
    """
    if _has_images(config.env_id):
        arguments["split"] = split
    arguments = {**config.env_arguments, **arguments}
    return gym.make_vec(config.env_id, num_envs=num_envs, autoreset_mode=AutoresetMode.DISABLED, **arguments)


def make_model(config: Config, envs: VectorEnv[Any, Any, Any]) -> RecurrentAttentionModel:
    """Make a new agent for the spaces of these environments, its input scaled to what they show."""
    torch.manual_seed(config.seed)
    seen: Any = envs.single_observation_space
    model = RecurrentAttentionModel(
        seen["glimpse"].shape,
        int(envs.single_action_space["action"].n),  # type: ignore[index]
        glimpse_network=config.glimpse_network,
        core=config.core,
        hidden_size=config.hidden_size,
        size=config.size,
        location_stream=config.location_stream,
        canvas_shape=seen["canvas"].shape if config.canvas else None,
        num_planned=_num_glimpses(config) if config.plan_std > 0 or config.looking == "fixed" else 0,
        plan_std=config.plan_std,
    )
    observation, _ = envs.reset(seed=config.seed)
    model.standardise.fit(torch.from_numpy(observation["glimpse"]))
    return model.to(config.device)


def make_optimizer(model: RecurrentAttentionModel, config: Config) -> torch.optim.Optimizer:
    """Make AdamW, the parameters that only REINFORCE trains in a group of their own."""
    looks = [p for name, p in model.named_parameters() if name.startswith("location")]
    reads = [p for name, p in model.named_parameters() if not name.startswith("location")]
    groups = [{"params": reads}, {"params": looks}]
    return torch.optim.AdamW(groups, lr=config.learning_rate, weight_decay=config.weight_decay, fused=True)


def _num_glimpses(config: Config) -> int:
    """T of the run's episodes; 0 where the world has its own end."""
    return config.num_glimpses or int(_arguments(config.env_id).get("num_glimpses", 0))


def _has_images(env_id: str) -> bool:
    """Whether the world of an id is made of a dataset's images."""
    return bool(_arguments(env_id).get("world", "classification") == "classification")


def _arguments(env_id: str) -> dict[str, Any]:
    """What an id is registered with; "module:id" imports the module that registers it."""
    module, _, name = env_id.rpartition(":")
    if module:
        importlib.import_module(module)
    return gym.spec(name).kwargs
