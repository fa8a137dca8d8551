"""A canvas of the latest glimpses (the persistence of vision of SUGARL; Shang and Ryoo 2023)."""

import collections
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs

from glimpse_env import inputs
from glimpse_env.canvas import Canvas
from glimpse_env.inputs import SCENE

_ROW = np.zeros(1, np.int64)


class PersistenceOfVision(gym.ObservationWrapper[dict[str, Any], Any, dict[str, Any]], RecordConstructorArgs):
    """Adds ``canvas``: the latest glimpses, painted where they were taken.

    It is the canvas of ``canvas=`` in the native environments (C + 1 channels: the pixels, and their sharpness; each pixel
    keeps its sharpest view, the newer of two equal ones), but shows only the last few glimpses, because older ones are wrong
    in a world that moves. It uses only glimpses and fixations.

    Args:
        env: a `GlimpseEnv`, or any environment in a `GlimpseWrapper`, wrapped further or not.
        num_glimpses: how many of the episode's latest glimpses it shows.
        size: the side, in pixels of the scene, of a window around the gaze; "scene" for the whole scene.

    Raises:
        ValueError: an argument is out of range, or the environment has no gaze, or already has a canvas.
    """

    def __init__(self, env: gym.Env[Any, Any], num_glimpses: int = 4, size: int | str = SCENE) -> None:
        RecordConstructorArgs.__init__(self, num_glimpses=num_glimpses, size=size)
        gym.ObservationWrapper.__init__(self, env)
        space = env.observation_space
        if not isinstance(space, spaces.Dict) or not {"glimpse", "fixation"} <= set(space):
            raise ValueError(f"{env} has no glimpses: put it into a GlimpseWrapper first, or leave out observe='scene'.")
        if "canvas" in space.spaces:
            raise ValueError(f"{env} already has a canvas: make it without one.")
        num_glimpses = inputs.integer("num_glimpses", num_glimpses, 1)
        self._zooms = np.array(env.get_wrapper_attr("zooms"), np.int64) if "zoom_level" in space.spaces else None
        self._canvas = Canvas(1, env.get_wrapper_attr("scene_shape"), env.get_wrapper_attr("retina"), inputs.canvas_size(size))
        self._latest: collections.deque[dict[str, npt.NDArray[Any]]]
        self._latest = collections.deque(maxlen=num_glimpses)
        canvas = spaces.Box(0, 1, self._canvas.shape, np.float32)
        self.observation_space = spaces.Dict([*space.spaces.items(), ("canvas", canvas)])

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
        """Begin an episode with an empty canvas."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._latest.clear()
        return self.observation(observation), info

    def observation(self, observation: dict[str, Any]) -> dict[str, Any]:
        """Add the canvas."""
        seen = {"glimpses": observation["glimpse"][np.newaxis].copy(), "fixations": observation["fixation"][np.newaxis].copy()}
        if self._zooms is not None:
            seen["zooms"] = self._zooms[observation["zoom_level"].argmax()][np.newaxis]
        self._latest.append(seen)
        self._canvas.clear(_ROW)
        for one in self._latest:
            canvas = self._canvas.paint(**one)
        return {**observation, "canvas": canvas[0]}
