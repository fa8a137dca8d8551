"""Games from other packages, seen through a retina; each needs an extra."""

import inspect
from typing import Any

import gymnasium as gym

from glimpse_env.extras import needed
from glimpse_env.wrappers.glimpse import GlimpseWrapper


def car_racing(*, patch_size: int = 12, num_scales: int = 3, **arguments: Any) -> GlimpseWrapper:
    """Gymnasium's CarRacing: drive round a track, seen from above in 96x96 pixels, with continuous actions.

    Args:
        patch_size: G, the pixels a side of each patch.
        num_scales: K, the number of patches; ``retina=`` replaces both.
        arguments: other arguments of `GlimpseWrapper` and of ``CarRacing-v3``.

    Raises:
        ImportError: the extra "box2d" is not installed.
    """
    return _wrapped("CarRacing-v3", "box2d", ("Box2D", "pygame"), patch_size, num_scales, arguments)


def atari(*, game: str = "ALE/Breakout-v5", patch_size: int = 16, num_scales: int = 3, **arguments: Any) -> GlimpseWrapper:
    """An Atari game, 160 pixels wide and 210 high.

    Args:
        game: its id in ale-py, such as "ALE/Breakout-v5".
        patch_size: G, the pixels a side of each patch.
        num_scales: K, the number of patches; ``retina=`` replaces both.
        arguments: other arguments of `GlimpseWrapper` and of the game.

    Raises:
        ImportError: the extra "atari" is not installed.
    """
    return _wrapped(game, "atari", ("ale_py",), patch_size, num_scales, arguments)


def _wrapped(
    id: str, extra: str, modules: tuple[str, ...], patch_size: int, num_scales: int, arguments: dict[str, Any]
) -> GlimpseWrapper:
    for module in modules:
        needed(module, extra, id)
    names = set(inspect.signature(GlimpseWrapper).parameters) & set(arguments)
    ours = {name: arguments[name] for name in names}
    theirs = {name: value for name, value in arguments.items() if name not in names}
    env = gym.make(id, disable_env_checker=True, **theirs).unwrapped  # Gymnasium adds its wrappers around ours
    sizes: dict[str, Any] = {} if "retina" in ours else {"patch_size": patch_size, "num_scales": num_scales}
    return GlimpseWrapper(env, **sizes, **ours)
