"""Compare the speed of the same task with the most similar package, ap_gym: ``python -m benchmarks.peers [--seconds 3]``.

MNIST 28x28 in memory, a 5x5 glimpse at one scale, 16 steps with a scored prediction at each, random actions. The packages run
in turn, each in its own process on one thread. The first run installs ap_gym into a virtual environment in build/.

ap_gym downloads MNIST from a hub; here it reads the same images from memory. Its bare environments are timed, without the log
wrappers of its registered ids and without its prefetching thread, which is faster on one core.
"""

import argparse
import gzip
import json
import os
import pathlib
import statistics
import subprocess
import sys
import venv
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.machine import machine, rates, table, told_by

NUM_ENVS = 256
ROUNDS = 3
PEER_PACKAGES = ("ap_gym==0.7.1", "aiohttp", "pillow")  # it imports the last two, but does not require them

_NUM_IMAGES = 55_000  # of our "train" split
_ROOT = pathlib.Path(__file__).parents[1]
_MNIST = _ROOT / "glimpse_env" / "data" / "mnist"
_PEERS_VENV = _ROOT / "build" / "peers-venv"
_PEERS_PYTHON = _PEERS_VENV / ("Scripts" if os.name == "nt" else "bin") / "python"


def install_peers() -> None:
    """Make the virtual environment of the peer, unless it is complete."""
    done = _PEERS_VENV / "installed.txt"
    if done.exists() and done.read_text().split() == list(PEER_PACKAGES):
        return
    venv.create(_PEERS_VENV, with_pip=True, clear=True)
    subprocess.run([_PEERS_PYTHON, "-m", "pip", "install", "-qq", *PEER_PACKAGES], check=True)
    done.write_text("\n".join(PEER_PACKAGES))


def glimpse_envs() -> tuple[Any, Any]:
    """Make the single and the vector environment of this package."""
    from glimpse_env import GlimpseEnv, GlimpseVectorEnv

    return (
        GlimpseEnv(patch_size=5, num_scales=1, num_glimpses=16, reward="every"),
        GlimpseVectorEnv(NUM_ENVS, patch_size=5, num_scales=1, num_glimpses=16, reward="every"),
    )


def ap_gym_envs() -> tuple[Any, Any]:
    """Make the environments of ap_gym, in its own virtual environment."""
    from ap_gym import ActivePerceptionVectorToSingleWrapper
    from ap_gym.envs.image import ImageClassificationDataset, ImagePerceptionConfig
    from ap_gym.envs.image_classification import ImageClassificationVectorEnv

    def read(name: str, header: int) -> Any:
        return np.frombuffer(gzip.decompress((_MNIST / name).read_bytes()), np.uint8, offset=header)

    images = read("train-images-idx3-ubyte.gz", header=16).reshape(-1, 28, 28, 1)[:_NUM_IMAGES]
    labels = read("train-labels-idx1-ubyte.gz", header=8)[:_NUM_IMAGES]

    class InMemoryMNIST(ImageClassificationDataset):  # type: ignore[misc]
        """The bundled 28x28 images, in batches."""

        def _get_length(self) -> int:
            return len(images)

        def _get_num_classes(self) -> int:
            return 10

        def _get_num_channels(self) -> int:
            return 1

        def _get_data_point_batch(self, idx: Any) -> tuple[Any, Any]:
            return images[idx], labels[idx]

    class SingleEnv(ActivePerceptionVectorToSingleWrapper):  # type: ignore[misc]
        """Its single environment, with an action space that can be set."""

        action_space = None

        def __init__(self, vector_env: Any) -> None:
            super().__init__(vector_env)
            self.action_space = vector_env.single_action_space

    config = ImagePerceptionConfig(dataset=InMemoryMNIST(), sensor_size=(5, 5), step_limit=16, prefetch=False)
    return SingleEnv(ImageClassificationVectorEnv(1, config)), ImageClassificationVectorEnv(NUM_ENVS, config)


# name -> its Python, a function that makes its environments, the packages whose versions are printed.
SIDES: dict[str, tuple[Any, Callable[[], tuple[Any, Any]], tuple[str, ...]]] = {
    "glimpse_env": (sys.executable, glimpse_envs, ()),
    "ap_gym": (_PEERS_PYTHON, ap_gym_envs, ("ap_gym", "numpy", "scipy", "gymnasium")),
}


def measure(side: str, seconds: float) -> dict[str, Any]:
    """Steps a second of a side's single and vector environment, each with actions sampled in the loop and before."""
    _, make, packages = SIDES[side]
    single, vector = make()
    return {"machine": machine(*packages), "single": rates(single, seconds), "vector": rates(vector, seconds)}


def in_own_process(side: str, seconds: float) -> dict[str, Any]:
    """Measure one side in a fresh process on one thread."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    command = [str(SIDES[side][0]), "-m", "benchmarks.peers", "--side", side, "--seconds", str(seconds)]
    return dict(told_by(command, **threads))


def main() -> None:
    """Measure both sides in turn, and print the medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3.0, help="duration of each measurement, in each round")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)  # for the process of a side
    flags = parser.parse_args()
    if flags.side:
        print(json.dumps(measure(flags.side, flags.seconds)))
        return

    load = os.getloadavg()[0]
    install_peers()
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in SIDES}
    for _ in range(ROUNDS):
        for name in SIDES:
            runs[name].append(in_own_process(name, flags.seconds))

    print(f"MNIST, 5x5 glimpse, 16 steps: steps a second, median of {ROUNDS} rounds.\n")
    rows = []
    for kind, label in (("single", "one environment"), ("vector", f"{NUM_ENVS} environments")):
        for column, actions in enumerate(("sampled in the loop", "sampled before")):
            ours, peers = (statistics.median(run[kind][column] for run in runs[name]) for name in SIDES)
            spread = [a[kind][column] / b[kind][column] for a, b in zip(*runs.values(), strict=True)]
            between = f"{min(spread):.1f} to {max(spread):.1f}"
            rows.append((label, actions, f"{ours:,.0f}", f"{peers:,.0f}", f"{ours / peers:.1f}", between))
    table(("", "actions", *SIDES, "ratio", "in each round"), rows)
    for name in SIDES:
        print(f"{name}: {runs[name][0]['machine']}")
    print(f"Load average before the start: {load:.1f}")


if __name__ == "__main__":
    main()
