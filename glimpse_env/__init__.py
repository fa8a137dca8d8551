"""Glimpse: images as partially observed decision problems, seen through a foveated retina.

Importing the package registers its environments with Gymnasium: ``gym.make("Glimpse-ClutteredMNIST-v0")``.

The letters in shapes: B environments, T glimpses an episode, K scales, C channels, G patch size,
H x W scene size, N images of size h x w, D hidden units.
"""

from typing import Any

import gymnasium as gym

from glimpse_env.datasets import Dataset
from glimpse_env.envs import GlimpseVectorEnv
from glimpse_env.log_polar import LogPolarRetina
from glimpse_env.retina import Retina, RetinaLike
from glimpse_env.single import GlimpseEnv
from glimpse_env.walking import walk
from glimpse_env.worlds import Task, World

__all__ = [
    "FETCHED",
    "GAMES",
    "TASKS",
    "Dataset",
    "GlimpseEnv",
    "GlimpseVectorEnv",
    "LogPolarRetina",
    "Retina",
    "RetinaLike",
    "Task",
    "World",
    "walk",
]
__version__ = "0.1.0"

_LARGE = {"patch_size": 12, "num_glimpses": 8, "translate": True}

# The tasks of Mnih et al. (2014), sections 4.1 and 4.2, and a few others: id -> arguments.
TASKS: dict[str, dict[str, object]] = {
    "Glimpse-MNIST-v0": {"patch_size": 8, "num_scales": 1, "num_glimpses": 7},
    "Glimpse-TranslatedMNIST-v0": {**_LARGE, "num_scales": 3, "scene_size": 60},
    "Glimpse-ClutteredMNIST-v0": {**_LARGE, "num_scales": 3, "scene_size": 60, "num_clutter": 4},
    "Glimpse-ClutteredMNIST100-v0": {**_LARGE, "num_scales": 4, "scene_size": 100, "num_clutter": 8},
    "Glimpse-Haystack-v0": {
        **_LARGE,
        "num_scales": 5,
        "scale_factor": 3,  # from 12 to 972 pixels; with zooms=(9, 1), three scales also reach the whole scene
        "scene_size": 1000,
        "num_clutter": 800,
        "num_glimpses": 10,
    },
    "Glimpse-Catch-v0": {"world": "catch", "patch_size": 6, "num_scales": 3},
    "Glimpse-MultiMNIST-v0": {
        "world": "sequence",
        "patch_size": 12,
        "num_scales": 4,
        "scene_size": 100,
        "num_digits": 2,
        "glimpses_per_answer": 5,
    },
    "Glimpse-Search-v0": {
        "world": "search",
        "patch_size": 8,
        "num_scales": 2,
        "scene_size": 48,
        "num_distractors": 3,
        "num_glimpses": 8,
    },
    "Glimpse-CircleSquare-v0": {"world": "circle_square", "patch_size": 5, "num_scales": 1, "num_glimpses": 8},
    "Glimpse-CircleSquareRelative-v0": {  # the rules of ap_gym 0.7, see docs/benchmark_rules.md
        "world": "circle_square",
        "patch_size": 5,
        "num_scales": 1,
        "num_glimpses": 16,
        "location_mode": "relative",
        "max_step": 0.164,  # 2.3 of 28 pixels
        "figure_size": 8,
        "cut": True,
        "gradient": 1.0,
    },
}

# Tasks on datasets that are downloaded at first use (extra "data").
FETCHED: dict[str, dict[str, object]] = {
    "Glimpse-FashionMNIST-v0": {"dataset": "fashion_mnist", "patch_size": 8, "num_scales": 1, "num_glimpses": 7},
    "Glimpse-CIFAR10-v0": {"dataset": "cifar10", "patch_size": 8, "num_scales": 2, "num_glimpses": 8},
    "Glimpse-SVHN-v0": {"dataset": "svhn", "patch_size": 8, "num_scales": 2, "num_glimpses": 8},
}

# Games from other packages, seen through the same retina; each needs an extra: id -> registration.
GAMES: dict[str, dict[str, Any]] = {
    "Glimpse-CarRacing-v0": {"entry_point": "glimpse_env.games:car_racing", "max_episode_steps": 1000},  # as in CarRacing-v3
    "Glimpse-Atari-v0": {"entry_point": "glimpse_env.games:atari"},
}

for _id, _arguments in (TASKS | FETCHED).items():
    gym.register(
        _id,
        entry_point="glimpse_env:GlimpseEnv",
        vector_entry_point="glimpse_env:GlimpseVectorEnv",
        kwargs=_arguments,
    )
for _id, _how in GAMES.items():
    gym.register(_id, **_how)
