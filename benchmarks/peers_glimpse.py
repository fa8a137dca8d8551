"""Our side of ``benchmarks.peers``: the shared task, timed in a process of its own."""

import json
import sys
from typing import Any

from benchmarks.machine import machine
from benchmarks.timing import rates
from glimpse_env import GlimpseEnv, GlimpseVectorEnv


def measure(num_envs: int, seconds: float) -> dict[str, Any]:
    """Steps a second of the single and the vector environment, each sampling in the loop and before."""
    task: dict[str, Any] = {"patch_size": 5, "num_scales": 1, "num_glimpses": 16, "reward": "every"}
    single, vector = GlimpseEnv(**task), GlimpseVectorEnv(num_envs, **task)
    return {"machine": machine(), "single": rates(single, seconds), "vector": rates(vector, seconds)}


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]), float(sys.argv[2]))))
