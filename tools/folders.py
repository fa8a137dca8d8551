"""The cost of a folder with many files: ``python -m tools.folders [--num-files 100000]`` makes one, and prints a table."""

import argparse
import io
import pathlib
import sys
import tempfile

import numpy as np
from PIL import Image

from benchmarks.machine import PEAK, machine, table, told_by

_NUM_CLASSES = 1000
_PLAY = f"""
import json, sys, time
import gymnasium as gym, glimpse_env
start = time.perf_counter()
envs = gym.make_vec("Glimpse-ClutteredMNIST-v0", 256, dataset=sys.argv[1], split="train", autoreset_mode="SameStep")
made = time.perf_counter()
envs.reset(seed=0)
envs.action_space.seed(0)
played = time.perf_counter()
for _ in range(80):
    envs.step(envs.action_space.sample())
stop = time.perf_counter()
print(json.dumps([made - start, 256 * 80 / (stop - played), {PEAK}]))
"""


def make(root: pathlib.Path, num_files: int) -> None:
    """Fill a folder with small JPEG files in color, the same number in each class."""
    rng = np.random.default_rng(0)
    contents = []
    for pixels in rng.integers(0, 256, (64, 32, 32, 3), np.uint8):
        content = io.BytesIO()
        Image.fromarray(pixels).save(content, "jpeg")
        contents.append(content.getvalue())
    for label in range(_NUM_CLASSES):
        folder = root / f"{label:04}"
        folder.mkdir()
        for number in range(num_files // _NUM_CLASSES):
            (folder / f"{number:05}.jpg").write_bytes(contents[(label + number) % 64])


def main() -> None:
    """Make the folder, play in a fresh process, and print its time and memory."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--num-files", type=int, default=100_000)
    num_files = parser.parse_args().num_files
    print(f"{machine()}\n\n256 environments of 60x60 with 4 pieces of clutter, from JPEG files of 32x32, decoded when used.\n")
    with tempfile.TemporaryDirectory() as root:
        make(pathlib.Path(root), num_files)
        made, rate, peak = told_by([sys.executable, "-c", _PLAY, root])
    table(
        ("files", "seconds to make", "steps a second", "peak memory"),
        [(f"{num_files:,}", f"{made:.1f}", f"{rate:,.0f}", f"{peak:.0f} MiB")],
    )


if __name__ == "__main__":
    main()
