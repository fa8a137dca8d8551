"""The same task here and in the nearest neighbour, ap_gym: ``python -m benchmarks.peers [--seconds 3]``.

MNIST 28x28 in memory, a 5x5 glimpse at one scale, 16 steps, a prediction scored at each, random actions. Each side runs in
a process of its own, on one thread, in turn. The peer gets a virtual environment in build/, made by the first run.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import venv
from typing import Any

from benchmarks.machine import table

NUM_ENVS = 256
ROUNDS = 3
PEER_PACKAGES = ("ap_gym==0.7.1", "aiohttp", "pillow")  # the last two it imports, but does not ask for

_ROOT = pathlib.Path(__file__).parents[1]
_PEERS_VENV = _ROOT / "build" / "peers-venv"
_PEERS_PYTHON = _PEERS_VENV / ("Scripts" if os.name == "nt" else "bin") / "python"


def install_peers() -> None:
    """Make the virtual environment of the peers, unless the last run left it whole."""
    done = _PEERS_VENV / "installed.txt"
    if done.exists() and done.read_text().split() == list(PEER_PACKAGES):
        return
    venv.create(_PEERS_VENV, with_pip=True, clear=True)
    subprocess.run([_PEERS_PYTHON, "-m", "pip", "install", "-qq", *PEER_PACKAGES], check=True)
    done.write_text("\n".join(PEER_PACKAGES))


def measure(python: str | pathlib.Path, module: str, seconds: float) -> dict[str, Any]:
    """Run one side in a fresh process on one thread, and return what it printed."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    command = [str(python), "-m", module, str(NUM_ENVS), str(seconds)]
    done = subprocess.run(command, cwd=_ROOT, env=os.environ | threads, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{module} failed:\n{done.stderr}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def main() -> None:
    """Measure both sides in turn, and print the medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3.0, help="how long to measure each number, each round")
    seconds = parser.parse_args().seconds

    load = os.getloadavg()[0]
    install_peers()
    sides: dict[str, tuple[str | pathlib.Path, str]] = {
        "glimpse_env": (sys.executable, "benchmarks.peers_glimpse"),
        "ap_gym": (_PEERS_PYTHON, "benchmarks.peers_ap_gym"),
    }
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in sides}
    for _ in range(ROUNDS):
        for name, side in sides.items():
            runs[name].append(measure(*side, seconds))

    print(f"MNIST, 5x5 glimpse, 16 steps: steps a second, median of {ROUNDS} rounds.\n")
    rows = []
    for kind, label in (("single", "one environment"), ("vector", f"{NUM_ENVS} environments")):
        for column, actions in enumerate(("sampled in the loop", "sampled before")):
            ours, peers = (statistics.median(run[kind][column] for run in runs[name]) for name in sides)
            spread = [a[kind][column] / b[kind][column] for a, b in zip(*runs.values(), strict=True)]
            between = f"{min(spread):.1f} to {max(spread):.1f}"
            rows.append((label, actions, f"{ours:,.0f}", f"{peers:,.0f}", f"{ours / peers:.1f}", between))
    table(("", "actions", *sides, "ratio", "in each round"), rows)
    for name in sides:
        print(f"{name}: {runs[name][0]['machine']}")
    print(f"Load average before the start: {load:.1f}")


if __name__ == "__main__":
    main()
