"""Argument names: types for type checkers, and errors for unknown names."""

import difflib
import inspect
from collections.abc import Collection, Iterable, Sequence
from typing import Any, TypedDict

from gymnasium.vector import AutoresetMode

from glimpse_env.retina import RetinaLike


class WorldArguments(TypedDict, total=False):
    """The arguments of the built-in worlds, for editors and type checkers; see their classes."""

    dataset: Any
    split: str | None
    num_classes: int | None
    image_size: int | tuple[int, int] | None
    scene_size: int | tuple[int, int] | None
    translate: bool
    num_clutter: int
    clutter_size: int
    rotation: float
    scale: float
    shear: float
    shift: float
    contrast: float
    noise: float
    num_glimpses: int
    reward: str
    decide: str
    glimpse_cost: float
    num_balls: int
    paddle_width: int
    speed: int
    num_digits: int | tuple[int, int]
    overlap: bool
    glimpses_per_answer: int
    search_glimpses: int
    shrink: int
    num_distractors: int
    grid: int
    radius: float | None
    figure_size: int
    cut: bool
    gradient: float


class EnvArguments(WorldArguments, total=False):
    """The arguments of an environment; see `GlimpseVectorEnv`."""

    patch_size: int
    num_scales: int
    scale_factor: int
    retina: RetinaLike | None
    initial_fixation: str | tuple[float, float]
    location_mode: str
    max_step: float | None
    zooms: tuple[int, ...] | None
    zoom_cost: tuple[float, ...] | float
    canvas: int | str | None
    observe: str
    render_mode: str | None
    render_size: int
    max_episode_steps: int | None
    num_threads: int


class VectorEnvArguments(EnvArguments, total=False):
    """The arguments of a vector environment; see `GlimpseVectorEnv`."""

    autoreset_mode: AutoresetMode | str


def refuse_unknown(of: str, takers: Sequence[Any], given: Iterable[str], but: Collection[str] = ()) -> None:
    """Raise an error for unknown arguments; the message suggests the nearest name and lists all.

    Args:
        of: what takes the arguments; starts the message.
        takers: the classes or functions that share the arguments. If any but the first has ``**arguments``, all names pass.
        given: the names to check.
        but: names that are not accepted here.

    Raises:
        TypeError: a name is unknown.
    """
    if not any(parameter.kind is parameter.VAR_KEYWORD for taker in takers[1:] for parameter in _parameters(taker)):
        refuse(of, given, [name for name in names(*takers) if name not in but])


def refuse(of: str, given: Iterable[str], known: Collection[str], error: type[Exception] = TypeError) -> None:
    """Raise an error for names that are not known, see `refuse_unknown`."""
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            help = f"Did you mean {near[0]!r}? " if near else ""
            raise error(f"{of} has no argument {name!r}. {help}It takes {', '.join(known) or 'none'}.")


def names(*takers: Any) -> list[str]:
    """The argument names of classes or functions, without repeats."""
    found = [parameter for taker in takers for parameter in _parameters(taker)]
    return list(dict.fromkeys(parameter.name for parameter in found if parameter.kind is not parameter.VAR_KEYWORD))


def _parameters(taker: Any) -> Collection[inspect.Parameter]:
    return inspect.signature(taker).parameters.values()
