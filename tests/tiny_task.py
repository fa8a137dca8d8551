"""A task of few small images, so that a run of it is a matter of seconds: ``--env-id tiny_task:Tiny-v0``."""

import gymnasium as gym
import numpy as np


def _images(seed):
    """Noise around a level of gray, which is the class."""
    labels = np.arange(24) % 3
    noise = np.random.default_rng(seed).integers(0, 100, (24, 14, 14), np.uint8)
    return noise + (60 * labels[:, np.newaxis, np.newaxis]).astype(np.uint8), labels


gym.register(
    "Tiny-v0",
    entry_point="glimpse_env:GlimpseEnv",
    vector_entry_point="glimpse_env.envs:GlimpseVectorEnv",
    kwargs={
        "dataset": {split: _images(seed) for seed, split in enumerate(("train", "validation", "test"))},
        "num_glimpses": 3,
        "patch_size": 6,
    },
)
