"""Names of arguments: errors for unknown ones."""

import difflib
import inspect
from collections.abc import Collection, Iterable, Sequence
from typing import Any


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
