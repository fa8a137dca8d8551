"""Checks of user input: errors name the value and the remedy, before anything has changed."""

import math
import operator
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium.vector import AutoresetMode

from glimpse_env.jit import jit

_FLOAT32 = np.dtype(np.float32)  # compared at each step: made once
SCENE = "scene"  # a canvas as large as the scene
_MAX_CANVAS = 2**11  # pixels a side of a window around the gaze
MAX_SIDE = 2**15  # pixels of a scene
_MOST = 2**31 - 1  # of any count


def integer(name: str, value: Any, least: int, most: int = _MOST) -> int:
    """Check an argument that must be an integer from least to most."""
    if not _is_integer(value):
        raise ValueError(f"{name} must be an integer, got {value!r}.")
    if not least <= value <= most:
        span = f"at least {least}" if value < least and most == _MOST else f"from {least} to {most}"
        raise ValueError(f"{name} must be {span}, got {value}.")
    return int(value)


def flag(name: str, value: Any) -> bool:
    """Check an argument that must be True or False."""
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"{name} must be True or False, got {value!r}.")
    return bool(value)


def word(name: str, value: Any, known: Iterable[str]) -> str:
    """Check an argument that must be one of some words."""
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"Unknown {name} {value!r}: use one of {', '.join(map(repr, known))}.")
    return value


def autoreset_mode(value: Any) -> AutoresetMode:
    """Check ``autoreset_mode=``."""
    try:
        return AutoresetMode(value)
    except ValueError as error:
        names = ", ".join(map(str, AutoresetMode))
        raise ValueError(f"Unknown autoreset_mode {value!r}: use one of {names}.") from error


def is_sequence(value: Any) -> bool:
    """Whether a value is a sequence of values: a list, a tuple, an array with an axis; a text is one value."""
    if isinstance(value, np.ndarray):
        return value.ndim > 0
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _is_integer(value: Any) -> bool:
    """Whether a value is an integer and not a bool."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _array(value: Any) -> npt.NDArray[Any]:
    """Convert a value to an array; to an empty object array, which no check accepts, if that fails (ragged rows ...)."""
    try:
        return np.asarray(value)
    except (TypeError, ValueError, RuntimeError):  # RuntimeError: a torch tensor that requires a gradient
        return np.empty(0, object)


def _kind(value: Any, array: npt.NDArray[Any]) -> str:
    """Describe a value that is not the expected array."""
    if array.dtype == object and hasattr(value, "detach"):  # a torch tensor, checked without importing torch
        return f"a tensor of {value.dtype} on {value.device}: pass tensor.detach().cpu(), with .float() for bfloat16"
    return f"dtype {array.dtype} and shape {array.shape}"


def scene_size(value: int | tuple[int, int]) -> tuple[int, int]:
    """Height and width of ``scene_size=``."""
    sides = _array(value)
    if sides.shape not in ((), (2,)) or not np.issubdtype(sides.dtype, np.integer):
        raise ValueError(f"scene_size must be an integer, or two of them (H, W), got {value!r}.")
    if sides.max() > MAX_SIDE:
        raise ValueError(f"scene_size must be at most {MAX_SIDE} each way, got {value!r}.")
    H, W = np.broadcast_to(sides, (2,)).tolist()
    return H, W


def first_fixation(value: str | tuple[float, float]) -> npt.NDArray[np.float32] | None:
    """The location of ``initial_fixation=``, None for a random one."""
    if isinstance(value, str):
        if value not in ("random", "center"):
            raise ValueError(f"Unknown initial_fixation {value!r}: use 'random', 'center' or (x, y).")
        return None if value == "random" else np.zeros(2, np.float32)
    location = _array(value)
    if location.shape != (2,) or location.dtype.kind not in "iuf" or not ((location >= -1) & (location <= 1)).all():
        raise ValueError(f"initial_fixation must be 'random', 'center' or (x, y) in [-1, 1], got {value!r}.")
    return location.astype(np.float32)


def checked_seeds(seed: Any, lead: tuple[int, ...]) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.bool_]]:
    """The seed of each environment (B,), and whether it was given (B,); lead is (B,), or () for a single environment."""
    num_envs = math.prod(lead)
    if seed is None:
        return np.zeros(num_envs, np.uint64), np.zeros(num_envs, np.bool_)
    if _is_integer(seed):
        seeds = [int(seed) + i for i in range(num_envs)]
    elif lead and (isinstance(seed, list | tuple) or (isinstance(seed, np.ndarray) and seed.ndim == 1)):
        seeds = list(seed)
    else:
        some = f" or a list of num_envs={num_envs}" if lead else ""
        raise ValueError(f"A seed must be an integer in [0, 2**64){some}, got {seed!r}.")
    if len(seeds) != num_envs:
        raise ValueError(f"A seed must be an integer in [0, 2**64) or a list of num_envs={num_envs}, got {len(seeds)} of them.")
    given = np.array([s is not None for s in seeds])
    for s in seeds:
        if s is not None and not (_is_integer(s) and 0 <= s < 2**64):
            raise ValueError(f"A seed must be an integer in [0, 2**64), got {s!r}.")
    return np.array([s or 0 for s in seeds], np.uint64), given


def checked_options(
    options: Any, lead: tuple[int, ...], num_images: int
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64] | None]:
    """Which environments to reset (B,), and with which image (B,); lead is (B,), or () for a single environment."""
    num_envs = math.prod(lead)
    if options is None:
        return np.ones(num_envs, np.bool_), None
    known = ("reset_mask", "index") if lead else ("index",)
    if not isinstance(options, Mapping):
        raise ValueError(f"options must be a dict, got {options!r}.")
    if unknown := [name for name in options if name not in known]:
        raise ValueError(f"Unknown options {unknown}: use {' or '.join(map(repr, known))}.")
    mask = options.get("reset_mask", np.ones(num_envs, np.bool_))
    if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_ or mask.shape != (num_envs,) or not mask.any():
        raise ValueError(f"options['reset_mask'] must be a bool array ({num_envs},) with at least one True, got {mask!r}.")
    if options.get("index") is None:
        return mask, None
    if num_images == 0:
        raise ValueError(f"options['index']={options['index']!r}: this world has no images to choose from, leave it out.")
    indices = _array(options["index"])
    if not np.issubdtype(indices.dtype, np.integer) or indices.shape not in ((), lead):
        some = f", or {num_envs} of them" if lead else ""
        raise ValueError(f"options['index'] must be an integer{some}, got {options['index']!r}.")
    if indices.min() < 0 or indices.max() >= num_images:
        raise ValueError(f"options['index'] must lie in [0, {num_images}), got {options['index']!r}.")
    return mask, np.broadcast_to(indices.astype(np.int64), (num_envs,))


ACTION, ZOOMED_ACTION = ("location", "action"), ("location", "action", "zoom")
"""The entries of an action dict."""


_ENTRIES: dict[tuple[str, ...], Any] = {keys: operator.itemgetter(*keys) for keys in (ACTION, ZOOMED_ACTION)}


def split(actions: Any, keys: tuple[str, ...] = ACTION) -> tuple[Any, ...]:
    """The entries of an action dict, in the order of the keys."""
    try:
        if len(actions) == len(keys):
            return _ENTRIES[keys](actions)  # type: ignore[no-any-return]
    except (KeyError, TypeError, IndexError):
        pass
    *most, last = map(repr, keys)
    raise ValueError(f"An action must be a dict with the keys {', '.join(most)} and {last}, got {actions!r}.")


def locations(location: Any, lead: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Check locations whose leading shape is (B,) or (): returns (B, 2)."""
    given, location = location, _array(location)
    if location.shape != (*lead, 2) or location.dtype.kind != "f":
        raise ValueError(f"location must be floats of shape {(*lead, 2)}, got {_kind(given, location)}.")
    if location.dtype != _FLOAT32:
        with np.errstate(over="ignore"):  # overflow gives infinity, which is out of range
            location = location.astype(np.float32)
    found: npt.NDArray[np.float32] = location.reshape(-1, 2)
    return found


def choices(name: str, value: Any, lead: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """Check integers of an action dict whose leading shape is (B,) or (): returns (B,)."""
    array = _array(value)
    if array.shape != lead or array.dtype.kind not in "iu":
        raise ValueError(f"{name} must be integers of shape {lead}, got {_kind(value, array)}.")
    return array.astype(np.int64, copy=False).reshape(-1)


def parts(
    actions: Mapping[str, Any], lead: tuple[int, ...], zooms: bool = False
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64], npt.NDArray[np.int64] | None]:
    """Check an action dict whose leading shape is (B,) or (): locations (B, 2), environment actions (B,) and zooms (B,).

    Zooms are None, and no entry, if the environment does not zoom.
    """
    if zooms:
        location, choice, zoom = split(actions, ZOOMED_ACTION)
        return locations(location, lead), choices("action", choice, lead), choices("zoom", zoom, lead)
    location, choice = split(actions)
    return locations(location, lead), choices("action", choice, lead), None


@jit
def first_bad(
    locations: npt.NDArray[np.float32], choices: npt.NDArray[np.int64], playing: npt.NDArray[np.bool_], num_actions: int
) -> int:
    """The first row that plays and has a location or action out of range, else -1."""
    for b in range(len(locations)):
        fits = abs(locations[b, 0]) <= 1 and abs(locations[b, 1]) <= 1 and 0 <= choices[b] < num_actions  # NaN does not
        if playing[b] and not fits:
            return b
    return -1


def out_of_range(who: object, location: npt.NDArray[np.float32], choice: int | None = None, num_actions: int = 0) -> ValueError:
    """The error for a location (2,), and an action if there is one, that `first_bad` has found."""
    remedy = "clip it, as gymnasium.wrappers.ClipAction does"
    if not np.isfinite(location).all():
        remedy = "clipping does not help: find where the policy diverges"
    action, known = ("", "") if choice is None else (f" and action={choice}", f", an action in [0, {num_actions})")
    return ValueError(
        f"{who} got location={location.tolist()}{action}: a location must lie in [-1, 1] and be finite ({remedy}){known}."
    )


def beliefs(values: Any, shape: tuple[int, int]) -> npt.NDArray[np.float64]:
    """Check beliefs, the probabilities (B, n) of the actions."""
    given = _array(values)
    if given.shape != shape or given.dtype.kind not in "iuf" or not ((given >= 0) & (given <= 1)).all():
        raise ValueError(f"beliefs must be {shape} probabilities in [0, 1], got {values!r}: take a softmax.")
    return given.astype(np.float64)


def number(name: str, value: Any, least: float, most: float = np.inf) -> float:
    """Check an argument that must be a finite number from least to most."""
    real = _is_integer(value) or isinstance(value, float | np.floating)
    try:
        found = float(value) if real else np.nan
    except OverflowError:  # an integer too large for a float
        found = np.inf
    if not least <= found <= most or not np.isfinite(found):
        span = f"in [{least}, {most}]" if most < np.inf else f"of at least {least}"
        raise ValueError(f"{name} must be a finite number {span}, got {value!r}.")
    return found


def canvas_size(canvas: int | str) -> int | str:
    """Check the side of a canvas: pixels, or "scene"."""
    return SCENE if canvas == SCENE else integer('canvas, unless it is "scene" or None,', canvas, 1, _MAX_CANVAS)
