"""Worlds compose scenes, keep their state and give the reward; they know nothing of eyes or Gymnasium.

Each module except `base` holds one world, and ``world=`` takes the module's name.
"""

import importlib
import pkgutil

from glimpse_env.worlds.base import Scenery, Task, World

__all__ = ["NAMES", "Scenery", "Task", "World", "find"]

NAMES = tuple(module.name for module in pkgutil.iter_modules(__path__) if module.name != "base")


def find(world: str | type[World]) -> type[World]:
    """The class of a world.

    Args:
        world: one of NAMES, "module:Class", or the class itself.

    Raises:
        ValueError: the value names no `World`.
        ImportError: Python cannot import the module.
    """
    found: object = world
    if isinstance(world, str) and ":" in world:
        module, _, name = world.partition(":")
        found = getattr(importlib.import_module(module), name, None) if module else None
    elif isinstance(world, str) and world in NAMES:
        module = f"{__name__}.{world}"
        members = vars(importlib.import_module(module)).values()
        found = next(
            kind for kind in members if isinstance(kind, type) and kind.__module__ == module and issubclass(kind, World)
        )
    if not (isinstance(found, type) and issubclass(found, World)):
        raise ValueError(
            f"Unknown world {world!r}: use one of {', '.join(map(repr, NAMES))}, a class derived from glimpse_env.World, or "
            'its name as "module:Class".'
        )
    return found
