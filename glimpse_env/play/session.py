"""The episodes that a person plays of a task: what has been seen, done and earned."""

from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from glimpse_env.play.wheel import Wheel
from glimpse_env.single import GlimpseEnv
from glimpse_env.wrappers import GlimpseWrapper


def eye(env: gym.Env[Any, Any]) -> GlimpseEnv | GlimpseWrapper:
    """What looks: the native environment itself, or the wrapper around another.

    Raises:
        ValueError: the environment has no glimpses.
    """
    while isinstance(env, gym.Wrapper) and not isinstance(env, GlimpseWrapper):
        env = env.env
    if not isinstance(env, GlimpseEnv | GlimpseWrapper) or "glimpse" not in env.observation_space.spaces:  # type: ignore[union-attr]
        raise ValueError(
            f"{env} has no glimpses: put it into a GlimpseWrapper and register that, or leave out observe='scene'."
        )
    return env


class Session:
    """Episodes of a task, one after the other.

    Args:
        env: the task, native or in a `GlimpseWrapper`.
        seed: the seed of the first episode.

    Attributes:
        scores: the return of each finished episode; in a task with a right answer, 1 or 0.
        over: whether the episode has ended.
        seed: the seed of the first episode.
    """

    def __init__(self, env: gym.Env[Any, Any], seed: int = 0) -> None:
        self.env: Any = env
        self.scores: list[float] = []
        self.seed = seed
        self._eye: Any = eye(env)
        task = self._eye.task
        self._names: tuple[str, ...] = task.action_names
        self._moves = task.num_glimpses is None  # a game goes on by itself
        self._num_glimpses: int = task.num_glimpses or 0
        self._wheel = Wheel(self._eye)
        self._begin(seed)

    @property
    def _answer_due(self) -> bool:
        """Whether the next action must be an answer."""
        return bool(self._info.get("scored", len(self._path) == self._num_glimpses))

    def _begin(self, seed: int | None = None) -> None:
        observation, self._info = self.env.reset(seed=seed)
        self._glimpse: npt.NDArray[np.float32] = observation["glimpse"]
        cue = observation.get("cue")
        self._cue = None if cue is None else np.rint(255 * cue.transpose(1, 2, 0)).astype(np.uint8)
        self._verdict = ""  # on the latest of several answers
        self._path = [observation["fixation"]]
        self._wheel.begin(observation)
        self._action: int | None = None
        self._return = 0.0
        self.over, self._waiting = False, self._moves

    def _step(self, location: npt.NDArray[np.float32], action: Any) -> None:
        asked = self._info if self._info.get("scored") else {}
        observation, reward, terminated, truncated, self._info = self.env.step(
            {"location": location, "action": action, **self._wheel.action}
        )
        self.over = terminated or truncated
        if asked:
            self._verdict = f"{'Right' if reward > 0 else 'Wrong'}, it was {self._names[asked['label']]}. "
        self._glimpse = observation["glimpse"]
        self._wheel.see(observation)
        self._return += float(reward)
        first = int(getattr(self._eye.action_space["action"], "start", 0))
        self._action = int(action) - first if self._names and (self._moves or self.over) else None
        if self.over:
            self.scores.append(float(self._info.get("correct", self._return)))
        else:
            self._path.append(observation["fixation"])

    def _answer(self, action: int) -> None:
        """Give an answer, and use up the glimpses that are left before it is due."""
        due = False
        while not (self.over or due):
            due = self._answer_due
            self._step(self._path[-1], action)
