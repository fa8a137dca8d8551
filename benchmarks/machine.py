"""Measure speed and memory, describe the machine, make tables. Imports neither this project nor a peer, as it times both."""

import importlib.metadata
import itertools
import json
import os
import pathlib
import platform
import statistics
import subprocess
from collections.abc import Iterable, Sequence
from typing import Any

import gymnasium as gym
from gymnasium.utils.performance import benchmark_step, benchmark_vector_step

REPEATS = 3
# For a script: the peak memory of its process, in MiB. Not getrusage's ru_maxrss: it includes the parent process.
PEAK = 'next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 1024'
_ROOT = pathlib.Path(__file__).parents[1]
_NUM_ACTIONS = 32  # sampled ahead: few enough to stay in the cache


def machine(*packages: str) -> str:
    """Describe this machine in one line.

    Args:
        packages: the packages whose versions to name, if installed; default: numpy, numba, gymnasium and torch.
    """
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor())
    installed = {name.lower(): version for name, version in _versions()}
    names = packages or ("numpy", "numba", "gymnasium", "torch")
    versions = [f"{name} {installed[name]}" for name in names if name in installed]
    return ", ".join([model or platform.machine(), f"{os.cpu_count()} cores", f"Python {platform.python_version()}", *versions])


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a GitHub Markdown table: the first column is left-aligned, the others right-aligned.

    Args:
        headers: the headers of the columns.
        rows: the cells of each row.
    """
    cells = [[str(cell) for cell in row] for row in (headers, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    for row in (cells[0], rule, *cells[1:]):
        first, *others = zip(row, widths, strict=True)
        print("| " + " | ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]) + " |")
    print(flush=True)


def markdown(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a Markdown table for a page."""
    first, *others = (f"| {' | '.join(cells)} |" for cells in (headers, *rows))
    return [first, "|---" * len(headers) + "|", *others]


def told_by(command: Sequence[str], **environment: str) -> Any:
    """Run a command in the project's folder, and return what its last line says, in JSON.

    Raises:
        RuntimeError: it failed; the message has its errors.
    """
    done = subprocess.run(command, cwd=_ROOT, env=os.environ | environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")
    return json.loads(done.stdout.strip().splitlines()[-1])


class Replay:
    """Replaces an action space in the timed loop, with samples drawn before."""

    def __init__(self, space: gym.Space[Any]) -> None:
        self._actions = itertools.cycle([space.sample() for _ in range(_NUM_ACTIONS)])

    def seed(self, seed: int | None = None) -> None:
        """Do nothing: the actions are already drawn."""

    def sample(self) -> Any:
        """Return the next action."""
        return next(self._actions)


def rate(env: gym.Env[Any, Any] | gym.vector.VectorEnv[Any, Any, Any], seconds: float) -> float:
    """Steps a second, summed over a vector environment: the median of three repeats.

    Args:
        env: the environment. Resets take time, but do not count as steps.
        seconds: the duration of all repeats together.
    """
    loop: Any = benchmark_vector_step if isinstance(env, gym.vector.VectorEnv) else benchmark_step
    loop(env, seconds / 20, seed=0)  # compile, warm the caches
    return float(statistics.median(loop(env, seconds / REPEATS, seed=0) for _ in range(REPEATS)))


def rates(env: gym.Env[Any, Any] | gym.vector.VectorEnv[Any, Any, Any], seconds: float) -> tuple[float, float]:
    """Steps a second with each action sampled in the loop, and with actions sampled before; see `rate`."""
    sampling = rate(env, seconds)
    env.action_space = Replay(env.action_space)  # type: ignore[assignment]
    return sampling, rate(env, seconds)


def _versions() -> Iterable[tuple[str, str]]:
    return ((distribution.name, distribution.version) for distribution in importlib.metadata.distributions())
