"""Hashes of each id's first 100 observations, rewards and ends, in ``tests/golden.json``.

``python -m tools.golden`` adds the hashes of new ids. ``--again ID`` overwrites those of an id; use it only before the id is
published, because a task that changes needs a new version.
"""

import argparse
import hashlib
import json
import pathlib

import gymnasium as gym
import numpy as np

from glimpse_env import TASKS

FILE = pathlib.Path(__file__).parents[1] / "tests" / "golden.json"
NUM_OBSERVATIONS = 100
SEED = 2**40 + 3  # more than 32 bits


def published():
    """Read the hashes: id -> what -> hash."""
    return json.loads(FILE.read_text()) if FILE.exists() else {}


def played(id):
    """Play an id by a fixed rule, in integers only: what -> hash."""
    env = gym.make(id, disable_env_checker=True)
    num_actions = int(env.action_space["action"].n)
    hashes = {what: hashlib.sha256() for what in ("observations", "rewards", "ends")}
    observation, info = env.reset(seed=SEED)
    for t in range(NUM_OBSERVATIONS):
        for name in sorted(observation):
            hashes["observations"].update(encoded(name, observation[name]))
        location = np.array([t % 17 / 8 - 1, t % 19 / 9 - 1], np.float32)
        label, action = info.get("label"), t * t // 5 % num_actions
        if t % 3 and isinstance(label, int) and 0 <= label < num_actions:  # answer right now and then
            action = label
        observation, reward, terminated, truncated, info = env.step({"location": location, "action": np.int64(action)})
        hashes["rewards"].update(encoded("reward", np.float64(reward)))
        hashes["ends"].update(encoded("end", np.array([terminated, truncated])))
        if terminated or truncated:
            observation, info = env.reset()
    return {what: found.hexdigest() for what, found in hashes.items()}


def encoded(name, value):
    """An array as bytes, the same on every machine: its name, kind, width and shape, then its values, lowest byte first.

    Floats are not rounded. Those of our ids are exact everywhere: they come from sums, products and quotients, which IEEE 754
    defines to the last bit. An id with a sine or an exponential (``rotation``, ``scale``) would need a tolerance.
    """
    array = np.asarray(value)
    head = f"{name} {array.dtype.kind}{array.dtype.itemsize} {array.shape} "
    return head.encode() + np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()


def main():
    """Write the missing hashes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--again", metavar="ID", action="append", default=[], choices=list(TASKS), help="overwrite this one")
    again = parser.parse_args().again
    known = published()
    for id in TASKS:
        if id not in known or id in again:
            known[id] = played(id)
            print(f"{id}: {known[id]}")
    FILE.write_text(json.dumps(known, indent=2) + "\n")


if __name__ == "__main__":
    main()
