"""Read configs from the command line; each class of options is a group of flags."""

import ast
import dataclasses
from collections.abc import Sequence
from typing import Any, TypeVar

import tyro

from agents.config import TrainingConfig

_C = TypeVar("_C", bound=TrainingConfig)
_S = TypeVar("_S")


@dataclasses.dataclass(frozen=True)
class ResumeOptions:
    """What becomes of an existing run."""

    resume: bool = False
    """Continue the run from its checkpoint."""
    overwrite: bool = False
    """Replace an existing run of this name."""


@dataclasses.dataclass(frozen=True)
class StartOptions(ResumeOptions):
    """How the agent's run starts."""

    preset: str = "best"
    """The config with the defaults: best (for the id), canvas, modern, paper, reward (no labels), game, or photos (for a folder
    of images)."""
    tensorboard: bool = False
    """Also write scalars for TensorBoard."""


def parse(default: _C, start: _S, arguments: Sequence[str], command: str, description: str) -> tuple[_C, _S]:
    """Read a config from flags, in groups: one for each class of options that the config's class inherits.

    Args:
        default: the defaults of the flags.
        start: other options, in a group of their own.
        arguments: the flags; ``--env.NAME VALUE`` is an argument of the environment.
        command: the name of the command, for the help.
        description: the description, for the help.
    """
    kinds = [kind for kind in type(default).__mro__ if kind.__name__.endswith("Options")]
    groups: list[tuple[str, Any]] = [(kind.__name__.removesuffix("Options").lower(), kind) for kind in (type(start), *kinds)]
    flags = tyro.conf.configure(tyro.conf.OmitArgPrefixes)(dataclasses.make_dataclass("Flags", groups, frozen=True))
    of_config = {
        name: kind(**{field.name: getattr(default, field.name) for field in dataclasses.fields(kind)})
        for name, kind in groups[1:]
    }
    rest, env = _env_arguments(arguments)
    given = tyro.cli(
        flags, default=flags(**{groups[0][0]: start}, **of_config), args=rest, prog=command, description=description
    )
    values = {key: value for name in of_config for key, value in dataclasses.asdict(getattr(given, name)).items()}
    return type(default)(**values, env={**default.env, **env}), getattr(given, groups[0][0])


def _env_arguments(arguments: Sequence[str]) -> tuple[list[str], dict[str, Any]]:
    """Take ``--env.NAME VALUE`` and ``--env.NAME=VALUE`` out of the arguments; values are Python literals, or else text."""
    rest, env, left = [], {}, iter(arguments)
    for argument in left:
        if not argument.startswith("--env."):
            rest.append(argument)
            continue
        name, equals, value = argument.removeprefix("--env.").partition("=")
        value = value if equals else next(left, "")
        try:
            env[name.replace("-", "_")] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            env[name.replace("-", "_")] = value
    return rest, env
