"""The side of ap_gym in ``benchmarks.peers``: run by the Python of the peers' own virtual environment.

Its MNIST comes from a hub; here the same images lie in memory. Its bare environments are timed, without the log wrappers
that its registered ids add, and without its thread that fetches images ahead: on one core it is faster so.
"""

import gzip
import json
import pathlib
import sys
from typing import Any

import numpy as np
import numpy.typing as npt
from ap_gym import ActivePerceptionVectorToSingleWrapper
from ap_gym.envs.image import ImageClassificationDataset, ImagePerceptionConfig
from ap_gym.envs.image_classification import ImageClassificationVectorEnv

from benchmarks.machine import machine
from benchmarks.timing import rates

_MNIST = pathlib.Path(__file__).parents[1] / "glimpse_env" / "data" / "mnist"
_NUM_IMAGES = 55_000  # of our "train" split


class InMemoryMNIST(ImageClassificationDataset):
    """The bundled 28x28 images, handed out a batch at a time."""

    def __init__(self) -> None:
        self._images = _read("train-images-idx3-ubyte.gz", header=16).reshape(-1, 28, 28, 1)[:_NUM_IMAGES]
        self._labels = _read("train-labels-idx1-ubyte.gz", header=8)[:_NUM_IMAGES]

    def _get_length(self) -> int:
        return len(self._images)

    def _get_num_classes(self) -> int:
        return 10

    def _get_num_channels(self) -> int:
        return 1

    def _get_data_point_batch(self, idx: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
        return self._images[idx], self._labels[idx]


class SingleEnv(ActivePerceptionVectorToSingleWrapper):
    """Its single environment, with an action space that can be set."""

    action_space = None

    def __init__(self, vector_env: ImageClassificationVectorEnv) -> None:
        super().__init__(vector_env)
        self.action_space = vector_env.single_action_space


def measure(num_envs: int, seconds: float) -> dict[str, Any]:
    """Steps a second of the single and the vector environment, each sampling in the loop and before."""
    config = ImagePerceptionConfig(dataset=InMemoryMNIST(), sensor_size=(5, 5), step_limit=16, prefetch=False)
    single, vector = SingleEnv(ImageClassificationVectorEnv(1, config)), ImageClassificationVectorEnv(num_envs, config)
    versions = machine("ap_gym", "numpy", "scipy", "gymnasium")
    return {"machine": versions, "single": rates(single, seconds), "vector": rates(vector, seconds)}


def _read(name: str, header: int) -> npt.NDArray[np.uint8]:
    return np.frombuffer(gzip.decompress((_MNIST / name).read_bytes()), np.uint8, offset=header)


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]), float(sys.argv[2]))))
