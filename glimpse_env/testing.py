"""Check a custom world, as Gymnasium's ``check_env`` checks an environment."""

import copy
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from glimpse_env.envs import GlimpseVectorEnv
from glimpse_env.single import GlimpseEnv
from glimpse_env.worlds import Task, World, find

_B = 5
_MOST_STEPS = 5000  # the most steps of an episode


def check_world(world: str | type[World], **arguments: Any) -> None:
    """Check that a world keeps the contracts that environments rely on.

    Args:
        world: a class derived from `World`, or another value of ``world=``.
        arguments: arguments of the world and of its environment, such as ``patch_size``.

    Raises:
        AssertionError: a contract is broken; the message says which, and what to do.
    """
    kind = find(world)
    envs = _made(kind, arguments)
    _check_members(envs.world)
    _check_reset(envs, kind, arguments)
    _check_step(envs, kind, arguments)
    _check_arguments(envs.world)
    _check_threads(kind, arguments)
    for mode in AutoresetMode:
        _check_batch(kind, arguments, mode)


def _made(kind: type[World], arguments: dict[str, Any], **changes: Any) -> GlimpseVectorEnv:
    return GlimpseVectorEnv(_B, world=kind, **{"patch_size": 2, **arguments, **changes})


def _check_members(world: World) -> None:
    """The world has the attributes it needs."""
    assert isinstance(world.task, Task), f"task must be a Task, not {world.task!r}: make one in __init__."
    task, scenes = world.task, world.scenes
    assert scenes.dtype == np.uint8 and scenes.ndim == 4, (  # noqa: PT018
        f"scenes must be (B, H, W, C) uint8, not {scenes.shape} {scenes.dtype}: make them in __init__."
    )
    assert len(scenes) == _B, f"scenes must have a row for each of num_envs={_B}, not {len(scenes)}."
    if world.cues is not None:
        assert world.cues.dtype == np.uint8 and world.cues.ndim == 4, (  # noqa: PT018
            f"cues must be (B, h, w, C) uint8, not {world.cues.shape} {world.cues.dtype}: use None for no cues."
        )
        assert len(world.cues) == _B, f"cues must have a row for each of num_envs={_B}, not {len(world.cues)}."
    assert isinstance(world.num_draws, int) and world.num_draws >= 0, (  # noqa: PT018
        f"num_draws must be an integer of at least 0, not {world.num_draws!r}."
    )
    assert task.action_names, "task.action_names is empty: give each action a name."
    assert len(set(task.action_names)) == len(task.action_names), f"task.action_names repeats a name: {task.action_names}."
    assert task.num_glimpses is None or task.num_glimpses >= 1, f"task.num_glimpses must be 1 or more, not {task.num_glimpses}."
    assert task.grid is None or task.grid[0] * task.grid[1] == len(task.action_names), (
        f"task.grid={task.grid} must have a cell for each of the {len(task.action_names)} actions."
    )
    assert set(world.splits) == set(task.splits), f"splits must be those of task.splits, {task.splits}, not {world.splits}."


def _draws(world: World, seed: int) -> npt.NDArray[np.float64]:
    return np.random.default_rng(seed).random((_B, world.num_draws))


def _state(world: World) -> dict[str, npt.NDArray[Any]]:
    """A copy of everything that a world shows."""
    cues = {} if world.cues is None else {"cues": world.cues}
    return {name: np.array(value) for name, value in ({"scenes": world.scenes} | cues | world.info()).items()}


def _same(one: dict[str, npt.NDArray[Any]], other: dict[str, npt.NDArray[Any]], rows: Any = ...) -> str:
    """The name of the first thing that differs in some rows; "" if nothing does."""
    if one.keys() != other.keys():
        return "the keys of info()"
    return next((name for name in one if not _equal(one[name][rows], other[name][rows])), "")


def _equal(one: Any, other: Any) -> bool:
    """Whether two arrays or numbers are equal; NaN equals NaN."""
    return np.array_equal(one, other, equal_nan=np.asarray(one).dtype.kind in "fc" and np.asarray(other).dtype.kind in "fc")


def _check_reset(envs: GlimpseVectorEnv, kind: type[World], arguments: dict[str, Any]) -> None:
    """Reset depends only on its draws, and changes only its rows."""
    world, everyone = envs.world, np.arange(_B)
    world.reset(everyone, _draws(world, 0), None)
    first = _state(world)
    for name, value in world.info().items():
        assert len(value) == _B, f"info()[{name!r}] must have a value for each of the {_B} rows, not {np.shape(value)}."
    rows = np.array([3, 1])
    world.reset(rows, _draws(world, 1)[rows], None)
    resting = np.setdiff1d(everyone, rows)
    differs = _same(first, _state(world), resting)
    assert not differs, f"reset(rows, ...) changed {differs} in other rows: write only to rows."
    second = _made(kind, arguments).world
    second.reset(everyone, _draws(second, 1), None)
    differs = _same(_state(world), _state(second), rows)
    assert not differs, (
        f"The same draws gave different {differs}: reset must depend only on draws, which has a row for each of its rows, and "
        "overwrite everything from earlier episodes."
    )
    if world.task.num_images:
        last = np.full(_B, world.task.num_images - 1)
        for each in (world, second):
            each.reset(everyone, _draws(world, 2), last)
        differs = _same(_state(world), _state(second))
        assert not differs, f"The same index and draws gave different {differs}: reset must depend only on them."


def _check_step(envs: GlimpseVectorEnv, kind: type[World], arguments: dict[str, Any]) -> None:
    """A step leaves other rows alone and returns new arrays, and an episode ends."""
    world, everyone = envs.world, np.arange(_B)
    world.reset(everyone, _draws(world, 0), None)
    playing = np.arange(_B) % 2 == 0
    before = _state(world)
    rng, steps = np.random.default_rng(0), 0
    kept: list[tuple[npt.NDArray[Any], npt.NDArray[Any]]] = []
    while playing.any():
        steps += 1
        assert steps <= _MOST_STEPS, (
            f"An episode has not ended after {_MOST_STEPS} steps: step must return ended=True at its end."
        )
        actions = rng.integers(len(world.task.action_names), size=_B)
        given = actions.copy(), playing.copy()
        rewards, ended = world.step(*given)
        assert np.array_equal(given[0], actions) and np.array_equal(given[1], playing), (  # noqa: PT018
            "step changed its arguments: copy them."
        )
        assert not world.still or np.array_equal(world.scenes, before["scenes"]), (
            "still is True, but step changed scenes: leave it False, or the scenes as they are."
        )
        assert rewards.shape == (_B,) and rewards.dtype == np.float64, (  # noqa: PT018
            f"step must return rewards ({_B},) float64, not {rewards.shape} {rewards.dtype}."
        )
        assert ended.shape == (_B,) and ended.dtype == np.bool_, (  # noqa: PT018
            f"step must return ended ({_B},) bool, not {ended.shape} {ended.dtype}."
        )
        assert np.isfinite(rewards).all(), f"A reward is not finite: {rewards}."
        assert not rewards[~playing].any() and not ended[~playing].any(), (  # noqa: PT018
            "step must give reward 0 and ended False where playing is False: multiply by the mask."
        )
        differs = _same(before, _state(world), ~playing)
        assert not differs, f"step changed {differs} in rows that are not playing: leave them alone."
        assert all(np.array_equal(handed_out, copied) for handed_out, copied in kept), (
            "A later step overwrote arrays that step had returned: return new ones."
        )
        kept = [(rewards, rewards.copy()), (ended, ended.copy())]
        limit = world.task.num_glimpses
        assert limit is None or steps < limit or ended[playing].all(), (
            f"task.num_glimpses={limit} is the most steps of an episode, but one goes on."
        )
        for name, value in world.final_info().items():
            assert len(value) == _B, f"final_info()[{name!r}] must have a value for each of the {_B} rows."
        labels = world.info().get("label")
        if world.task.measure == "error":
            assert labels is not None, "task.measure is 'error', but info() has no 'label': return the right answer there."
        before = _state(world)
        playing = playing & ~ended


def _check_arguments(world: World) -> None:
    """set_arguments refuses unknown arguments."""
    world.set_arguments()
    try:
        world.set_arguments(no_such_argument=1)
    except ValueError:
        return
    raise AssertionError("set_arguments accepted an unknown argument: call super().set_arguments(**changes) first.")


def _rollout(envs: Any, steps: int = 30) -> list[Any]:
    """Everything that an environment returns in some steps."""
    rng, mode = np.random.default_rng(0), envs.metadata["autoreset_mode"]
    told = [envs.reset(seed=3)]
    for _ in range(steps):
        action = {
            "location": rng.uniform(-1, 1, (_B, 2)).astype(np.float32),
            "action": rng.integers(envs.single_action_space["action"].n, size=_B),
        }
        if "zoom" in envs.single_action_space.spaces:
            action["zoom"] = rng.integers(envs.single_action_space["zoom"].n, size=_B)
        told.append(envs.step(action))
        ended = told[-1][2]
        if mode == AutoresetMode.DISABLED and ended.any():
            told.append(envs.reset(options={"reset_mask": ended.copy()}))
    return told


def _identical(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return isinstance(other, dict) and one.keys() == other.keys() and all(_identical(one[k], other[k]) for k in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_identical, one, other))
    if isinstance(one, np.ndarray) and one.dtype == object:
        return _identical(list(one), list(other))
    return _equal(one, other)


def _check_batch(kind: type[World], arguments: dict[str, Any], mode: AutoresetMode) -> None:
    """Environments in a batch behave as single ones; returned arrays do not change later."""
    native = _made(kind, arguments, autoreset_mode=mode)
    told = _rollout(native)
    assert told[0][0] in native.observation_space, "An observation is not in the observation space."
    for observation in (entry[0] for entry in told):
        assert isinstance(native.observation_space, spaces.Dict) and observation in native.observation_space  # noqa: PT018
    again = _made(kind, arguments, autoreset_mode=mode)
    frozen = _rollout(again)
    kept = copy.deepcopy(frozen)
    again.reset()
    assert _identical(told, frozen), (
        "Two environments with the same seed differ: a world must use no randomness except its draws, and share no state."
    )
    assert _identical(kept, frozen), "An array from info() was overwritten later: return new arrays."
    make = {"world": kind, "patch_size": 2, **arguments}
    sync = SyncVectorEnv([lambda: GlimpseEnv(**make)] * _B, autoreset_mode=mode)
    assert _identical(told, _rollout(sync)), (
        f"Environments of a batch differ from single ones (autoreset_mode={mode.name}): the rows of a batch must not depend on "
        "one another, and info() and final_info() must have (B,) arrays."
    )


def _check_threads(kind: type[World], arguments: dict[str, Any]) -> None:
    """The number of threads changes nothing."""
    one, three = (_rollout(_made(kind, arguments, num_threads=n)) for n in (1, 3))
    assert _identical(one, three), "num_threads=3 gives other results than 1: a row must not depend on its thread."
