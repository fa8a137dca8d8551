"""The names of arguments: those that type checkers know, and the refusal of those that nobody knows."""

import difflib
import inspect
from collections.abc import Collection, Iterable, Sequence
from typing import Any, TypedDict

from gymnasium.vector import AutoresetMode

from glimpse_env.retina import RetinaLike

_HINTS = {
    "max_episode_steps": "Episodes end by themselves; for a time limit make single environments, as "
    "gym.make_vec(..., vectorization_mode='sync') does. "
}


class WorldArguments(TypedDict, total=False):
    """The arguments of the worlds that come with this package, for editors and type checkers; see their classes."""

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
    glimpses_per_answer: int
    search_glimpses: int
    shrink: int
    num_distractors: int
    grid: int
    radius: float | None
    figure_size: int
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
    canvas: int | str | None
    render_mode: str | None
    render_size: int
    num_threads: int


class VectorEnvArguments(EnvArguments, total=False):
    """The arguments of a vector environment; see `GlimpseVectorEnv`."""

    autoreset_mode: AutoresetMode | str


def refuse_unknown(of: str, takers: Sequence[Any], given: Iterable[str], but: Collection[str] = ()) -> None:
    """Refuse arguments that nobody takes; the message tells the nearest name, and all that there are.

    Args:
        of: starts the message.
        takers: the classes or functions that share the arguments; one with ``**arguments`` beyond the first takes any.
        given: the names given.
        but: names that are not taken here.

    Raises:
        TypeError: nobody takes a name.
    """
    if not any(parameter.kind is parameter.VAR_KEYWORD for taker in takers[1:] for parameter in _parameters(taker)):
        refuse(of, given, [name for name in names(*takers) if name not in but])


def refuse(of: str, given: Iterable[str], known: Collection[str], error: type[Exception] = TypeError) -> None:
    """Refuse names that are not known, as `refuse_unknown` does, with an error of any class."""
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            help = _HINTS.get(name, f"Did you mean {near[0]!r}? " if near else "")
            raise error(f"{of} has no argument {name!r}. {help}It takes {', '.join(known) or 'none'}.")


def names(*takers: Any) -> list[str]:
    """The names of the arguments that some classes or functions take, each once."""
    found = [parameter for taker in takers for parameter in _parameters(taker)]
    return list(dict.fromkeys(parameter.name for parameter in found if parameter.kind is not parameter.VAR_KEYWORD))


def _parameters(taker: Any) -> Collection[inspect.Parameter]:
    return inspect.signature(taker).parameters.values()
