"""The speed of the examples that train: ``python -m benchmarks.examples`` prints a table.

Steps a second of each training, in a process of its own on one thread. A run of so many steps, and one of twice as many,
differ by just these steps: what starts a process, compiles and measures the agent does not count. All runs are made in turn,
several times. Examples differ in their tasks and settings, see their first lines. An example whose library is not installed
is left out, and so is that of RLlib, which pins a version of Gymnasium.
"""

import argparse
import importlib.util
import os
import pathlib
import statistics
import subprocess
import sys
import time

from benchmarks.machine import machine, table

ROUNDS = 3
# example -> its library, and how many steps take some seconds: whole updates.
EXAMPLES = {
    "sb3_ppo": ("stable_baselines3", 12_288),
    "sb3_recurrent_ppo": ("sb3_contrib", 7_680),
    "recurrent_ppo": ("tyro", 32_256),
    "numpy_policy": ("numpy", 512_000),
    "torchrl_env": ("torchrl", 15_360),
}
_ROOT = pathlib.Path(__file__).parents[1]


def seconds_of(example: str, num_steps: int) -> float:
    """Seconds of a run of an example, from start to end."""
    command = [sys.executable, f"examples/{example}.py", f"--num-steps={num_steps}"]
    start = time.perf_counter()
    subprocess.run(command, cwd=_ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"}, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def rate_of(example: str, num_steps: int) -> float:
    """Steps a second of an example's training."""
    once, twice = (seconds_of(example, times * num_steps) for times in (1, 2))
    return num_steps / (twice - once)


def main() -> None:
    """Measure all in turn, and print their median rates, and the ratio of each to Stable-Baselines3's PPO."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    found = {name: steps for name, (library, steps) in EXAMPLES.items() if importlib.util.find_spec(library)}
    rounds = [[rate_of(name, steps) for name, steps in found.items()] for _ in range(ROUNDS)]
    medians = [statistics.median(rates) for rates in zip(*rounds, strict=True)]
    first, *_ = found
    rows = [
        (f"examples/{name}.py", f"{rate:,.0f}", f"{rate / medians[0]:.2f}") for name, rate in zip(found, medians, strict=True)
    ]
    print(f"Steps a second of a training, median of {ROUNDS} rounds.\n")
    table(("", "steps a second", f"ratio to {first}.py"), rows)
    print(machine("torch", "stable_baselines3", "sb3_contrib", "torchrl"))


if __name__ == "__main__":
    main()
