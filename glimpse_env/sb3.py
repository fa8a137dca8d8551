"""Stable-Baselines3 on the native vector environment: ``make_vec_env`` and a features extractor for glimpses.

Only this module needs stable-baselines3 (``pip install "glimpse-env[sb3]"``).
"""

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt

try:
    import torch
    from stable_baselines3.common.env_util import is_wrapped
    from stable_baselines3.common.preprocessing import get_flattened_obs_dim
    from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
    from stable_baselines3.common.vec_env import VecEnv
    from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices
except ImportError as error:
    raise ImportError("glimpse_env.sb3 needs Stable-Baselines3: pip install 'glimpse-env[sb3]'") from error
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from torch import Tensor, nn

from glimpse_env import inputs
from glimpse_env.inputs import SCENE
from glimpse_env.wrappers import VectorDiscretizeAction, VectorFlattenAction

Observations = dict[str, npt.NDArray[Any]] | npt.NDArray[Any]

ACTIONS: dict[str, Callable[..., VectorEnv[Any, Any, Any]]] = {
    "box": VectorFlattenAction,
    "multidiscrete": VectorDiscretizeAction,
    "discrete": lambda envs, **grid: VectorDiscretizeAction(envs, flat=True, **grid),
}
_LEAST = 8  # convolutions halve a scene until it is at most this wide


def make_vec_env(
    id: str, num_envs: int = 1, seed: int | None = None, actions: str = "multidiscrete", grid: int = 7, **arguments: Any
) -> "NativeVecEnv":
    """Make a vector of registered environments for Stable-Baselines3.

    Wrap it as usual: ``VecMonitor`` for the episodes' returns, ``VecFrameStack`` for a history of glimpses.

    Args:
        id: the id of a registered environment.
        num_envs: the number of environments.
        seed: the seed of the first environment; the others take the following numbers.
        actions: "multidiscrete": a column, a row and a class, for PPO and A2C. "discrete": all in one number, also for DQN.
            "box": the location and one logit for each class, for SAC and other algorithms with continuous actions.
        grid: the number of columns, and of rows, to choose a location from; "box" ignores it.
        arguments: arguments of the environment.

    Raises:
        ValueError: ``actions`` is unknown, or an argument of the environment is bad.
    """
    inputs.word("actions", actions, ACTIONS)
    mode: dict[str, Any] = {"autoreset_mode": AutoresetMode.SAME_STEP}
    module, _, name = id.rpartition(":")
    if module:
        importlib.import_module(module)
    if gym.spec(name).vector_entry_point is None:  # an environment of another package
        mode = {"vectorization_mode": "sync", "vector_kwargs": mode}
    envs = gym.make_vec(id, num_envs=num_envs, **mode, **arguments)
    venv = NativeVecEnv(ACTIONS[actions](envs, **({} if actions == "box" else {"grid": grid})))
    if seed is not None:
        venv.seed(seed)
    return venv


class NativeVecEnv(VecEnv):
    """A Gymnasium vector environment as a Stable-Baselines3 one.

    Native environments are one object: they share all attributes. Those of a ``SyncVectorEnv`` each have their own.

    Args:
        envs: a vector environment with ``AutoresetMode.SAME_STEP``, whose observation is a Box or a Dict of Boxes.

    Raises:
        ValueError: the autoreset mode is not SAME_STEP.
    """

    def __init__(self, envs: VectorEnv[Any, Any, Any]) -> None:
        if envs.metadata.get("autoreset_mode") != AutoresetMode.SAME_STEP:
            raise ValueError(
                f"Stable-Baselines3 begins the next episode at once: make the environments with autoreset_mode='SameStep', "
                f"got {envs.metadata.get('autoreset_mode')}."
            )
        self.envs = envs
        self._singles: Sequence[gym.Env[Any, Any]] = getattr(envs.unwrapped, "envs", ())  # of a SyncVectorEnv
        self._actions: npt.NDArray[Any] | None = None
        super().__init__(envs.num_envs, envs.single_observation_space, envs.single_action_space)

    def reset(self) -> Observations:
        """Begin an episode in each environment, with the seeds of `seed` and the options of `set_options`, used once."""
        options = None
        if any(self._options):
            if any(one.keys() != self._options[0].keys() for one in self._options):
                raise ValueError(f"Give each environment the same options, got {self._options}.")
            first = self._options[0]
            if not self._singles:
                options = {name: np.array([one[name] for one in self._options]) for name in first}
            elif all(np.array_equal(one[name], first[name]) for one in self._options for name in first):
                options = first
            else:
                raise ValueError(f"These environments all get the same options: give each equal values, got {self._options}.")
        seeds = None if all(seed is None for seed in self._seeds) else list(self._seeds)
        observations: Observations
        observations, infos = self.envs.reset(seed=seeds, options=options)  # type: ignore[arg-type]
        self.reset_infos = [_row(infos, i) for i in range(self.num_envs)]
        self._reset_seeds()
        self._reset_options()
        return observations

    def step_async(self, actions: npt.NDArray[Any]) -> None:
        """Store the actions of the next step."""
        self._actions = actions

    def step_wait(
        self,
    ) -> tuple[Observations, npt.NDArray[np.float32], npt.NDArray[np.bool_], list[dict[str, Any]]]:
        """Step; at an episode's end the observation is the next episode's, and the info has the ``terminal_observation``."""
        observations, rewards, terminations, truncations, infos = self.envs.step(self._actions)
        dones = terminations | truncations
        rows = []
        for i in range(self.num_envs):
            row = _row(infos, i)
            if dones[i]:
                # Gymnasium's vector.RecordEpisodeStatistics tells of the episode that ended beside the final info, not in it.
                ended = {"episode": row.pop("episode")} if "episode" in row else {}
                self.reset_infos[i] = row
                row = {**ended, **_row(infos["final_info"], i), "terminal_observation": infos["final_obs"][i]}
            rows.append(row | {"TimeLimit.truncated": bool(truncations[i] and not terminations[i])})
        return observations, rewards.astype(np.float32), dones, rows

    def close(self) -> None:
        """Close the environments."""
        self.envs.close()

    def get_images(self) -> Sequence[npt.NDArray[np.uint8] | None]:
        """Draw each environment: (height, width, 3) uint8."""
        frames = self.envs.render()
        return [None] * self.num_envs if frames is None else list(frames)  # type: ignore[arg-type]

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """Get an attribute for each environment; a space is that of a single environment."""
        chosen = list(self._get_indices(indices))
        if attr_name in ("observation_space", "action_space"):
            return [getattr(self, attr_name)] * len(chosen)
        if self._singles:
            return [self._singles[i].get_wrapper_attr(attr_name) for i in chosen]
        holder = self.envs if hasattr(self.envs, attr_name) else self.envs.unwrapped
        return [getattr(holder, attr_name)] * len(chosen)

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Set an attribute: of all native environments, of any others.

        Raises:
            AttributeError: the name is a constructor argument, see `GlimpseVectorEnv.set_attr`.
            ValueError: only some native environments are given.
        """
        chosen = list(self._get_indices(indices))
        for i in chosen if self._singles else ():
            self._singles[i].set_wrapper_attr(attr_name, value)
        if not self._singles:
            self._check_all(chosen, attr_name)
            self.envs.unwrapped.set_attr(attr_name, value)  # type: ignore[attr-defined]

    def env_method(self, method_name: str, *method_args: Any, indices: VecEnvIndices = None, **method_kwargs: Any) -> list[Any]:
        """Call a method: ``render`` for any of the native environments, other methods for all at once; of others, for any.

        Raises:
            ValueError: the method takes a batch, or only some native environments are given.
        """
        chosen = list(self._get_indices(indices))
        if self._singles:
            return [self._singles[i].get_wrapper_attr(method_name)(*method_args, **method_kwargs) for i in chosen]
        if method_name != "render":
            self._check_all(chosen, method_name)
        results = self.envs.unwrapped.call(method_name, *method_args, **method_kwargs)  # type: ignore[attr-defined]
        return [results[i] for i in chosen]

    def env_is_wrapped(self, wrapper_class: type[Any], indices: VecEnvIndices = None) -> list[bool]:
        """Whether the vector environment, or the single one, has this wrapper."""
        envs, found = self.envs, False
        while not found and isinstance(envs, gym.vector.VectorWrapper):
            found = isinstance(envs, wrapper_class)
            envs = envs.env
        chosen = self._get_indices(indices)
        return [found or (bool(self._singles) and is_wrapped(self._singles[i], wrapper_class)) for i in chosen]

    def _check_all(self, chosen: list[int], name: str) -> None:
        if set(chosen) != set(range(self.num_envs)):
            raise ValueError(f"The environments are one object: {name!r} is for all of them (indices=None).")


class GlimpseExtractor(BaseFeaturesExtractor):
    """What and where, as one vector: g = ReLU(W [ReLU(W glimpse), ReLU(W fixation), ...]) (Mnih et al. 2014, section 3.1).

    It reads every entry of the observation, also a canvas, a cue, and stacked entries. Each channel of the glimpse is first
    standardized to mean 0 and variance 1 over the training data so far; otherwise a network hardly sees pixels averaged over
    coarse cells. So is a whole scene (``observe="scene"``), which convolutions then read.

    Args:
        observation_space: a ``Dict`` of the spaces that Stable-Baselines3 flattens: Box, Discrete, MultiDiscrete, MultiBinary.
        features_dim: the number of units of each layer, and of features.

    Raises:
        ValueError: the observation is no Dict, or has an entry of another kind.
    """

    def __init__(self, observation_space: spaces.Dict, features_dim: int = 256) -> None:
        super().__init__(observation_space, features_dim)
        if not isinstance(observation_space, spaces.Dict):
            raise ValueError(f"GlimpseExtractor reads a Dict, got {observation_space}: do not flatten the observation.")
        self.parts = nn.ModuleDict({key: _part(key, space, features_dim) for key, space in observation_space.spaces.items()})
        self.join = nn.Sequential(nn.Linear(len(self.parts) * features_dim, features_dim), nn.ReLU())

    def forward(self, observations: dict[str, Tensor]) -> Tensor:
        """Map observations, (B, ...) each, to features (B, features_dim)."""
        joined: Tensor = self.join(torch.cat([part(observations[key]) for key, part in self.parts.items()], dim=1))
        return joined


def _part(key: str, space: gym.Space[Any], features_dim: int) -> nn.Sequential:
    """The layers that read an entry."""
    if not isinstance(space, spaces.Box | spaces.Discrete | spaces.MultiDiscrete | spaces.MultiBinary):
        raise ValueError(
            f"GlimpseExtractor cannot read the entry {key!r}, {space}: take it out of the observation, or flatten it."
        )
    layers: list[nn.Module] = []
    size = get_flattened_obs_dim(space)
    if key in ("glimpse", SCENE):
        layers.append(_RunningStandardize((space.shape or (1,))[0]))
    if key == SCENE:
        convolutions, size = _convolutions(*space.shape)  # type: ignore[misc]
        layers += convolutions
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(size, features_dim), nn.ReLU())


def _convolutions(C: int, H: int, W: int) -> tuple[list[nn.Module], int]:
    """Convolutions that halve images (B, C, H, W) until they fit into 8 x 8, and the number of values that remain."""
    layers: list[nn.Module] = []
    while not layers or max(H, W) > _LEAST:
        filters = 64 if layers else 32
        layers += [nn.Conv2d(C, filters, 3, stride=2, padding=1), nn.ReLU()]
        C, H, W = filters, -(-H // 2), -(-W // 2)
    return layers, C * H * W


class _RunningStandardize(nn.Module):
    """Shift and scale each channel by its mean and variance over the training data so far.

    Stable-Baselines3 copies buffers with ``running_`` in their names into target networks.
    """

    running_count: Tensor
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, num_channels: int) -> None:
        super().__init__()
        self.register_buffer("running_count", torch.zeros(()))
        self.register_buffer("running_mean", torch.zeros(num_channels, 1, 1))
        self.register_buffer("running_var", torch.ones(num_channels, 1, 1))

    def forward(self, glimpses: Tensor) -> Tensor:
        """Standardize glimpses (B, K*C, G, G)."""
        if self.training:
            with torch.no_grad():
                var, mean = torch.var_mean(glimpses, dim=(0, 2, 3), correction=0)
                mean, var = mean.view_as(self.running_mean), var.view_as(self.running_var)
                self.running_count += 1
                share, apart = 1 / self.running_count, mean - self.running_mean
                self.running_var += share * (var - self.running_var + (1 - share) * apart.square())
                self.running_mean += share * apart
        return (glimpses - self.running_mean) / self.running_var.sqrt().clamp(min=1e-3)


def _row(infos: dict[str, Any], i: int, nested: bool = False) -> dict[str, Any]:
    """The info of one environment, with Python numbers, and without masked entries; nested infos need no masks."""
    row = {}
    for key, value in infos.items():
        is_mask = key.startswith("_") and key[1:] in infos
        told = infos[f"_{key}"][i] if f"_{key}" in infos else nested
        if told and not is_mask and key not in ("final_obs", "final_info"):
            one = _row(value, i, nested=True) if isinstance(value, dict) else value[i]
            row[key] = one.item() if isinstance(one, np.generic) else one
    return row
