"""Runs that are killed, interrupted and resumed at random moments end as if they had never stopped, bit for bit.

``pytest tests/test_faults.py --faults 20`` is the full form.
"""

import csv
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import time

import pytest
import torch

from agents import checkpoints, ram

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds processes by /proc")

PORT = 29541
TORCHRUN = ["torch.distributed.run", "--nproc-per-node=2", f"--master-port={PORT}", "-m"]
FLAGS = [
    "--env-id=tiny_task:Tiny-v0",
    "--num-episodes=3840",
    "--batch-size=32",
    "--num-validations=40",
    "--precision=float32",
    "--glimpse-network=fc",
    "--hidden-size=16",
    "--size=16",
    "--canvas=12",
    "--name=tiny",
]
HANGS = 60  # seconds within which the ranks that are left must have ended
SLOW = 600  # seconds after which a process hangs for certain


class Training:
    """One training in a folder of its own, in as many processes one after the other as it takes."""

    def __init__(self, folder, launcher=()):
        folder.mkdir()
        self.folder, self.run = folder, folder / "runs" / "tiny"
        self.in_loop = self.named = 0
        self.command = [sys.executable, "-m", *launcher, "agents.ram", *FLAGS]

    def start(self):
        """Go on from the last checkpoint, or begin."""
        resume = ["--resume"] if checkpoints.exist(self.run) else []
        path = f"{pathlib.Path(ram.__file__).parents[1]}{os.pathsep}{pathlib.Path(__file__).parent}"
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path}
        with open(self.folder / "said.txt", "w") as said:
            return subprocess.Popen(
                [*self.command, *resume], cwd=self.folder, env=environment, stdout=said, stderr=said, start_new_session=True
            )

    def said(self):
        return (self.folder / "said.txt").read_text()

    def finish(self):
        process = self.start()
        assert process.wait(SLOW) == 0, self.said()

    def wait_for_the_loop(self, process):
        """Until the loop runs, or the process has ended."""
        end = time.monotonic() + SLOW
        while "batch/s" not in self.said() and process.poll() is None:
            assert time.monotonic() < end, self.said()
            time.sleep(0.01)

    def end(self):
        """All that must not depend on what happened on the way."""
        assert not list(self.run.glob("*.partial"))
        saved = checkpoints.load(self.run)
        for state in (saved["model"], *saved["optimizer"]["state"].values()):
            assert all(tensor.isfinite().all() for tensor in state.values())
        saved["metrics"].pop("seconds")
        rows = list(csv.DictReader((self.run / "metrics.csv").read_text().splitlines()))
        for row in (*rows, *saved["metrics"]["rows"]):
            row.pop("seconds")
        texts = [(self.run / name).read_text() for name in ("config.json", "results.json")]
        pictures = {path.name: path.read_bytes() for path in self.run.glob("*.png") if path.name != "curve.png"}
        assert (self.run / "curve.png").exists()
        return saved, rows, texts, pictures


def assert_same(one, other):
    """Bit for bit, tensors within dicts and lists included."""
    assert type(one) is type(other)
    if isinstance(one, torch.Tensor):
        assert one.equal(other)
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_same(one[key], other[key])
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for pair in zip(one, other, strict=True):
            assert_same(*pair)
    else:
        assert one == other or (one != one and other != other)


def ranks_of(agent):
    """The processes that torchrun started: rank -> number."""
    found = {}
    for process in map(int, pathlib.Path(f"/proc/{agent}/task/{agent}/children").read_text().split()):
        try:
            rank = re.search(rb"(?:^|\0)RANK=(\d+)", pathlib.Path(f"/proc/{process}/environ").read_bytes())
        except OSError:  # it is gone
            continue
        if rank:
            found[int(rank[1])] = process
    return found


def strike(training, blow, rng, launched):
    """Start, strike at a random moment, and wait for the end; whether the blow found it alive."""
    process = training.start()
    if blow == signal.SIGKILL and rng.random() < 0.15:
        time.sleep(rng.uniform(0, 3))  # while it starts
    else:
        training.wait_for_the_loop(process)
        time.sleep(rng.choice((0.1, 0.5, 3)) * rng.random())
    victim, rank = process.pid, None
    if launched and blow == signal.SIGKILL:
        ranks = ranks_of(process.pid)
        if len(ranks) < 2:  # torchrun has not started them yet, or no more
            process.terminate()
            process.wait(SLOW)
            return False
        rank, victim = rng.choice(sorted(ranks.items()))
    if process.poll() is None:
        os.kill(victim, blow)
    if process.wait(HANGS) == 0:  # it had just finished
        return False
    said = training.said()
    if blow != signal.SIGKILL:
        assert "checkpoint.pt is saved; resume with the same flags and --resume." in said, said
        assert launched or process.returncode == 130
    elif launched:
        assert re.search(rf"rank +: {rank} .*\n.*exitcode.*SIGKILL", said.partition("Root Cause")[2]), said
        others = re.findall(r"agents.ram: (rank .*)", said)
        assert set(others) <= {
            f"rank {1 - rank} stops: rank {rank} (process {victim}) has ended. Start all processes again, with --resume."
        }
        training.named += len(others)
    training.in_loop += "batch/s" in said
    return True


@pytest.mark.parametrize(
    ("launcher", "first", "few"),
    [((), [signal.SIGTERM], 2), (TORCHRUN, [signal.SIGINT], 1)],
    ids=["one process", "torchrun"],
)
def test_a_run_that_is_struck_and_resumed_ends_as_one_that_was_not(tmp_path, request, launcher, first, few):
    whole = Training(tmp_path / "whole", launcher)
    whole.finish()
    expected = whole.end()
    kills = request.config.getoption("--faults")
    blows = [*first, *[signal.SIGKILL] * few] if kills is None else [signal.SIGTERM, signal.SIGINT, *[signal.SIGKILL] * kills]
    rng = random.Random(len(blows))
    runs = []
    while blows:  # a run may end before all have fallen
        struck = Training(tmp_path / f"struck {len(runs)}", launcher)
        runs.append(struck)
        while blows and not (struck.run / "results.json").exists():
            if strike(struck, blows[0], rng, bool(launcher)):
                blows.pop(0)
        struck.finish()
        assert_same(struck.end(), expected)
    in_loop, named = sum(run.in_loop for run in runs), sum(run.named for run in runs)
    print(f"{len(runs)} runs, {in_loop} blows while they trained, {named} times the other rank said who was lost")
