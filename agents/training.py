"""The loop that every training here shares: schedule, progress, metrics, checkpoints, Ctrl-C."""

import contextlib
import csv
import dataclasses
import importlib
import json
import math
import pathlib
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import gymnasium as gym
import torch
from torch import nn
from tqdm import tqdm

from agents import checkpoints
from agents.config import TrainingConfig
from agents.parallel import Ranks

_WARM_UP = 0.02  # of the training, for the learning rate


def fit(
    config: TrainingConfig,
    folder: pathlib.Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    step: Callable[[int], dict[str, float]],
    validate: Callable[[], float],
    measure: str,
    ranks: Ranks,
    resume: bool = False,
    tensorboard: bool = False,
) -> None:
    """Train a model, or go on where a run was cut.

    Writes into the folder: ``config.json``, ``metrics.csv``, ``checkpoint.pt``.

    Args:
        config: the run.
        folder: of the run.
        model: trained in place.
        optimizer: of its parameters.
        step: makes update number n and returns its figures, among them ``measure``. All its randomness comes from the
            config's seed and n, so that a resumed run is the one that never stopped.
        validate: the measure on the validation split, now.
        measure: what counts: "error", in percent, or "return".
        ranks: the processes that share the run.
        resume: go on from the run's checkpoint.
        tensorboard: write the metrics for TensorBoard as well, into the folder's ``tensorboard``.

    Raises:
        FileNotFoundError: nothing to resume.
        ImportError: tensorboard without the extra of that name.
        ValueError: the checkpoint is damaged, or of another config.
        KeyboardInterrupt: after SIGINT or SIGTERM, when the update was whole and a checkpoint saved.
    """
    checkpoint = folder / "checkpoint.pt"
    first = 0
    if resume:
        saved = checkpoints.load(checkpoint)
        if saved["config"] != dataclasses.asdict(config):
            raise ValueError(f"{checkpoint} is of another config: give the same flags, or another --name.")
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        first = saved["update"]
    elif ranks.leads:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(dataclasses.asdict(config), indent=2) + "\n")

    def save(update: int) -> None:
        if ranks.leads:
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
            checkpoints.save(checkpoint, {"config": dataclasses.asdict(config), "update": update, **state})

    board = _board(folder / "tensorboard") if tensorboard and ranks.leads else None
    metrics = Metrics(folder / "metrics.csv", first, measure, board) if ranks.leads else None
    every = max(1, config.num_updates // config.num_validations)
    progress = tqdm(
        range(first, config.num_updates),
        initial=first,
        total=config.num_updates,
        desc=config.run_name,
        unit="batch",
        disable=not ranks.leads,
        dynamic_ncols=True,
        mininterval=0.5,
    )
    finished = first
    try:
        with _signals_wait() as asked_to_stop:
            for update in progress:
                row = step(update)
                finished = update + 1
                if metrics is not None:
                    metrics.add(row)
                    if finished % every == 0 or finished == config.num_updates:
                        metrics.write(finished, finished * config.batch_size, validate())
                        save(finished)
                    if update % 20 == 0:
                        progress.set_postfix(metrics.summary(), refresh=False)
                if asked_to_stop:
                    raise KeyboardInterrupt
    except KeyboardInterrupt:
        save(finished)
        if ranks.leads:
            print(f"\nStopped. {checkpoint} is saved; go on with the same flags and --resume.", file=sys.stderr)
        raise


def anneal(optimizer: torch.optim.Optimizer, config: TrainingConfig, update: int) -> None:
    """Set the learning rate of an update: a short linear warm-up, then a cosine to 0."""
    done = update / config.num_updates
    warm = min(1.0, (done + 1 / config.num_updates) / _WARM_UP)
    for group in optimizer.param_groups:
        group["lr"] = config.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * done))


@contextlib.contextmanager
def _signals_wait() -> Iterator[list[int]]:
    """Note SIGINT and SIGTERM in the list that is given, so that none of them cuts an update in two."""
    noted: list[int] = []
    if threading.current_thread() is not threading.main_thread():  # where Python hears no signals
        yield noted
        return
    older = {number: signal.signal(number, lambda heard, _: noted.append(heard)) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield noted
    finally:
        for number, handler in older.items():
            signal.signal(number, handler)


def _board(folder: pathlib.Path) -> Any:
    try:
        return importlib.import_module("tensorboardX").SummaryWriter(str(folder))
    except ImportError as error:
        raise ImportError('--tensorboard needs tensorboardX: pip install "glimpse-env[tensorboard]".') from error


@contextlib.contextmanager
def plain_errors(command: str) -> Iterator[None]:
    """End a command with a message where a user needs no traceback."""
    try:
        yield
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except (OSError, ValueError, ImportError, gym.error.Error) as error:
        raise SystemExit(f"{command}: {error}") from error


class Metrics:
    """The running averages of a training, and their file: one row a validation."""

    def __init__(self, path: pathlib.Path, first_update: int, measure: str, board: Any = None) -> None:
        """Open a new file, or keep an older one's rows up to the update from which it goes on."""
        self._path = path
        self._measure = measure
        self._board = board  # a writer of TensorBoard's, or None
        self._sums: dict[str, float] = {}
        self._count = 0
        self._recent = math.nan
        self._validation = math.nan
        self._rows: list[dict[str, Any]] = []
        if first_update and path.exists():
            with open(path, newline="") as file:
                self._rows = [row for row in csv.DictReader(file) if int(row["update"]) <= first_update]
        self._start = time.perf_counter() - (float(self._rows[-1]["seconds"]) if self._rows else 0.0)

    def add(self, row: dict[str, float]) -> None:
        """Take in the figures of one update."""
        for name, value in row.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._count += 1
        self._recent = row[self._measure] if math.isnan(self._recent) else 0.98 * self._recent + 0.02 * row[self._measure]

    def write(self, update: int, episodes: int, validation: float) -> None:
        """Write the averages since the last row, and the validation measure after this update."""
        self._validation = validation
        seconds = time.perf_counter() - self._start
        means = {name: total / self._count for name, total in self._sums.items()}
        row = {"update": update, "episodes": episodes, f"validation_{self._measure}": validation, **means}
        self._rows.append({**row, "seconds": round(seconds, 1)})
        names = list(dict.fromkeys(name for row in self._rows for name in row))
        with open(self._path, "w", newline="") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(self._rows)
        if self._board is not None:
            for name, value in row.items():
                self._board.add_scalar(name, value, episodes)
            self._board.flush()
        self._sums, self._count = {}, 0

    def summary(self) -> dict[str, str]:
        """What the progress bar shows."""
        unit = " %" if self._measure == "error" else ""
        return {self._measure: f"{self._recent:.2f}{unit}", "validation": f"{self._validation:.2f}{unit}"}
