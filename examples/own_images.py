"""Your own images, from a pair of arrays: here, colored squares and discs."""

import numpy as np

from glimpse_env import GlimpseVectorEnv

rng = np.random.default_rng(0)
rows, columns = np.mgrid[:32, :32]
centers = rng.uniform(8, 24, (1000, 2, 1, 1))
labels = rng.integers(0, 2, 1000)
distance_y, distance_x = np.abs(rows - centers[:, 0]), np.abs(columns - centers[:, 1])
square, disc = np.maximum(distance_y, distance_x) < 5, distance_y**2 + distance_x**2 < 36
shapes = np.where(labels[:, None, None] == 0, square, disc)
images = shapes[..., None] * rng.uniform(0.3, 1, (1000, 1, 1, 3))  # (N, h, w, C) float in [0, 1]

envs = GlimpseVectorEnv(64, dataset=(images, labels), patch_size=8, num_scales=2, num_glimpses=4, reward="every")
observations, infos = envs.reset(seed=0)
print("glimpses", observations["glimpse"].shape, "of scenes", envs.world.scenes.shape)
for _ in range(4):
    observations, rewards, terminations, truncations, infos = envs.step(envs.action_space.sample())
print(f"{100 * infos['mean_accuracy'].mean():.0f} % named right by chance, of two classes")
