"""The algorithms of Stable-Baselines3 and sb3-contrib in the leaderboard.

One without a memory sees all glimpses of the episode so far, stacked.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode
from sb3_contrib import CrossQ, RecurrentPPO
from stable_baselines3 import PPO, SAC
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnv, VecFrameStack

from benchmarks.learners import Budget, Envs, Trained, Watch, error, measured_envs, num_glimpses
from glimpse_env.sb3 import ACTIONS, GlimpseExtractor, NativeVecEnv
from glimpse_env.wrappers import VectorFlattenObservation

_CHANNELS = {"glimpse": "first", "fixation": "last"}
_EXTRACTOR = {"features_extractor_class": GlimpseExtractor, "net_arch": []}


def ppo_run(id: str, seed: int, budget: Budget) -> Trained:
    """Train PPO of Stable-Baselines3."""
    T = num_glimpses(id)

    def make(envs: VecEnv) -> BaseAlgorithm:
        return PPO("MultiInputPolicy", envs, policy_kwargs=_EXTRACTOR, seed=seed, **_ppo(T))

    return _library_run(id, seed, budget, make, NUM_ENVS, "multidiscrete", stacked=True)


def recurrent_ppo_run(id: str, seed: int, budget: Budget) -> Trained:
    """Train recurrent PPO of sb3-contrib."""
    make = functools.partial(recurrent_ppo, id, seed=seed)
    return _library_run(id, seed, budget, make, NUM_ENVS, "multidiscrete", stacked=False)


def recurrent_ppo(id: str, envs: VecEnv, seed: int) -> RecurrentPPO:
    """Make recurrent PPO of sb3-contrib for `NUM_ENVS` environments."""
    policy = {**_EXTRACTOR, "enable_critic_lstm": False}
    return RecurrentPPO("MultiInputLstmPolicy", envs, policy_kwargs=policy, seed=seed, **_ppo(num_glimpses(id)))


def sac_run(id: str, seed: int, budget: Budget) -> Trained:
    """Train SAC of Stable-Baselines3: the location and one logit for each class in a Box."""
    policy = {"features_extractor_class": GlimpseExtractor, "net_arch": [256]}

    def make(envs: VecEnv) -> BaseAlgorithm:
        return SAC("MultiInputPolicy", envs, policy_kwargs=policy, seed=seed, **_OFF_POLICY)

    return _library_run(id, seed, budget, make, 16, "box", stacked=True)


def crossq_run(id: str, seed: int, budget: Budget) -> Trained:
    """Train CrossQ of sb3-contrib: as SAC, on flat observations, since it has no other policy."""

    def make(envs: VecEnv) -> BaseAlgorithm:
        return CrossQ("MlpPolicy", envs, policy_kwargs={"net_arch": [256]}, seed=seed, **_OFF_POLICY)

    return _library_run(id, seed, budget, make, 16, "box", stacked=True, flat=True)


def _ppo(T: int) -> dict[str, Any]:
    """The hyperparameters of both kinds of PPO, as in examples/recurrent_ppo.py: few updates of many whole episodes."""
    schedule = {"learning_rate": lambda left: 1e-3 * left, "n_steps": T, "batch_size": NUM_ENVS * T // 4, "n_epochs": 2}
    return {**schedule, "gamma": 1.0, "gae_lambda": 0.95, "ent_coef": 0.02, "device": "cpu"}


NUM_ENVS = 256  # of PPO; each plays an episode for each update
_OFF_POLICY: dict[str, Any] = {
    "learning_rate": 1e-3,
    "buffer_size": 50_000,
    "learning_starts": 2_000,
    "batch_size": 256,
    "train_freq": 1,
    "gradient_steps": 1,
    "device": "cpu",
}


def _library_run(
    id: str,
    seed: int,
    budget: Budget,
    make: Callable[[VecEnv], BaseAlgorithm],
    num_envs: int,
    actions: str,
    stacked: bool,
    flat: bool = False,
) -> Trained:
    def wrapped(envs: Envs) -> Envs:
        envs = ACTIONS[actions](envs)
        return VectorFlattenObservation(envs) if flat else envs

    venv: VecEnv = NativeVecEnv(wrapped(gym.make_vec(id, num_envs=num_envs, autoreset_mode=AutoresetMode.SAME_STEP)))
    venv.seed(seed)
    if stacked:
        venv = VecFrameStack(venv, num_glimpses(id), channels_order=None if flat else _CHANNELS)
    model = make(venv)
    policy: Any = _Stacked(model, num_glimpses(id)) if stacked else model
    watch = Watch(budget, lambda: error(policy, wrapped(measured_envs(id, "validation")), "validation"))
    model.learn(budget.steps, callback=_Callback(watch))
    parameters = sum(p.numel() for p in model.policy.parameters())
    return watch.trained(lambda: error(policy, wrapped(measured_envs(id, "test")), "test"), parameters)


class _Callback(BaseCallback):
    """Measures between updates, and ends the training with its budget."""

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self._watch = watch

    def _on_step(self) -> bool:
        return self._watch.left

    def _on_rollout_start(self) -> None:
        self._watch(self.num_timesteps)

    def _on_training_end(self) -> None:
        self._watch(self.num_timesteps)


class _Stacked:
    """A policy that sees all glimpses of the episode, stacked as by `VecFrameStack`."""

    def __init__(self, model: BaseAlgorithm, num_glimpses: int) -> None:
        self._model, self._num_glimpses = model, num_glimpses

    def predict(self, observation: Any, state: Any, episode_start: Any, deterministic: bool) -> tuple[Any, Any]:
        seen = [*(state or []), observation]
        if isinstance(observation, Mapping):
            stacked: Any = {key: self._joined([one[key] for one in seen]) for key in observation}
        else:
            stacked = self._joined(seen)
        return self._model.predict(stacked, deterministic=deterministic)[0], seen

    def _joined(self, frames: list[Any]) -> Any:
        blank = np.zeros_like(frames[0])
        return np.concatenate([*[blank] * (self._num_glimpses - len(frames)), *frames], axis=1)
