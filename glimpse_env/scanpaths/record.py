"""Record the scan paths of any agent."""

from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper

from glimpse_env.scanpaths.table import Scanpaths
from glimpse_env.walking import walk


class RecordScanpaths(VectorWrapper):  # type: ignore[type-arg]  # not generic in Gymnasium 1.2
    """Records each fixation, what was done after it, and its reward; in any autoreset mode.

    Episodes are numbered from 0, in the order in which they begin, environment by environment.

    Args:
        envs: a `GlimpseVectorEnv`, wrapped or not, with Dict actions.
        autoreset: whether to record episodes that began without a call of ``reset``.

    Attributes:
        playing: (B,) bool, the environments whose fixations are being recorded.
    """

    def __init__(self, envs: VectorEnv[Any, Any, Any], autoreset: bool = True) -> None:
        super().__init__(envs)
        B = self.num_envs
        self._autoreset = autoreset
        self._rows: list[dict[str, npt.NDArray[Any]]] = []
        self._episodes, self._times = np.full(B, -1), np.zeros(B, np.int64)
        self._fixations, self._zooms = np.zeros((B, 2)), np.ones(B, np.int64)
        self._beliefs, self._labels = np.full(B, np.nan), np.full(B, -1)
        self._targets, self.playing = np.full((B, 4), np.nan), np.zeros(B, np.bool_)
        self._begun = 0

    def reset(self, **arguments: Any) -> tuple[Any, dict[str, Any]]:
        """Begin episodes, as the wrapped environments do."""
        observation, info = self.env.reset(**arguments)
        mask = (arguments.get("options") or {}).get("reset_mask")
        begun = np.ones(self.num_envs, np.bool_) if mask is None else mask
        self._begin(begun)
        self._look(observation, info, begun)
        return observation, info

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Take a step, and record the fixation before it."""
        playing, now = self.playing.copy(), self._now()
        observation, rewards, terminations, truncations, info = self.env.step(actions)
        row = now | {"action": np.asarray(actions["action"]), "reward": rewards}
        self._rows.append({name: np.array(values)[playing] for name, values in row.items()})
        ended = terminations | truncations
        mode = self.env.metadata["autoreset_mode"] if self._autoreset else AutoresetMode.DISABLED
        self.playing = playing & ~ended
        if mode == AutoresetMode.SAME_STEP:
            self._begin(ended)
        elif mode == AutoresetMode.NEXT_STEP:
            self._begin(~playing)
        self._look(observation, info, self.playing)
        return observation, rewards, terminations, truncations, info

    def believe(self, beliefs: npt.ArrayLike) -> None:
        """Tell the agent's beliefs after the latest glimpses: (B, n) probabilities of the actions."""
        given = np.asarray(beliefs, np.float64)
        known = self._labels >= 0
        self._beliefs[known] = given[known, self._labels[known]]

    def scanpaths(self, counted: npt.NDArray[np.bool_] | None = None) -> Scanpaths:
        """The fixations so far; with ``counted``, (number of episodes,) bool, of those episodes alone, numbered anew.

        Raises:
            ValueError: there was no step, after which a fixation is recorded.
        """
        if not self._rows:
            raise ValueError("No fixation is recorded yet: a step records the one before it, so take one first.")
        columns = {name: np.concatenate([row[name] for row in self._rows]) for name in self._rows[0]}
        if counted is not None:
            kept = counted[columns["episode"]]
            columns = {name: values[kept] for name, values in columns.items()}
            columns["episode"] = (np.cumsum(counted) - 1)[columns["episode"]]
        order = np.lexsort((columns["t"], columns["episode"]))
        H, W, _ = self.env.unwrapped.scene_shape  # type: ignore[attr-defined]
        return Scanpaths.of({name: values[order] for name, values in columns.items()}, (H, W))

    def _begin(self, mask: npt.NDArray[np.bool_]) -> None:
        rows = np.flatnonzero(mask)
        self._episodes[rows] = self._begun + np.arange(len(rows))
        self._begun += len(rows)
        self._times[rows], self.playing = 0, self.playing | mask

    def _look(self, observation: dict[str, Any], info: dict[str, Any], looked: npt.NDArray[np.bool_]) -> None:
        """Note the latest fixations."""
        self._times[looked] += 1
        self._fixations = observation["fixation"].astype(np.float64)
        if "zoom_level" in observation:
            self._zooms = np.array(self.env.unwrapped.zooms)[observation["zoom_level"].argmax(axis=1)]  # type: ignore[attr-defined]
        if "label" in info:
            self._labels = np.where(info["_label"], info["label"], self._labels)
        self._beliefs[looked] = np.nan
        targets = self.env.unwrapped.world.targets  # type: ignore[attr-defined]
        if targets is not None:
            self._targets = targets.astype(np.float64)

    def _now(self) -> dict[str, npt.NDArray[Any]]:
        """The columns of the latest fixations, (B,) each."""
        at = {"episode": self._episodes.copy(), "t": self._times.copy(), "zoom": self._zooms, "p_right": self._beliefs.copy()}
        place = {"x": self._fixations[:, 0], "y": self._fixations[:, 1]}
        sides = ("target_x", "target_y", "target_width", "target_height")
        return at | place | dict(zip(sides, self._targets.T, strict=True))


def record(envs: VectorEnv[Any, Any, Any], policy: Any, seed: int = 0, num_episodes: int = 1000) -> Scanpaths:
    """Record the paths of a policy: on each image of the split once, in order, or on some episodes if the task has no images.

    Args:
        envs: a `GlimpseVectorEnv` with autoreset at the next step, the default.
        policy: has ``predict(observation, state, episode_start)``, as those of `agents.load` and of Stable-Baselines3.
        seed: the seed of the first episode; episode k takes seed + k.
        num_episodes: the most episodes.

    Returns:
        The paths; episode k is that of image k.

    Raises:
        ValueError: the environments have another autoreset mode.
    """
    if envs.metadata.get("autoreset_mode") != AutoresetMode.NEXT_STEP:
        raise ValueError("record() needs environments with autoreset_mode='NextStep', in which episodes may differ in length.")
    recorder = RecordScanpaths(envs, autoreset=False)
    counted: list[npt.NDArray[np.bool_]] = []
    total = min(num_episodes, recorder.unwrapped.task.num_images or num_episodes)  # type: ignore[attr-defined]
    starts: Any = walk(recorder, seed) if recorder.unwrapped.task.num_images else _starts(recorder, seed)  # type: ignore[attr-defined]
    for observation, _, fresh in starts:
        counted.append(fresh & (envs.num_envs * len(counted) + np.arange(envs.num_envs) < total))
        state, start = None, np.ones(envs.num_envs, np.bool_)
        while recorder.playing.any():
            action, state = policy.predict(observation, state, start)
            observation, *_ = recorder.step(action)
            start = np.zeros(envs.num_envs, np.bool_)
        if envs.num_envs * len(counted) >= total:
            break
    return recorder.scanpaths(np.concatenate(counted))


def _starts(envs: VectorEnv[Any, Any, Any], seed: int) -> Any:
    """Begin episodes for ever."""
    while True:
        observation, info = envs.reset(seed=seed)
        yield observation, info, np.ones(envs.num_envs, np.bool_)
        seed += envs.num_envs
