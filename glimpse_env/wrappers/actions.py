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
    """Converts actions; the single and the vector form of a wrapper share it."""

    space: gym.Space[Any]

    def __call__(self, actions: Array) -> Mapping[str, Array]:
        """Convert actions (..., *space.shape) to locations (..., 2), environment actions (...) and perhaps zooms (...)."""


class _Flat:
    """The location, then one logit for each class (the largest names it), or the values of a Box action; then zooms' logits."""

    def __init__(self, space: gym.Space[Any]) -> None:
        location, action, zooms = _parts(space)
        if isinstance(action, spaces.Discrete):
            low, high = -np.ones(action.n, np.float32), np.ones(action.n, np.float32)
        elif isinstance(action, spaces.Box):
            low, high = action.low.ravel(), action.high.ravel()
        else:
            raise ValueError(f"FlattenAction takes a Discrete or a Box as the environment action, got {action}.")
        self._action, self._num_values, self._zooms = action, len(low), zooms
        zoomed = np.ones(zooms, np.float32)
        ends = [location.low, low, -zoomed], [location.high, high, zoomed]
        lowest, highest = (np.concatenate(each, dtype=np.float32) for each in ends)
        self.space: gym.Space[Any] = spaces.Box(lowest, highest, dtype=np.float32)

    def __call__(self, actions: Array) -> Mapping[str, Array]:
        locations, values, zooms = np.split(actions, [2, 2 + self._num_values], axis=-1)
        zoom = {"zoom": _largest(zooms)} if self._zooms else {}
        if isinstance(self._action, spaces.Box):
            chosen = values.reshape(*values.shape[:-1], *self._action.shape).astype(self._action.dtype)
            chosen = np.clip(chosen, self._action.low, self._action.high)  # as float32, bounds may be rounded beyond
        else:
            chosen = self._action.start + _largest(values)
        return {"location": locations, "action": chosen, **zoom}


class _Grid:
    """The column and row of a cell in a grid over the scene, the class, and perhaps the zoom, as several numbers or one."""

    def __init__(self, space: gym.Space[Any], grid: int, flat: bool) -> None:
        _, action, zooms = _parts(space)
        if not isinstance(action, spaces.Discrete):
            raise ValueError(f"DiscretizeAction takes a Discrete as the environment action, got {action}: use FlattenAction.")
        if not isinstance(grid, int | np.integer) or grid < 1:
            raise ValueError(f"grid must be an integer of at least 1, got {grid!r}.")
        self._grid, self._flat, self._action = int(grid), flat, action
        self._sizes = [self._grid, self._grid, int(action.n), *([zooms] if zooms else [])]
        self.space: gym.Space[Any] = spaces.Discrete(int(np.prod(self._sizes))) if flat else spaces.MultiDiscrete(self._sizes)

    def __call__(self, actions: Array) -> Mapping[str, Array]:
        parts: list[Array] = []
        if self._flat:
            for size in self._sizes[:0:-1]:
                actions, part = np.divmod(actions, size)
                parts.insert(0, part)
        column, row, choices, *zooms = [actions, *parts] if self._flat else np.moveaxis(actions, -1, 0)
        # The middle of the cell; a cell off the grid is off the scene.
        locations = (2 * np.stack([column, row], axis=-1) + 1) / self._grid - 1
        zoom = {"zoom": zooms[0]} if zooms else {}
        return {"location": locations.astype(np.float32), "action": self._action.start + choices, **zoom}


class _ByRule(gym.ActionWrapper[Any, Any, Any]):
    """A single environment whose actions a rule converts."""

    def __init__(self, env: gym.Env[Any, Any], rule: _Rule) -> None:
        super().__init__(env)
        self._rule = rule
        self.action_space = rule.space

    def action(self, action: Any) -> Mapping[str, Array]:
        """Convert an action to the wrapped environment's."""
        return self._rule(_shaped(action, self.action_space))


class _VectorByRule(VectorActionWrapper):  # type: ignore[type-arg]  # not generic in Gymnasium 1.2
    """A vector environment whose actions a rule converts."""

    def __init__(self, env: VectorEnv[Any, Any, Any], rule: _Rule) -> None:
        super().__init__(env)
        self._rule = rule
        self.single_action_space = rule.space
        self.action_space = batch_space(rule.space, env.num_envs)

    @property
    def autoreset_mode(self) -> AutoresetMode:
        """The autoreset mode of the wrapped environments; TorchRL reads it here."""
        mode: AutoresetMode = self.metadata["autoreset_mode"]
        return mode

    def actions(self, actions: Any) -> Mapping[str, Array]:
        """Convert actions to the wrapped environments'."""
        return self._rule(_shaped(actions, self.action_space))


class FlattenAction(_ByRule, RecordConstructorArgs):
    """One Box as the action: the location (x, y), then one logit for each class, of which the largest names it.

    If the environment action is a Box, as in some wrapped environments, its values, clipped to its bounds, follow the location
    instead. With zooms, one logit for each comes last.

    Args:
        env: an environment with the action space ``Dict(location, action)``.

    Raises:
        ValueError: the environment action is neither Discrete nor Box; in ``step``, the action has the wrong shape.
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        RecordConstructorArgs.__init__(self)
        _ByRule.__init__(self, env, _Flat(env.action_space))


class VectorFlattenAction(_VectorByRule):
    """`FlattenAction` for a vector environment.

    Args:
        env: a vector environment with the action space ``Dict(location, action)``.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        super().__init__(env, _Flat(env.single_action_space))


class DiscretizeAction(_ByRule, RecordConstructorArgs):
    """Integers as the action: ``MultiDiscrete([grid, grid, n])``, the column and row to look at, and the class.

    A location is the center of its cell; an odd grid has a cell at the scene's center. With zooms, ``MultiDiscrete([grid,
    grid, n, Z])``.

    Args:
        env: an environment with the action space ``Dict(location, action)``, where ``action`` is Discrete.
        grid: the number of cells along each axis.
        flat: whether to use one ``Discrete(grid * grid * n)`` instead: ``(column * grid + row) * n + class``; with zooms,
            Z times that, plus the zoom.

    Raises:
        ValueError: the environment action is not Discrete, or grid is bad; in ``step``, the action has the wrong shape.
    """

    def __init__(self, env: gym.Env[Any, Any], grid: int = 7, flat: bool = False) -> None:
        RecordConstructorArgs.__init__(self, grid=grid, flat=flat)
        _ByRule.__init__(self, env, _Grid(env.action_space, grid, flat))


class VectorDiscretizeAction(_VectorByRule):
    """`DiscretizeAction` for a vector environment.

    Args:
        env: a vector environment with the action space ``Dict(location, action)``, where ``action`` is Discrete.
        grid: the number of cells along each axis.
        flat: whether to use one ``Discrete(grid * grid * n)`` instead.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any], grid: int = 7, flat: bool = False) -> None:
        super().__init__(env, _Grid(env.single_action_space, grid, flat))


def _parts(space: gym.Space[Any]) -> tuple[spaces.Box, gym.Space[Any], int]:
    """The spaces of a Dict action, and the number of zooms, 0 for none."""
    if not isinstance(space, spaces.Dict) or set(space) - {"zoom"} != {"location", "action"}:
        raise ValueError(f"The action space must be Dict(location, action), got {space}: wrap the environment itself.")
    location = space["location"]
    assert isinstance(location, spaces.Box)
    return location, space["action"], int(space["zoom"].n) if "zoom" in space.spaces else 0  # type: ignore[attr-defined]


def _largest(logits: Array) -> Array:
    """The position of the largest; -1, which the environment refuses unless it ignores the action, if there is a NaN."""
    return np.where(np.isnan(logits).any(-1), -1, logits.argmax(-1))


def _shaped(actions: Any, space: gym.Space[Any]) -> Array:
    array = np.asarray(actions)
    if array.shape != space.shape:
        raise ValueError(f"An action in {space} must have shape {space.shape}, got shape {array.shape}.")
    return array
