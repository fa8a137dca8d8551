"""Save agents to safetensors files, in half precision with their config, and load agents from any source."""

import dataclasses
import json
import os
import pathlib
import warnings
from typing import Any

import gymnasium as gym
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes

from agents import checkpoints, environments, files
from agents.config import Config
from agents.models import make_model
from agents.networks import RecurrentAttentionModel
from agents.policy import Policy
from glimpse_env.datasets import is_folder

SHIPPED = pathlib.Path(__file__).parent / "data"


def save(path: pathlib.Path, model: RecurrentAttentionModel, config: Config) -> None:
    """Write a model's weights, in half precision, and its config.

    Args:
        path: the path of the file.
        model: the agent.
        config: the config that trained it.

    Raises:
        OSError: the file cannot be written; an older one is unchanged.
        ValueError: a weight is not finite; nothing was written.
    """
    tensors = {name: tensor.detach().cpu().half().contiguous() for name, tensor in model.state_dict().items()}
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise ValueError(f"{name} is not finite in half precision: the training diverged, lower --learning-rate.")
    files.write(path, to_bytes(tensors, metadata={"config": json.dumps(dataclasses.asdict(config))}))


def load(name: str | os.PathLike[str], trust_module: bool = False) -> tuple[RecurrentAttentionModel, Config]:
    """Load an agent, without running code from its file.

    Args:
        name: the id of a task with a shipped agent, or the path of a run's folder, a checkpoint, or a file that `save` wrote.
        trust_module: whether to import the module of an agent for your own id, "module:id".

    Returns:
        The agent, in float32 on the CPU, and the config that trained it.

    Raises:
        FileNotFoundError: there is no such agent; the message lists the shipped ones.
        ValueError: the file contains no agent of this package, one for an unknown id, or one that cannot be used here.

    Warns:
        UserWarning: the folder of its images has changed since.
    """
    path = SHIPPED / f"{os.fspath(name).replace(':', '-')}.safetensors"
    if path.parent != SHIPPED or not path.exists():
        path = pathlib.Path(name)
    if path.is_dir():
        config, state = _of_checkpoint(checkpoints.load(path), path)
    elif path.suffix == ".pt":
        config, state = _of_checkpoint(checkpoints.read(path), path)
    elif path.is_file():
        config, state = _of_weights(path)
    else:
        shipped = ", ".join(sorted(file.stem for file in SHIPPED.glob("*.safetensors")))
        raise FileNotFoundError(f"No agent {os.fspath(name)!r}: give the path of a run or a file, or one of {shipped}.")
    named = [name for name in (config.env_id, str(config.env.get("world", ""))) if ":" in name]
    if named and not trust_module:
        raise ValueError(f"{path} is an agent for {named[0]}, whose module would be imported: give --trust-module to allow it.")
    try:
        envs = environments.example(config)
        with torch.device("meta"):  # takes no memory while the shapes are checked
            _check_shapes(make_model(config, envs), state)
        model = make_model(config, envs)
        model.load_state_dict(state)
    except (ValueError, KeyError, TypeError, RuntimeError, ImportError, gym.error.Error) as error:
        raise ValueError(f"{path} contains no agent that can be used here ({error}).") from error
    if config.images and is_folder(config.dataset) and config.images != environments.images_of(config):
        warnings.warn(
            f"{config.dataset} is not as it was when {path} was trained: its files or classes are others. Images of the test "
            "split may have been trained on, and classes may have other numbers.",
            stacklevel=2,
        )
    return model, config


def load_policy(name: str | os.PathLike[str], trust_module: bool = False) -> Policy:
    """Load a policy: see `load` for the arguments and errors, and `Policy.predict` for its use."""
    model, config = load(name, trust_module)
    envs = environments.example(config)
    return Policy(model, envs.single_action_space, config.looking, config.std_end, env_arguments=config.env_arguments)


def _of_checkpoint(saved: dict[str, Any], path: pathlib.Path) -> tuple[Config, dict[str, torch.Tensor]]:
    state = saved["model"]
    if not (isinstance(state, dict) and all(isinstance(tensor, torch.Tensor) for tensor in state.values())):
        raise ValueError(f"{path} contains no agent: its model is not a dict of tensors.")
    return checkpoints.config_of(Config, saved["config"], path), state


def _of_weights(path: pathlib.Path) -> tuple[Config, dict[str, torch.Tensor]]:
    try:
        with safe_open(path, "pt") as file:
            config = checkpoints.config_of(Config, json.loads((file.metadata() or {}).get("config", "null")), path)
            return config, {key: file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118  # no mapping
    except (SafetensorError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} contains no agent ({error}).") from error


def _check_shapes(model: torch.nn.Module, state: dict[str, torch.Tensor]) -> None:
    wanted = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in state.items()}
    if wanted != found:
        name = next(name for name in {**wanted, **found} if wanted.get(name) != found.get(name))
        raise ValueError(f"{name} is {found.get(name, 'missing')}, but its config needs {wanted.get(name, 'nothing')}")
    if not all(tensor.isfinite().all() for tensor in state.values()):
        raise ValueError("its weights are not finite")
