"""The Dict observation as one vector, for vector environments.

For a single environment, use Gymnasium's ``wrappers.FlattenObservation``. Its vector form refuses ``SAME_STEP``, and loops
over the environments in Python.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from gymnasium.vector import VectorEnv, VectorWrapper
from gymnasium.vector.utils import batch_space


class VectorFlattenObservation(VectorWrapper):  # type: ignore[type-arg]  # not generic in Gymnasium 1.2
    """One vector as the observation, in any autoreset mode: (B, K*C*G*G + 2) float32, the glimpse, then the fixation.

    Other entries, such as a canvas or a cue, follow.

    Args:
        envs: a vector environment whose observation is a Dict of Boxes of one dtype.

    Raises:
        ValueError: the observation is anything else.
    """

    def __init__(self, envs: VectorEnv[Any, Any, Any]) -> None:
        super().__init__(envs)
        space = envs.single_observation_space
        if not isinstance(space, spaces.Dict) or len({(type(part), part.dtype) for part in space.values()}) != 1:
            raise ValueError(f"The observation must be a Dict of Boxes of one dtype, got {space}.")
        self._keys = list(space)
        self.single_observation_space = spaces.flatten_space(space)
        self.observation_space = batch_space(self.single_observation_space, envs.num_envs)

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[npt.NDArray[Any], dict[str, Any]]:
        """Begin episodes, as the wrapped environments do."""
        observations, infos = self.env.reset(seed=seed, options=options)  # type: ignore[arg-type]
        return self._flat(observations, 1), infos

    def step(
        self, actions: Any
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any], dict[str, Any]]:
        """Step the wrapped environments; ``final_obs``, if there is one, is also flat."""
        observations, rewards, terminations, truncations, infos = self.env.step(actions)
        if "final_obs" in infos:
            final = np.full(self.num_envs, None, object)
            for row in np.flatnonzero(infos["_final_obs"]):
                final[row] = self._flat(infos["final_obs"][row], 0)
            infos = {**infos, "final_obs": final}
        return self._flat(observations, 1), rewards, terminations, truncations, infos

    def _flat(self, observation: dict[str, npt.NDArray[Any]], lead: int) -> npt.NDArray[Any]:
        return np.concatenate([observation[key].reshape(*observation[key].shape[:lead], -1) for key in self._keys], axis=-1)
