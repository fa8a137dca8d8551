"""check_world passes every world of the package, and names what is wrong with one that breaks a contract."""

import numpy as np
import pytest
from rollouts import IDS

from glimpse_env import TASKS, Task, World
from glimpse_env.testing import check_world


class Lamp(World):
    """A lamp in one of four quadrants."""

    num_draws = 2

    def __init__(self, num_envs, *, size=8, num_threads=1):
        self.task = Task(measure="error", num_glimpses=3, action_names=("a", "b", "c", "d"))
        self.scenes = np.zeros((num_envs, size, size, 1), np.uint8)
        self.labels = np.zeros(num_envs, np.int64)
        self.steps = np.zeros(num_envs, np.int64)

    def reset(self, rows, draws, indices):
        size = self.scenes.shape[1]
        x, y = (draws * size).astype(int).T
        self.scenes[rows] = 0
        self.scenes[rows, y, x] = 255
        self.labels[rows] = 2 * (y >= size // 2) + (x >= size // 2)
        self.steps[rows] = 0

    def step(self, actions, playing):
        self.steps += playing
        ended = playing & (self.steps >= 3)
        return (ended & (actions == self.labels)).astype(np.float64), ended

    def info(self):
        return {"label": self.labels}


class Leaves(Lamp):
    def reset(self, rows, draws, indices):
        scenes = self.scenes.copy()
        super().reset(rows, draws, indices)
        self.scenes |= scenes


class AllRows(Lamp):
    def reset(self, rows, draws, indices):
        super().reset(rows, draws, indices)
        self.scenes[:, 0, 0] = 7 * len(rows)


class Dice(Lamp):
    def reset(self, rows, draws, indices):
        super().reset(rows, np.random.random(draws.shape), indices)  # noqa: NPY002


class Restless(Lamp):
    def step(self, actions, playing):
        self.scenes += 1
        return super().step(actions, playing)


class PaysResting(Lamp):
    def step(self, actions, playing):
        _, ended = super().step(actions, playing)
        return np.ones(len(actions)), ended


class Endless(Lamp):
    def step(self, actions, playing):
        return np.zeros(len(actions)), np.zeros(len(actions), np.bool_)


class Forever(Endless):
    def __init__(self, num_envs, **arguments):
        super().__init__(num_envs, **arguments)
        self.task = Task(action_names=("a",))


class SameArrays(Lamp):
    def __init__(self, num_envs, **arguments):
        super().__init__(num_envs, **arguments)
        self.rewards = np.zeros(num_envs)

    def step(self, actions, playing):
        _, ended = super().step(actions, playing)
        self.rewards[:] = playing * self.steps
        return self.rewards, ended


class Integers(Lamp):
    def step(self, actions, playing):
        rewards, ended = super().step(actions, playing)
        return rewards.astype(int), ended


class FloatScenes(Lamp):
    def __init__(self, num_envs, **arguments):
        super().__init__(num_envs, **arguments)
        self.scenes = self.scenes.astype(np.float32)


class Unlabeled(Lamp):
    def info(self):
        return {}


class TakesAll(Lamp):
    def set_arguments(self, **changes):
        pass


class Numbered(Lamp):
    """A row looks at its number in the batch."""

    def info(self):
        return {"label": self.labels, "number": np.arange(len(self.labels))}


class Threads(Lamp):
    def __init__(self, num_envs, *, num_threads=1, **arguments):
        super().__init__(num_envs, **arguments)
        self.threads = num_threads

    def info(self):
        return {"label": self.labels, "threads": np.full(len(self.labels), self.threads)}


FAULTS = {
    Leaves: "overwrite everything from earlier episodes",
    AllRows: "changed scenes in other rows",
    Dice: "depend only on draws",
    Restless: "changed scenes in rows that are not playing",
    PaysResting: "reward 0 and ended False",
    Endless: "task.num_glimpses=3 is the most steps",
    Forever: "has not ended after",
    SameArrays: "return new ones",
    Integers: "float64, not",
    FloatScenes: r"scenes must be \(B, H, W, C\) uint8",
    Unlabeled: "info.* has no 'label'",
    TakesAll: r"call super\(\).set_arguments",
    Numbered: "differ from single ones",
    Threads: "num_threads=3 gives other results",
}


@pytest.mark.parametrize("id", IDS)
def test_worlds_of_the_package_pass(id):
    arguments = dict(TASKS[id])
    check_world(arguments.pop("world", "classification"), **arguments)


class Unknown(Lamp):
    def info(self):
        return {**super().info(), "distance": np.full(len(self.labels), np.nan)}

    def final_info(self):
        return {"distance": np.full(len(self.labels), np.nan)}


def test_a_world_of_ones_own_passes():
    check_world(Lamp)
    check_world(Unknown)
    check_world(Lamp, size=12, patch_size=4, canvas=5)
    check_world(f"{__name__}:Lamp")


@pytest.mark.parametrize("kind", FAULTS, ids=lambda kind: kind.__name__)
def test_a_broken_contract_is_named(kind):
    with pytest.raises(AssertionError, match=FAULTS[kind]):
        check_world(kind)
