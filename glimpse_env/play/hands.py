"""Keys to moves: what a person holds down, as an action of a game."""

import re
from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

CLASS_KEYS = tuple("0123456789abcdefgijklmnoprstuvwxyz")  # without h, which helps, and q, which quits
_PARTS = re.compile("up|down|left|right|fire")  # of a name such as "upleftfire"
_REST = ("stay", "noop")
_ARROWS = ("left", "right", "up", "down")


class Hands:
    """Follows the keys that are held down, and turns them into moves.

    Moves named "left", "upright", "fire" and the like take the arrow keys and space; other choices take a digit or letter
    each. In a Box, left and right are the first number, and up and down the second; with three numbers or more, up is the
    second and down the third.

    Args:
        names: the names of the choices of a Discrete action; empty for a Box.
        space: the space of the action.

    Raises:
        ValueError: the space is neither a Discrete nor a Box of numbers.
    """

    def __init__(self, names: Sequence[str], space: gym.Space[Any]) -> None:
        if not isinstance(space, spaces.Box | spaces.Discrete):
            raise ValueError(f"Actions of {space} have no keys: play it by a program.")
        self._space = space
        self._names = list(names)
        self._held: list[str] = []
        self._parts = [
            frozenset(_PARTS.findall(name)) if re.fullmatch(f"({_PARTS.pattern})+", name) else None for name in names
        ]

    def press(self, key: str) -> None:
        """Note that a key goes down, by pygame's name of it."""
        self._held.append("fire" if key == "space" else key)

    def release(self, key: str) -> None:
        """Note that a key goes up."""
        self._held = [held for held in self._held if held != ("fire" if key == "space" else key)]

    @property
    def move(self) -> Any:
        """The action now; None if nothing is held and the game has no move for that."""
        if isinstance(self._space, spaces.Box):
            return self._numbers(self._space)
        choice = self._choice()
        return None if choice is None else int(self._space.start) + choice  # type: ignore[union-attr]

    @property
    def keys(self) -> str:
        """What the keys do, in words."""
        if isinstance(self._space, spaces.Box):
            return "Arrow keys: steer." if self._space.shape else ""
        fire = ["Space: fire."] if "fire" in self._names else []
        arrows = ["Arrow keys: move."] if any(name in _ARROWS for name in self._names) else []
        others = [f"{CLASS_KEYS[n]}: {name}." for n, name in enumerate(self._names) if self._has_letter(n)]
        return " ".join([*arrows, *fire, *others])

    def _has_letter(self, n: int) -> bool:
        return self._parts[n] is None and self._names[n] not in _REST and n < len(CLASS_KEYS)

    def _choice(self) -> int | None:
        held = frozenset(self._held) & {*_ARROWS, "fire"}
        if held and held in self._parts:
            return self._parts.index(held)
        for key in reversed(self._held):
            if frozenset([key]) in self._parts:
                return self._parts.index(frozenset([key]))
            if key in CLASS_KEYS and CLASS_KEYS.index(key) < len(self._names) and self._has_letter(CLASS_KEYS.index(key)):
                return CLASS_KEYS.index(key)
        return next((self._names.index(name) for name in _REST if name in self._names), None)

    def _numbers(self, box: spaces.Box) -> Any:
        low, high = np.maximum(box.low, -1).ravel(), np.minimum(box.high, 1).ravel()
        move = np.clip(0, low, high).astype(np.float64)
        pulls = [("left", 0, low), ("right", 0, high), ("up", 1, high), ("down", *((2, high) if len(move) > 2 else (1, low)))]
        for key, axis, towards in pulls:
            if key in self._held and axis < len(move):
                move[axis] = towards[axis]
        return move.reshape(box.shape).astype(box.dtype)
