"""The loop that every training here shares: schedule, progress, metrics, checkpoints, Ctrl-C."""

import contextlib
import csv
import dataclasses
import importlib
import io
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

from agents import checkpoints, files
from agents.config import CIRCUMSTANCES, TrainingConfig
from agents.parallel import Ranks
from agents.policy import NotFiniteError

_WARM_UP = 0.02  # of the training, for the learning rate
_SAVED_EVERY = 60.0  # seconds, or at each validation if that comes sooner


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

    Writes into the folder: ``config.json``, ``metrics.csv``, ``checkpoint.pt``, ``checkpoint.previous.pt``.

    Args:
        config: the run.
        folder: of the run, see `begin`.
        model: trained in place.
        optimizer: of its parameters.
        step: makes update number n and returns its figures, among them ``measure``. All its randomness comes from the
            config's seed and n, so that a resumed run is the one that never stopped.
        validate: the measure on the validation split, now.
        measure: "error", in percent, or "score".
        ranks: the processes that share the run.
        resume: go on from the run's newest checkpoint that is whole.
        tensorboard: write the metrics for TensorBoard as well, into the folder's ``tensorboard``.

    Raises:
        FileNotFoundError: nothing to resume.
        ImportError: tensorboard without the extra of that name.
        OSError: a file cannot be written; the older checkpoints stand.
        ConnectionError: another process of the run has ended.
        ValueError: the checkpoints are damaged, or of another config; or the training diverged.
        KeyboardInterrupt: after SIGINT or SIGTERM in any of the processes, when the update was whole and a checkpoint saved.
    """
    board = _board(folder / "tensorboard") if tensorboard and ranks.leads else None
    metrics = Metrics(folder / "metrics.csv", measure, board) if ranks.leads else None
    first = _restore(config, folder, model, optimizer, metrics) if resume else 0
    if ranks.leads:
        files.write(folder / "config.json", json.dumps(dataclasses.asdict(config), indent=2) + "\n")
        (folder / "results.json").unlink(missing_ok=True)  # of a training that is not over

    def save(update: int) -> None:
        if metrics is not None:
            for name, tensor in model.state_dict().items():
                if not tensor.isfinite().all():
                    raise NotFiniteError(f"{name} is not finite")
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "metrics": metrics.state()}
            checkpoints.save(folder, {"config": dataclasses.asdict(config), "update": update, **state})

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
    finished, saved_at = first, time.monotonic()
    with _signals_wait() as asked_to_stop:  # the last save included: a second Ctrl-C waits for it too
        try:
            for update in progress:
                row = step(update)
                finished = update + 1
                if metrics is not None:
                    metrics.add(row)
                    measured = finished % every == 0 or finished == config.num_updates
                    if measured:
                        metrics.write(finished, finished * config.batch_size, validate())
                    if measured or time.monotonic() - saved_at > _SAVED_EVERY:
                        save(finished)
                        saved_at = time.monotonic()
                    if update % 20 == 0:
                        progress.set_postfix(metrics.summary(), refresh=False)
                if ranks.any(bool(asked_to_stop)):
                    raise KeyboardInterrupt
        except NotFiniteError as error:
            raise _diverged(finished, str(error)) from error
        except (KeyboardInterrupt, ConnectionError):  # of a lost process: it stops what is between updates
            save(finished)
            if ranks.leads:
                newest = folder / checkpoints.NEWEST
                print(f"\nStopped. {newest} is saved; resume with the same flags and --resume.", file=sys.stderr)
            raise


@contextlib.contextmanager
def owned(config: TrainingConfig, folder: pathlib.Path, ranks: Ranks, resume: bool, overwrite: bool) -> Iterator[None]:
    """Have a run's folder for this training alone.

    Args:
        config: the run.
        folder: of the run.
        ranks: the processes that share it; the first one takes it.
        resume: the run that stands there goes on.
        overwrite: the run that stands there is given up.

    Raises:
        FileExistsError: a run stands there, and is neither resumed nor overwritten.
        FileNotFoundError: nothing to resume.
        OSError: another process trains there, or it is not writable.
    """
    if not ranks.leads:
        yield
        return
    stands = (folder / "config.json").exists() or checkpoints.exist(folder)
    if stands and not (resume or overwrite):
        raise FileExistsError(f"{folder} holds a run: continue it with --resume, give it up with --overwrite, or use --name.")
    if resume and not checkpoints.exist(folder):
        raise FileNotFoundError(f"No checkpoint in {folder}: train first, or leave --resume away.")
    with files.own(folder):
        for left in folder.glob("*.partial"):  # by a process that was killed
            left.unlink()
        if overwrite and not resume:
            for name in (checkpoints.NEWEST, checkpoints.OLDER, "results.json", "metrics.csv", "config.json"):
                (folder / name).unlink(missing_ok=True)
        yield


def check_finite(row: dict[str, float], update: int) -> None:
    """Stop where something is not a finite number."""
    for name, value in row.items():
        if not math.isfinite(value):
            raise _diverged(update, f"{name} is {value}")


def _diverged(update: int, what: str) -> ValueError:
    return ValueError(f"The training diverged at update {update}: {what}. Lower --learning-rate.")


def _restore(
    config: TrainingConfig, folder: pathlib.Path, model: nn.Module, optimizer: torch.optim.Optimizer, metrics: "Metrics | None"
) -> int:
    """Bring back the state of a run; the number of the update that comes next."""
    saved = checkpoints.load(folder, tell=metrics is not None)
    then = dataclasses.asdict(checkpoints.config_of(type(config), saved["config"], folder))
    now = dataclasses.asdict(config)
    changed = [name for name in now if then[name] != now[name]]
    told = [f"{name} was {then[name]!r} and is {now[name]!r}" for name in changed if name not in CIRCUMSTANCES]
    if told:
        raise ValueError(f"{folder} is of another config: {', '.join(told)}. Give the same flags, or another --name.")
    if (differs := sorted(set(changed) & {"device", "num_threads"})) and metrics is not None:
        print(f"Another {' and '.join(differs)} than before: the last digits of the results may differ.", file=sys.stderr)
    try:
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        if metrics is not None:
            metrics.restore(saved["metrics"])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"{folder} has a checkpoint of another version: train anew, or finish it with that version."
        ) from error
    return int(saved["update"])


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

    def __init__(self, path: pathlib.Path, measure: str, board: Any = None) -> None:
        """Begin; the file is written with the first row."""
        self._path = path
        self._measure = measure
        self._board = board  # a writer of TensorBoard's, or None
        self._sums: dict[str, float] = {}
        self._count = 0
        self._recent = math.nan
        self._validation = math.nan
        self._rows: list[dict[str, Any]] = []
        self._start = time.perf_counter()

    def state(self) -> dict[str, Any]:
        """All that a run needs to go on with its averages as if it had never stopped."""
        averages = {"sums": self._sums, "count": self._count, "recent": self._recent, "validation": self._validation}
        return {**averages, "rows": self._rows, "seconds": time.perf_counter() - self._start}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a `state`, and bring the file back to it."""
        self._sums, self._count = dict(state["sums"]), state["count"]
        self._recent, self._validation = state["recent"], state["validation"]
        self._rows = list(state["rows"])
        self._start = time.perf_counter() - state["seconds"]
        if self._rows:
            self._save()

    def add(self, row: dict[str, float]) -> None:
        """Take in the figures of one update."""
        for name, value in row.items():
            self._sums[name] = self._sums.get(name, 0.0) + float(value)  # what a checkpoint may hold
        self._count += 1
        latest = float(row[self._measure])
        self._recent = latest if math.isnan(self._recent) else 0.98 * self._recent + 0.02 * latest

    def write(self, update: int, episodes: int, validation: float) -> None:
        """Write the averages since the last row, and the validation measure after this update."""
        self._validation = float(validation)
        seconds = time.perf_counter() - self._start
        means = {name: total / self._count for name, total in self._sums.items()}
        row = {"update": update, "episodes": episodes, f"validation_{self._measure}": self._validation, **means}
        self._rows.append({**row, "seconds": round(seconds, 1)})
        self._save()
        if self._board is not None:
            for name, value in row.items():
                self._board.add_scalar(name, value, episodes)
            self._board.flush()
        self._sums, self._count = {}, 0

    def _save(self) -> None:
        content = io.StringIO(newline="")
        writer = csv.DictWriter(content, list(dict.fromkeys(name for row in self._rows for name in row)))
        writer.writeheader()
        writer.writerows(self._rows)
        files.write(self._path, content.getvalue())

    def summary(self) -> dict[str, str]:
        """What the progress bar shows."""
        told = {self._measure: self._recent, "validation": self._validation}
        return {name: f"{value:.2f}" for name, value in told.items() if not math.isnan(value)}
