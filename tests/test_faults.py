"""Runs that are killed, interrupted and resumed at random moments end as if they had never stopped, bit for bit.

``pytest tests/test_faults.py --faults 20`` is the full form, of longer runs that draw their figures.
"""

import csv
import dataclasses
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import sys
import time

import pytest
import tiny_task  # noqa: F401
import torch
from tiny_runs import TINY, flags_of

from agents import checkpoints, figures, ram

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds processes by /proc")

TORCHRUN = ["torch.distributed.run", "--nproc-per-node=2", "-m"]
REWARD = {"hybrid": False, "credit": "reward", "gamma": 1.0}
CONFIG = dataclasses.replace(TINY, **REWARD, canvas=12, num_episodes=640, num_validations=5)
LONG = {"num_episodes": 3840, "num_validations": 40}
HANGS = 60  # seconds within which the ranks that are left must have ended
SLOW = 300  # seconds after which a process hangs for certain: fewer than pytest's own limit, which says less


def free_port():
    """A port of this machine that no other run of the tests listens on, for torchrun's ranks to meet."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class Training:
    """One training in a folder of its own, in as many processes one after the other as it takes."""

    def __init__(self, folder, config, launcher=(), drawn=False):
        folder.mkdir()
        self.folder, self.run, self.config = folder, folder / "runs" / "tiny", config
        self.in_loop = self.named = 0
        self.launcher, self.drawn, self.alone = launcher, drawn, not launcher
        self.command = [sys.executable, "-m", *launcher, "agents.ram" if drawn else "undrawn_ram", *flags_of(config)]

    def start(self):
        """Go on from the last checkpoint, or begin."""
        resume = ["--resume"] if checkpoints.exist(self.run) else []
        path = f"{pathlib.Path(ram.__file__).parents[1]}{os.pathsep}{pathlib.Path(__file__).parent}"
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path, "PET_MASTER_PORT": str(free_port())}
        with open(self.folder / "said.txt", "w") as said:
            return subprocess.Popen(
                [*self.command, *resume], cwd=self.folder, env=environment, stdout=said, stderr=said, start_new_session=True
            )

    def said(self):
        return (self.folder / "said.txt").read_text()

    def finish(self):
        """Go on to the end, without a process of its own if it needs none."""
        if self.alone:
            ram.train(self.config, resume=checkpoints.exist(self.run), runs=self.run.parent)
        else:
            assert self.wait(self.start(), SLOW) == 0, self.said()

    def wait(self, process, seconds):
        """How the process ended; one that hangs is killed with its ranks, so that it disturbs no other."""
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            for each in (*ranks_of(process.pid).values(), process.pid):
                os.kill(each, signal.SIGKILL)
            pytest.fail(f"It hangs. It said:\n{self.said()}")

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


def strike(training, blow, rng):
    """Start, strike at a random moment, and wait for the end; whether the blow found it alive."""
    process = training.start()
    if blow == signal.SIGKILL and rng.random() < 0.15:
        time.sleep(rng.uniform(0, 3))  # while it starts
    else:
        training.wait_for_the_loop(process)
        time.sleep(rng.choice((0.1, 0.5, 3)) * rng.random() * training.config.num_episodes / LONG["num_episodes"])
    victim, rank, launched = process.pid, None, not training.alone
    if launched and blow == signal.SIGKILL:
        ranks = ranks_of(process.pid)
        if len(ranks) < 2:  # torchrun has not started them yet, or no more
            process.terminate()
            training.wait(process, SLOW)
            return False
        rank, victim = rng.choice(sorted(ranks.items()))
    if process.poll() is None:
        os.kill(victim, blow)
    if training.wait(process, HANGS) == 0:  # it had just finished
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


@pytest.fixture(scope="module", params=[(), TORCHRUN], ids=["one process", "torchrun"])
def whole(request, tmp_path_factory):
    """A training that nothing stops."""
    full = request.config.getoption("--faults") is not None
    config = dataclasses.replace(CONFIG, **LONG) if full else CONFIG
    with pytest.MonkeyPatch.context() as patch:
        if not full:
            patch.setattr(figures, "draw", lambda *arguments: [])
        training = Training(tmp_path_factory.mktemp("runs") / "whole", config, request.param, full)
        training.finish()
        yield training


def test_a_run_that_is_struck_and_resumed_ends_as_one_that_was_not(whole, tmp_path, request):
    kills = request.config.getoption("--faults")
    blows = [signal.SIGTERM if whole.alone else signal.SIGINT, signal.SIGKILL]
    if kills is not None:
        blows = [signal.SIGTERM, signal.SIGINT, *[signal.SIGKILL] * kills]
    expected = whole.end()
    rng = random.Random(len(blows))
    runs = []
    while blows:  # a run may end before all have fallen
        struck = Training(tmp_path / f"struck {len(runs)}", whole.config, whole.launcher, whole.drawn)
        runs.append(struck)
        while blows and not (struck.run / "results.json").exists():
            if strike(struck, blows[0], rng):
                blows.pop(0)
        struck.finish()
        assert_same(struck.end(), expected)
    in_loop, named = sum(run.in_loop for run in runs), sum(run.named for run in runs)
    print(f"{len(runs)} runs, {in_loop} blows while they trained, {named} times the other rank said who was lost")


@pytest.mark.parametrize("whole", [TORCHRUN], ids=["torchrun"], indirect=True)
def test_two_processes_learn_what_one_does(whole, tmp_path):
    """N ranks are one big vector env: the same scenes, the same noise, the same gradient to float tolerance."""
    if whole.config is not CONFIG:
        pytest.skip("in float32 long runs drift apart")
    one, two = Training(tmp_path / "one", whole.config), checkpoints.load(whole.run)["model"]
    one.finish()
    for name, tensor in checkpoints.load(one.run)["model"].items():
        torch.testing.assert_close(two[name], tensor, atol=2e-5, rtol=1e-4)
    assert whole.said().count("0/20 [00:00<?, ?batch/s]") == 1, "one progress bar"
    assert whole.said().count("watch --weights") == 1
