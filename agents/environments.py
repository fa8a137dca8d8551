"""Make the environments of a config. Their `glimpse_env.worlds.Task` says what they ask of an agent."""

import importlib
from typing import Any, SupportsFloat

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from gymnasium.wrappers import TimeLimit

import glimpse_env  # noqa: F401  # registers its ids
from agents.config import TrainingConfig
from glimpse_env.datasets import is_folder, load
from glimpse_env.worlds import Task

Envs = VectorEnv[Any, Any, Any]
_SIDE_BY_SIDE = 500  # the most native environments in an evaluation; results do not depend on it
_BYTES = 2**28  # the most that their scenes may take
_REGIONS = (None, "train", "validation", "test")  # a training, and evaluations: each has a quarter of the seeds of episodes
_ROOM = 2**40  # the most episodes of a run


def is_native(env_id: str) -> bool:
    """Whether an id has its own vector environment; for "module:id", the module is imported first.

    Raises:
        ImportError: the module cannot be imported.
        gymnasium.error.Error: the id is unknown.
    """
    module, _, name = env_id.rpartition(":")
    if module:
        importlib.import_module(module)
    return gym.spec(name).vector_entry_point is not None


def make_envs(config: TrainingConfig, num_envs: int, split: str | None, **arguments: Any) -> Envs:
    """Make the environments of a run, with autoreset at the next step; other than native ones play one episode for each reset.

    Args:
        config: the run.
        num_envs: B.
        split: the split of the images, for native environments; None for all images of a dataset that has no splits.
        arguments: arguments of the environment, in addition to the run's.

    Raises:
        ImportError, gymnasium.error.Error: the id is unknown.
        ValueError: an argument is bad, the environment has no glimpses, or the folder of the run's images is gone.
    """
    if "dataset" not in arguments and _gone(config):
        raise ValueError(
            f"{config.dataset}, the folder of the images that the agent was trained on, is not here: bring it back."
        )
    arguments = {**config.env_arguments, **arguments}
    if is_native(config.env_id):
        arguments["split"] = split
    return _make(config.env_id, num_envs, config.max_steps, arguments)


def training_envs(config: TrainingConfig, num_envs: int, scene_size: int | None = None, **arguments: Any) -> Envs:
    """Make the environments of a training, with scenes of a size of `TrainingConfig.scene_sizes`, or the usual one if None.

    Raises:
        ValueError: they have other observations than usual ones, or the id is of a wrapped environment.
    """
    usual = make_envs(config, num_envs, config.split, **config.variation, **arguments)
    if scene_size is None:
        return usual
    if not is_native(config.env_id):
        raise ValueError(f"scene_sizes is for the ids of this package, whose scenes are made to size, not for {config.env_id}.")
    H, W, _ = usual.unwrapped.scene_shape  # type: ignore[attr-defined]
    sized = {"scene_size": scene_size}
    if clutter := whole_arguments(config).get("num_clutter", 0):
        sized["num_clutter"] = round(clutter * scene_size**2 / (H * W))
    envs = make_envs(config, num_envs, config.split, **config.variation, **{**arguments, **sized})
    if envs.single_observation_space != usual.single_observation_space:
        raise ValueError(
            f"Scenes of {scene_size} pixels have other observations: scene_sizes needs a canvas of pixels, or none."
        )
    return envs


def whole_arguments(config: TrainingConfig) -> dict[str, Any]:
    """The arguments of a run's environment, with those that the id is registered with."""
    return {**gym.spec(config.env_id.rpartition(":")[2]).kwargs, **config.env_arguments}


def evaluation_envs(config: TrainingConfig, split: str | None, **arguments: Any) -> Envs:
    """Make environments for an evaluation: as many native ones as are of use and fit into memory, or a batch of others."""
    if not is_native(config.env_id):
        return make_envs(config, config.batch_size, split, **arguments)
    one = make_envs(config, 1, split, **arguments)
    fitting = _BYTES // one.unwrapped.scenes.nbytes  # type: ignore[attr-defined]
    useful = task(one).num_images or _SIDE_BY_SIDE
    return make_envs(config, min(_SIDE_BY_SIDE, useful, max(1, fitting)), split, **arguments)


def images_of(config: TrainingConfig) -> dict[str, Any]:
    """What a run remembers of a folder of the user's own images: ``digest``, ``classes``, ``shape``; empty for other images."""
    if not is_folder(config.dataset):
        return {}
    images = load(config.dataset, config.split, image_size=config.image_size)
    return {"digest": images.digest, "classes": list(images.classes), "shape": list(images.shape)}


def example(config: TrainingConfig) -> Envs:
    """One environment of a run, for its spaces and its task; of black images if the folder of the run's images is gone."""
    if not _gone(config):
        return make_envs(config, 1, config.split)
    classes = config.images["classes"]
    black = np.zeros((len(classes), *config.images["shape"]), np.uint8)
    images = load((black, np.arange(len(classes))), class_names=classes)
    return make_envs(config, 1, None, dataset=images, image_size=None)


def _gone(config: TrainingConfig) -> bool:
    return bool(config.images) and not is_folder(config.dataset)


def task_of(env_id: str, **arguments: Any) -> Task:
    """The task of an id with these arguments; see `make_envs` for the errors."""
    envs = _make(env_id, 1, 1, arguments)
    try:
        return task(envs)
    finally:
        envs.close()


def task(envs: Envs) -> Task:
    """The task of these environments."""
    asked: Task = envs.unwrapped.task if hasattr(envs.unwrapped, "task") else envs.get_attr("task")[0]  # type: ignore[attr-defined]
    return asked


def first_seed(seed: int, split: str | None = None) -> int:
    """The seed of the first episode of a training or an evaluation; the others have the following seeds.

    Trainings, and the evaluations on a split, have a quarter of all seeds each: a training never plays an episode of an
    evaluation, even of one on the images that it learns from.

    Args:
        seed: the seed of the run or of the evaluation, in [0, 2**63).
        split: the split of an evaluation; None for a training.
    """
    region = _REGIONS.index(split if split in _REGIONS else "train")  # evaluations on "train+validation" are with those
    start = int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0]) % (2**62 - _ROOM)
    return region * 2**62 + start


def _make(env_id: str, num_envs: int, max_steps: int, arguments: dict[str, Any]) -> Envs:
    native = is_native(env_id)
    wrappers = [] if native else [lambda env: _OneEpisode(TimeLimit(env, max_steps))]
    try:
        envs = gym.make_vec(env_id, num_envs=num_envs, wrappers=wrappers, **arguments)
    except TypeError as error:
        raise ValueError(f"{env_id} cannot be made with {arguments}: {error}") from error
    for space, keys in (
        (envs.single_observation_space, {"glimpse", "fixation"}),
        (envs.single_action_space, {"location", "action"}),
    ):
        if not (isinstance(space, spaces.Dict) and keys <= set(space)):
            raise ValueError(
                f"{env_id} has no glimpses in {space}: register it with a GlimpseWrapper, or leave out observe='scene'."
            )
    return envs


class _OneEpisode(gym.Wrapper[Any, Any, Any, Any]):
    """Plays one episode for each seed: after its end, a reset without a seed (autoreset) does not begin another."""

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        self._last: Any = None
        self._over = False

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode, unless one has ended and no seed is given."""
        if self._over and seed is None:
            return self._last, {}
        self._over = False
        return self.env.reset(seed=seed, options=options)

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Take a step; after the end, return the last observation."""
        if self._over:
            return self._last, 0.0, False, False, {}
        self._last, reward, terminated, truncated, info = self.env.step(action)
        self._over = terminated or truncated
        return self._last, reward, terminated, truncated, info
