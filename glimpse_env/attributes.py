"""Attributes of the environments of a batch, asked for and set as in Gymnasium's SyncVectorEnv."""

import inspect
from typing import Any, TypeVar

from gymnasium.vector import VectorEnv

from glimpse_env.arguments import names
from glimpse_env.worlds import World

Observation = TypeVar("Observation")
Action = TypeVar("Action")
Array = TypeVar("Array")
_OF_A_BATCH = ("reset", "step", "believe", "call", "get_attr", "set_attr")


class AskedVectorEnv(VectorEnv[Observation, Action, Array]):
    """Environments that are one object: what is asked of each of them is answered by the whole."""

    world: World

    def call(self, name: str, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """Call a method of each environment, or ask for an attribute.

        Args:
            name: of the method or attribute, as a single environment has it.
            args: of the method.
            kwargs: of the method.

        Returns:
            B results: the frames of ``render``; of anything else the same for each.

        Raises:
            AttributeError: there is no such name.
            ValueError: a method that takes a batch.
        """
        if name in _OF_A_BATCH:
            raise ValueError(f"{name}() is for all environments together: call it itself, with a batch.")
        found = getattr(self, f"single_{name}" if name in ("observation_space", "action_space") else name)
        result = found(*args, **kwargs) if inspect.ismethod(found) else found
        each: tuple[Any, ...] = result if name == "render" and result is not None else (result,) * self.num_envs
        return each

    def get_attr(self, name: str) -> tuple[Any, ...]:
        """Ask for an attribute of each environment, see `call`."""
        return self.call(name)

    def set_attr(self, name: str, values: Any) -> None:
        """Set an attribute of all environments.

        Args:
            name: of the attribute.
            values: its value; or a list or tuple of B equal ones.

        Raises:
            AttributeError: the name is that of an argument, which has done its work when the environments were made.
            ValueError: values that differ, or not B of them.
        """
        if name in names(type(self), type(self.world)):
            remedy = f"call set_arguments({name}=...)" if name in self.world.changeable else "make the environments with it"
            raise AttributeError(f"Setting {name!r} would change nothing: {remedy}.")
        several = list(values) if isinstance(values, list | tuple) else [values] * self.num_envs
        if len(several) != self.num_envs or any(value != several[0] for value in several):
            raise ValueError(f"{name!r} is one for all {self.num_envs} environments: give one value, got {values!r}.")
        setattr(self, name, several[0])
