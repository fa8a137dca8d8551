"""The whole interface in one loop: look and guess at random."""

import gymnasium as gym

import glimpse_env  # noqa: F401  # registers the ids

env = gym.make("Glimpse-ClutteredMNIST-v0")
observation, info = env.reset(seed=0)
episodes, correct = 0, 0
env.action_space.seed(0)
while episodes < 1000:
    action = env.action_space.sample()  # {"location": (x, y) in [-1, 1], "action": the class}
    observation, reward, terminated, truncated, info = env.step(action)
    if terminated:
        episodes, correct = episodes + 1, correct + info["correct"]
        observation, info = env.reset()
print(f"{100 * correct / episodes:.1f} % of {episodes} scenes named right by chance")
