"""The rules of an episode, for a batch. The only place where episodes begin and end."""

from typing import TypeAlias

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from gymnasium.vector import AutoresetMode

from glimpse_env import inputs
from glimpse_env.eye import Eye, Observation
from glimpse_env.gaze import NUM_DRAWS
from glimpse_env.info import Info, masked, split
from glimpse_env.recorder import Recorder
from glimpse_env.streams import uniforms
from glimpse_env.worlds import World

Step: TypeAlias = tuple[Observation, npt.NDArray[np.float64], npt.NDArray[np.bool_], npt.NDArray[np.bool_], Info]

_NOBODY = np.empty(0, np.int64)


class Episodes:
    """Begins and ends the episodes of B environments.

    A step is a transaction: if an exception interrupts it, each row either goes on or needs a reset.

    Args:
        world: the scenes and the rules.
        eye: what looks at them.
        recorder: records what is drawn; None to record nothing.
        mode: when the next episode of a row begins.
        stream: the number of the random stream.
        limit: after how many steps an episode is truncated; None for never.

    Attributes:
        seeded: (B,) bool, which rows have a seed.
        numbers: (B,) uint64, the number of the next episode of each row, counted from its seed.
    """

    def __init__(
        self,
        world: World,
        eye: Eye,
        recorder: Recorder | None,
        mode: AutoresetMode,
        stream: int = 0,
        limit: int | None = None,
    ) -> None:
        num_envs = len(eye.fixations)
        self.seeded = np.zeros(num_envs, np.bool_)
        self._world = world
        self._eye = eye
        self._recorder = recorder
        self._mode = mode
        self._stream = stream
        self._limit = limit
        self._steps = np.zeros(num_envs, np.int64)  # of each episode so far, if there is a limit
        self._num_envs = num_envs
        self._seeds = np.zeros(num_envs, np.uint64)
        self.numbers = np.zeros(num_envs, np.uint64)
        self._everyone, self._nobody = np.ones(num_envs, np.bool_), np.zeros(num_envs, np.bool_)
        # Which rows play, and which begin their next episode at the next step; all others need a reset. Never changed in place,
        # but replaced at once.
        self._state = self._nobody, self._nobody

    def restart(
        self,
        mask: npt.NDArray[np.bool_],
        seeds: npt.NDArray[np.uint64],
        given: npt.NDArray[np.bool_],
        indices: npt.NDArray[np.int64] | None,
    ) -> tuple[Observation, Info]:
        """Begin an episode in the rows of a mask.

        Args:
            mask: (B,) bool, which rows.
            seeds: (B,) uint64, the new seeds.
            given: (B,) bool, which rows take their new seed; the others begin their next episode.
            indices: (B,) int64, the image of each row, or None to draw it.

        Returns:
            The same as `GlimpseVectorEnv.reset`.
        """
        anew, rows = mask & given, np.flatnonzero(mask)
        everyone = len(rows) == self._num_envs
        playing, over = (self._nobody, self._nobody) if everyone else (state & ~mask for state in self._state)
        self._state = playing, over  # until all is done
        self._seeds[anew], self.numbers[anew], self.seeded[anew] = seeds[anew], 0, True
        self._begin(rows, None if indices is None else indices[rows])
        observation, info = self._eye.observe(), masked(self._world.info(), mask)
        self._state = self._everyone if everyone else playing | mask, over
        return observation, info

    def step(
        self,
        locations: npt.NDArray[np.float32],
        choices: npt.NDArray[np.int64],
        zooms: npt.NDArray[np.int64] | None = None,
    ) -> Step:
        """Take a step in each row that plays; with NEXT_STEP, begin the next episode of the others.

        Args:
            locations: (B, 2) float32.
            choices: (B,) int64, the environment actions.
            zooms: (B,) int64, the levels of zoom; None if the eyes do not zoom.

        Returns:
            The same as `GlimpseVectorEnv.step`.

        Raises:
            ValueError: an action is out of range; nothing has changed.
            gymnasium.error.ResetNeeded: a row needs a reset.
        """
        playing = self._state[0].copy()
        resting = _NOBODY if self._state[0] is self._everyone else np.flatnonzero(~playing)
        if len(resting) and len(lost := np.flatnonzero(~(playing | self._state[1]))):
            raise gym.error.ResetNeeded(
                f"No episode is going on in environments {lost.tolist()}: call reset() first (with "
                "options={'reset_mask': ...} for some of several)."
            )
        bad = inputs.first_bad(locations, choices, playing, len(self._world.task.action_names))
        if bad >= 0:
            raise inputs.out_of_range(f"Environment {bad}", locations[bad], choices[bad], len(self._world.task.action_names))
        self._eye.check(zooms, playing)
        if len(resting):
            self._state = self._state[0], self._nobody  # beginning the next episodes may fail on a broken image
            self._begin(resting)

        self._state = self._nobody, self._nobody  # until all is done
        rewards, ended = self._world.step(choices, playing)
        still = ~ended
        moving = still & playing if len(resting) else still
        prices = self._eye.move(locations, zooms, moving)
        if prices is not None:
            rewards -= prices
        if self._recorder:
            self._recorder.step(choices, playing, moving)
        observation, info = self._eye.observe(), masked(self._world.info(), self._everyone)
        truncated, over = self._truncated(playing, ended)
        state = self._everyone, self._nobody
        if np.count_nonzero(over):
            final = masked(self._world.final_info(), ended) if np.count_nonzero(ended) else {}
            if self._mode == AutoresetMode.SAME_STEP:
                self._state = ~over, self._nobody  # as above
                final |= masked(self._world.info(), over)
                self._begin(np.flatnonzero(over))
                info = masked(self._world.info(), self._everyone) | {
                    "final_obs": split(observation, over),
                    "_final_obs": over.copy(),
                    "final_info": final,
                    "_final_info": over.copy(),
                }
                observation = self._eye.observe()
            else:
                info |= final
                state = ~over, over if self._mode == AutoresetMode.NEXT_STEP else self._nobody
        self._state = state
        return observation, rewards, ended, truncated, info

    def _truncated(
        self, playing: npt.NDArray[np.bool_], ended: npt.NDArray[np.bool_]
    ) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """Count a step of the rows that played: which rows reach the limit, and which are over, there or by the rules."""
        if self._limit is None:
            return np.zeros(self._num_envs, np.bool_), ended
        self._steps += playing
        truncated = playing & (self._steps >= self._limit)
        return truncated, ended | truncated

    def _begin(self, rows: npt.NDArray[np.int64], indices: npt.NDArray[np.int64] | None = None) -> None:
        """Begin the next episode of some rows, which are not playing."""
        draws = uniforms(self._seeds[rows], self.numbers[rows], NUM_DRAWS + self._world.num_draws, self._stream)
        self.numbers[rows] += np.uint64(1)
        self._steps[rows] = 0
        self._world.reset(rows, draws[:, NUM_DRAWS:], indices)
        self._eye.begin(rows, draws[:, :NUM_DRAWS])
        if self._recorder:
            self._recorder.begin(rows)
