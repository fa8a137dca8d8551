"""Configs read from the command line: their flags are in groups, one for each class of options."""

import ast
import dataclasses
from collections.abc import Sequence
from typing import Any, TypeVar

import tyro

from agents.config import TrainingConfig

_C = TypeVar("_C", bound=TrainingConfig)
_S = TypeVar("_S")


@dataclasses.dataclass(frozen=True)
class StartOptions:
    """Where it starts."""

    preset: str = "best"
    """Where the defaults come from: best (of the id), canvas, paper or game."""
    resume: bool = False
    """Continue the run from its checkpoint."""
    overwrite: bool = False
    """Give up a run of this name that is there."""
    tensorboard: bool = False
    """Write scalars for TensorBoard as well."""


def parse(default: _C, start: _S, arguments: Sequence[str], command: str, description: str) -> tuple[_C, _S]:
    """Read a config from flags, which are in groups: one for each class of options that the config's class is made of.

    Args:
        default: what a flag is that is not given.
        start: further options, a group of their own.
        arguments: the flags; ``--env.NAME VALUE`` is an argument of the environment.
        command: how it is called.
        description: what it does.
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
    return type(default)(**values, env=env), getattr(given, groups[0][0])


def _env_arguments(arguments: Sequence[str]) -> tuple[list[str], dict[str, Any]]:
    """Take ``--env.NAME VALUE`` and ``--env.NAME=VALUE`` out of the arguments; values are Python's, or else text."""
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
