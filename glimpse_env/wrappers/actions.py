"""The Dict action as one array, for learners without Dict actions."""

from collections.abc import Mapping
from typing import Any, Protocol

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs
from gymnasium.vector import AutoresetMode, VectorActionWrapper, VectorEnv
from gymnasium.vector.utils import batch_space

Array = npt.NDArray[Any]


class _Rule(Protocol):
    """How an action of the new space becomes one of the old; both forms of a wrapper go by the same rule."""

    space: gym.Space[Any]

    def __call__(self, actions: Array) -> Mapping[str, Array]:
        """Turn actions (..., *space.shape) into locations (..., 2) and environment actions (...)."""


class _Flat:
    """Location, then one logit a class (the largest counts); or, where the base action is a Box, its values as they are."""

    def __init__(self, space: gym.Space[Any]) -> None:
        location, action = _parts(space)
        if isinstance(action, spaces.Discrete):
            low, high = -np.ones(action.n, np.float32), np.ones(action.n, np.float32)
        elif isinstance(action, spaces.Box):
            low, high = action.low.ravel(), action.high.ravel()
        else:
            raise ValueError(f"FlattenAction takes a Discrete or a Box as the environment action, got {action}.")
        self._action = action
        self.space: gym.Space[Any] = spaces.Box(np.append(location.low, low), np.append(location.high, high), dtype=np.float32)

    def __call__(self, actions: Array) -> Mapping[str, Array]:
        locations, values = actions[..., :2], actions[..., 2:]
        if isinstance(self._action, spaces.Box):
            chosen = values.reshape(*values.shape[:-1], *self._action.shape).astype(self._action.dtype)
        else:
            # NaN names no class: the environment refuses -1, unless it ignores the action, as after an episode's end.
            chosen = self._action.start + np.where(np.isnan(values).any(-1), -1, values.argmax(-1))
        return {"location": locations, "action": chosen}


class _Grid:
    """The column and the row of a cell of a grid over the scene, and the class: three numbers, or all in one."""

    def __init__(self, space: gym.Space[Any], grid: int, flat: bool) -> None:
        _, action = _parts(space)
        if not isinstance(action, spaces.Discrete):
            raise ValueError(f"DiscretizeAction takes a Discrete as the environment action, got {action}: use FlattenAction.")
        if not isinstance(grid, int | np.integer) or grid < 1:
            raise ValueError(f"grid must be an integer of at least 1, got {grid!r}.")
        self._grid, self._flat, self._action = int(grid), flat, action
        sizes = [self._grid, self._grid, int(action.n)]
        self.space: gym.Space[Any] = spaces.Discrete(int(np.prod(sizes))) if flat else spaces.MultiDiscrete(sizes)

    def __call__(self, actions: Array) -> Mapping[str, Array]:
        if self._flat:
            cells, choices = np.divmod(actions, self._action.n)
            cells = np.stack(np.divmod(cells, self._grid), axis=-1)
        else:
            cells, choices = actions[..., :2], actions[..., 2]
        locations = (2 * cells + 1) / self._grid - 1  # the middle of the cell; a cell off the grid is off the scene
        return {"location": locations.astype(np.float32), "action": self._action.start + choices}


class _ByRule(gym.ActionWrapper[Any, Any, Any]):
    """A single environment acted on by a rule."""

    def __init__(self, env: gym.Env[Any, Any], rule: _Rule) -> None:
        super().__init__(env)
        self._rule = rule
        self.action_space = rule.space

    def action(self, action: Any) -> Mapping[str, Array]:
        """Turn an action of this space into one of the wrapped environment's."""
        return self._rule(_shaped(action, self.action_space))


class _VectorByRule(VectorActionWrapper):  # type: ignore[type-arg]  # not generic in Gymnasium 1.2
    """A vector environment acted on by a rule."""

    def __init__(self, env: VectorEnv[Any, Any, Any], rule: _Rule) -> None:
        super().__init__(env)
        self._rule = rule
        self.single_action_space = rule.space
        self.action_space = batch_space(rule.space, env.num_envs)

    @property
    def autoreset_mode(self) -> AutoresetMode:
        """How the wrapped environments begin their next episodes: TorchRL asks for it here."""
        mode: AutoresetMode = self.metadata["autoreset_mode"]
        return mode

    def actions(self, actions: Any) -> Mapping[str, Array]:
        """Turn actions of this space into those of the wrapped environments."""
        return self._rule(_shaped(actions, self.action_space))


class FlattenAction(_ByRule, RecordConstructorArgs):
    """One Box as the action: location (x, y), then one logit a class, of which the largest names it.

    Where the environment action is a Box, as with some wrapped environments, its own values follow the location.

    Args:
        env: with ``Dict(location, action)`` as its action.

    Raises:
        ValueError: an environment action of another kind; when stepped, an action of another shape.
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        RecordConstructorArgs.__init__(self)
        _ByRule.__init__(self, env, _Flat(env.action_space))


class VectorFlattenAction(_VectorByRule):
    """`FlattenAction` for a vector environment.

    Args:
        env: with ``Dict(location, action)`` as its action.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        super().__init__(env, _Flat(env.single_action_space))


class DiscretizeAction(_ByRule, RecordConstructorArgs):
    """Integers as the action: ``MultiDiscrete([grid, grid, n])``: the column and the row looked at, and the class.

    A location is the middle of its cell; an odd grid has one in the scene's center.

    Args:
        env: with ``Dict(location, action)`` as its action, ``action`` a Discrete.
        grid: cells along each axis.
        flat: one ``Discrete(grid * grid * n)`` instead: ``(column * grid + row) * n + class``.

    Raises:
        ValueError: another kind of environment action, or a bad grid; when stepped, an action of another shape.
    """

    def __init__(self, env: gym.Env[Any, Any], grid: int = 7, flat: bool = False) -> None:
        RecordConstructorArgs.__init__(self, grid=grid, flat=flat)
        _ByRule.__init__(self, env, _Grid(env.action_space, grid, flat))


class VectorDiscretizeAction(_VectorByRule):
    """`DiscretizeAction` for a vector environment.

    Args:
        env: with ``Dict(location, action)`` as its action, ``action`` a Discrete.
        grid: cells along each axis.
        flat: one ``Discrete(grid * grid * n)`` instead.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any], grid: int = 7, flat: bool = False) -> None:
        super().__init__(env, _Grid(env.single_action_space, grid, flat))


def _parts(space: gym.Space[Any]) -> tuple[spaces.Box, gym.Space[Any]]:
    """The two spaces of a Dict action."""
    if not isinstance(space, spaces.Dict) or set(space) != {"location", "action"}:
        raise ValueError(f"The action to be wrapped must be Dict(location, action), got {space}: wrap the environment itself.")
    location = space["location"]
    assert isinstance(location, spaces.Box)
    return location, space["action"]


def _shaped(actions: Any, space: gym.Space[Any]) -> Array:
    array = np.asarray(actions)
    if array.shape != space.shape:
        raise ValueError(f"An action must be of shape {space.shape}, as {space} has it, got shape {array.shape}.")
    return array
