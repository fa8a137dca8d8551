"""Get and set attributes of a vector environment as in Gymnasium's SyncVectorEnv."""

import inspect
from typing import Any, TypeVar

import numpy as np
from gymnasium.vector import VectorEnv

from glimpse_env.names import names
from glimpse_env.worlds import World

Observation = TypeVar("Observation")
Action = TypeVar("Action")
Array = TypeVar("Array")
_OF_A_BATCH = ("reset", "step", "believe", "call", "get_attr", "set_attr")


class AskedVectorEnv(VectorEnv[Observation, Action, Array]):
    """A vector environment that is one object and answers for each of its environments."""

    world: World

    def call(self, name: str, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """Call a method or get an attribute of each environment.

        Args:
            name: the method or attribute of a single environment.
            args: positional arguments of the method.
            kwargs: keyword arguments of the method.

        Returns:
            B results: one frame each for ``render``, otherwise the same for all.

        Raises:
            AttributeError: the name does not exist.
            ValueError: the method takes a batch.
        """
        if name in _OF_A_BATCH:
            raise ValueError(f"{name}() is for all environments together: call it directly, with a batch.")
        found = getattr(self, f"single_{name}" if name in ("observation_space", "action_space") else name)
        result = found(*args, **kwargs) if inspect.ismethod(found) else found
        each: tuple[Any, ...] = result if name == "render" and result is not None else (result,) * self.num_envs
        return each

    def get_attr(self, name: str) -> tuple[Any, ...]:
        """Get an attribute of each environment, see `call`."""
        return self.call(name)

    def set_attr(self, name: str, values: Any) -> None:
        """Set an attribute of all environments.

        Args:
            name: the attribute.
            values: the value, or a list or tuple of B equal values.

        Raises:
            AttributeError: the name is a constructor argument, so that setting it has no effect.
            ValueError: the values differ, or there are not B of them.
        """
        if name in names(type(self), type(self.world)):
            remedy = f"call set_arguments({name}=...)" if name in self.world.changeable else "make the environments with it"
            raise AttributeError(f"Setting {name!r} would change nothing: {remedy}.")
        several = list(values) if isinstance(values, list | tuple) else [values] * self.num_envs
        if len(several) != self.num_envs or not all(np.array_equal(value, several[0]) for value in several):
            raise ValueError(f"{name!r} is shared by all {self.num_envs} environments: give one value, got {values!r}.")
        setattr(self, name, several[0])
