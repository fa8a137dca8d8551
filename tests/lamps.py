"""A small environment of another package, as it were: a lamp that only who looks at it can tell the light of."""

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from glimpse_env.wrappers import GlimpseWrapper

SIZE = 16
ACTIONS = {
    "choice": spaces.Discrete(2, start=5),
    "level": spaces.Box(0, 10, (1,), np.float32),
    "both": spaces.MultiDiscrete([2, 3]),
}
START, END = 4, 8  # how many steps an episode has at least, and at most: there it is truncated


class Lamp(gym.Env):
    """On the right of a dark picture is a lamp, whose light, from 0 to 10, is another one at each step.

    The reward is 1 for saying whether it is more than 5 (5 is no, 6 is yes); or how close to it a number from 0 to 10 is: 1,
    less what it is off as a share of 5. Episodes end by chance, or are truncated; ``endless`` ones are neither.
    """

    def __init__(self, action="choice", endless=False):
        self.observation_space = spaces.Box(0, 255, (SIZE, SIZE), np.uint8)
        self.action_space = ACTIONS[action]
        self._endless = endless

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return self._observe(), {}

    def step(self, action):
        assert action in self.action_space, action
        self.steps += 1
        if isinstance(self.action_space, spaces.Discrete):
            reward = float((action == 6) == (self.light > 5))
        else:
            reward = 1 - abs(float(action[0]) - self.light) / 5
        ended = not self._endless and self.steps >= START and bool(self.np_random.random() < 0.3)
        return self._observe(), reward, ended, self.steps == END and not self._endless, {"label of another kind": "lamp"}

    def _observe(self):
        self.light = self.np_random.uniform(0, 10)
        picture = np.zeros((SIZE, SIZE), np.uint8)
        picture[:, 10:] = 55 + 20 * self.light
        return picture


def make(**arguments):
    """The lamp, seen through a small patch that does not reach it from the middle."""
    return GlimpseWrapper(Lamp(**arguments), patch_size=4, initial_fixation="center")


gym.register("Lamp-v0", entry_point=make)
gym.register("LampLevel-v0", entry_point=make, kwargs={"action": "level"})
gym.register("LampBoth-v0", entry_point=make, kwargs={"action": "both"})
gym.register("LampEndless-v0", entry_point=make, kwargs={"endless": True})
gym.register("LampUnseen-v0", entry_point=Lamp)
