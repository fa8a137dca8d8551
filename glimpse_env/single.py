"""The single environment: a batch of one."""

from typing import Any, Unpack, overload

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from gymnasium.vector import AutoresetMode

from glimpse_env import worlds
from glimpse_env.arguments import EnvArguments
from glimpse_env.envs import METADATA, Action, GlimpseVectorEnv
from glimpse_env.eye import Observation
from glimpse_env.info import Info, first, plain
from glimpse_env.names import refuse_unknown
from glimpse_env.retina import RetinaLike
from glimpse_env.worlds import Task, World

_OF_A_BATCH = ("num_envs", "autoreset_mode")  # arguments that only a batch has


class GlimpseEnv(gym.Env[Observation, Action]):
    """One world seen through a retina: a `GlimpseVectorEnv` of one, without the leading B.

    Args:
        world: the world, see `GlimpseVectorEnv`.
        render_mode: "rgb_array" for frames, "human" for a window that shows each step (extra "render"), or None.
        arguments: those of `GlimpseVectorEnv` and of the world, except num_envs and autoreset_mode.

    Raises:
        TypeError: an argument is unknown; the message names the nearest one and lists all.
        ValueError: an argument is out of range, or an action is bad; the message names it. The environment is unchanged.
    """

    metadata: dict[str, Any] = METADATA

    @overload
    def __init__(self, *, world: str = ..., **arguments: Unpack[EnvArguments]) -> None: ...

    @overload
    def __init__(self, *, world: type[World], **arguments: Any) -> None: ...

    def __init__(
        self, *, world: str | type[World] = "classification", render_mode: str | None = None, **arguments: Any
    ) -> None:
        refuse_unknown(f"GlimpseEnv(world={world!r})", (GlimpseVectorEnv, worlds.find(world)), arguments, _OF_A_BATCH)
        mode = AutoresetMode.DISABLED
        self._batch = GlimpseVectorEnv(1, world=world, render_mode=render_mode, autoreset_mode=mode, **arguments)  # type: ignore[misc, arg-type]
        self.render_mode = render_mode
        self.observation_space = self._batch.single_observation_space
        self.action_space = self._batch.single_action_space

    @property
    def retina(self) -> RetinaLike:
        """The glimpse sensor."""
        return self._batch.retina

    @property
    def zooms(self) -> tuple[int, ...]:
        """The factors of the levels of zoom; (1,) without a choice."""
        return self._batch.zooms

    @property
    def task(self) -> Task:
        """What the task asks of an agent."""
        return self._batch.task

    @property
    def scene_shape(self) -> tuple[int, int, int]:
        """(H, W, C) of the scene."""
        return self._batch.scene_shape

    @property
    def scenes(self) -> npt.NDArray[np.uint8]:
        """The whole scene (1, H, W, C), which agents see only with ``observe="scene"``."""
        return self._batch.scenes

    @property
    def world(self) -> World:
        """The world: a batch of one."""
        return self._batch.world

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Observation, Info]:
        """Begin an episode: episode 0 of the seed, or the next one if seed is None.

        Args:
            seed: an integer of at least 0, or None.
            options: ``index``: an image of the split.

        Raises:
            ValueError: a seed, index or option is bad; nothing has changed.
        """
        observation, info = self._batch._restart(seed, options, ())
        super().reset(seed=None if seed is None else int(seed))
        return first(observation), plain(info)

    def step(self, action: Action) -> tuple[Observation, float, bool, bool, Info]:
        """Act, and look.

        Args:
            action: ``location`` (2,) float in [-1, 1], ``action`` an integer, perhaps ``zoom``; see `GlimpseVectorEnv`.

        Raises:
            ValueError: the action has a wrong shape, dtype or range; nothing has changed.
            gymnasium.error.ResetNeeded: the environment needs a reset.
        """
        observation, rewards, terminations, truncations, info = self._batch._advance(action, ())
        return first(observation), rewards.item(), terminations.item(), truncations.item(), plain(info)

    def render(self) -> npt.NDArray[np.uint8] | None:  # type: ignore[override]
        """Draw the scene, the path, the latest patches, and the belief: (height, width, 3) uint8; see `draw`."""
        frames = self._batch.render()
        return None if frames is None else frames[0]

    def set_arguments(self, **changes: Any) -> None:
        """Change how the world makes its scenes, from the next episode on, see `GlimpseVectorEnv.set_arguments`."""
        self._batch.set_arguments(**changes)

    def believe(self, belief: npt.ArrayLike) -> None:
        """Set an agent's belief, (n,) probabilities of the actions, for rendering only."""
        self._batch.believe([belief])  # type: ignore[arg-type]  # checked there

    def close(self) -> None:
        """Close the window, if one is open. The environment remains usable."""
        self._batch.close()
