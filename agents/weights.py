"""Published weights: one safetensors file an agent, with the config that trained it, in half precision."""

import dataclasses
import json
import pathlib

import gymnasium as gym
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes

from agents import build, checkpoints, files
from agents.config import Config
from agents.networks import RecurrentAttentionModel

SHIPPED = pathlib.Path(__file__).parent / "data"


def save(path: pathlib.Path, model: RecurrentAttentionModel, config: Config) -> None:
    """Write a model's weights in half precision, and its config beside them.

    Args:
        path: of the file.
        model: the agent.
        config: what trained it.

    Raises:
        OSError: it cannot be written; what was there before stands.
    """
    tensors = {name: tensor.detach().cpu().half().contiguous() for name, tensor in model.state_dict().items()}
    files.write(path, to_bytes(tensors, metadata={"config": json.dumps(dataclasses.asdict(config))}))


def load(name: str) -> tuple[RecurrentAttentionModel, Config]:
    """Read an agent. No code in the file is run; but of an id of your own, "module:id", the module it names is imported.

    Args:
        name: the id of a task whose weights are shipped, or the path of a file that `save` wrote.

    Returns:
        The agent, in float32, and the config that trained it.

    Raises:
        FileNotFoundError: neither shipped nor a file; the message names what is shipped.
        ValueError: no file of ours, or one for an id that is not there.
    """
    path = SHIPPED / f"{name}.safetensors"
    if not path.exists():
        path = pathlib.Path(name)
    if not path.is_file():
        shipped = ", ".join(sorted(file.stem for file in SHIPPED.glob("*.safetensors")))
        raise FileNotFoundError(f"No weights {name!r}: give a path, or one of {shipped}.")
    try:
        with safe_open(path, "pt") as file:
            config = checkpoints.config_of(Config, json.loads(file.metadata()["config"]), path)
            state = {key: file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118  # no mapping
        model = build.make_model(config, build.make_envs(config, 1, config.split))
        model.load_state_dict(state)
    except (SafetensorError, ValueError, KeyError, TypeError, RuntimeError, ImportError, gym.error.Error) as error:
        raise ValueError(f"{path} holds no weights of an agent ({error}).") from error
    return model, config


def export(run: pathlib.Path, path: pathlib.Path) -> None:
    """Write the weights of a finished run, from its checkpoint."""
    saved = checkpoints.load(run)
    config = checkpoints.config_of(Config, saved["config"], run)
    model = build.make_model(config, build.make_envs(config, 1, config.split))
    model.load_state_dict(saved["model"])
    save(path, model, config)
