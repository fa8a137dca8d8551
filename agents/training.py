"""The loop that all trainings share: schedule, progress, metrics, checkpoints, Ctrl-C."""

import contextlib
import dataclasses
import json
import math
import pathlib
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator

import gymnasium as gym
import torch
from torch import nn
from tqdm import tqdm

from agents import checkpoints, files
from agents.config import CIRCUMSTANCES, TrainingConfig
from agents.metrics import Metrics
from agents.parallel import Ranks
from agents.policy import NotFiniteError

_WARM_UP = 0.02  # share of the training in which the learning rate rises
_PICTURES = ("paths.png", "fixations.png", "confusion.png", "distances.png", "curve.png", "watch.gif")
_SAVED_EVERY = 60.0  # seconds; also at each validation


class DivergedError(ValueError):
    """A training diverged, and was stopped."""


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
    """Train a model, or resume a run.

    Writes into the folder: ``config.json``, ``metrics.csv``, ``checkpoint.pt``, ``checkpoint.previous.pt``.

    Args:
        config: the run.
        folder: the folder of the run, see `owned`.
        model: the model, trained in place.
        optimizer: the optimizer of its parameters.
        step: makes update number n and returns its figures, which include ``measure``. All its randomness comes from the
            config's seed and n, so that a resumed run equals one that never stopped.
        validate: returns the current measure on the validation split.
        measure: "error", in percent, or "score".
        ranks: the processes that share the run.
        resume: whether to resume from the run's newest undamaged checkpoint.
        tensorboard: whether to write the metrics also for TensorBoard, into the folder's ``tensorboard``.

    Raises:
        FileNotFoundError: there is nothing to resume.
        ImportError: the extra "tensorboard" is not installed.
        OSError: a file cannot be written; the older checkpoints are unchanged.
        ConnectionError: another process of the run has ended.
        ValueError: the checkpoints are damaged, or of another config.
        DivergedError: the training diverged; it is a ValueError.
        KeyboardInterrupt: SIGINT or SIGTERM came to any of the processes; the update is complete and a checkpoint saved.
    """
    metrics = Metrics(folder, measure, tensorboard) if ranks.leads else None
    first = _restore(config, folder, model, optimizer, metrics) if resume else 0
    if ranks.leads:
        path, content = folder / "config.json", json.dumps(dataclasses.asdict(config), indent=2) + "\n"
        if not (path.exists() and path.read_text() == content):  # its time is that of the run's beginning
            files.write(path, content)
        (folder / "results.json").unlink(missing_ok=True)  # it belongs to a finished training

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
        desc="training",
        unit="batch",
        disable=not ranks.leads,
        dynamic_ncols=True,
        mininterval=0.5,
    )
    finished, saved_at = first, time.monotonic()
    with _signals_wait() as asked_to_stop:  # also during the last save, for a second Ctrl-C
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
        except (KeyboardInterrupt, ConnectionError):  # a lost process also stops the others between updates
            save(finished)
            if ranks.leads:
                newest = folder / checkpoints.NEWEST
                print(f"\nStopped. {newest} is saved; resume with the same flags and --resume.", file=sys.stderr)
            raise


@contextlib.contextmanager
def owned(config: TrainingConfig, folder: pathlib.Path, ranks: Ranks, resume: bool, overwrite: bool) -> Iterator[None]:
    """Lock a run's folder for this training.

    Args:
        config: the run.
        folder: the folder of the run.
        ranks: the processes that share the run; the first one locks the folder.
        resume: whether to resume an existing run.
        overwrite: whether to replace an existing run.

    Raises:
        FileExistsError: the folder contains a run, which is neither resumed nor overwritten.
        FileNotFoundError: there is nothing to resume.
        OSError: another process trains there, or the folder is not writable.
    """
    if not ranks.leads:
        yield
        return
    stands = (folder / "config.json").exists() or checkpoints.exist(folder)
    if stands and not (resume or overwrite):
        raise FileExistsError(
            f"{folder} contains a run: continue it with --resume, replace it with --overwrite, or use --name."
        )
    if resume and not checkpoints.exist(folder):
        raise FileNotFoundError(f"No checkpoint in {folder}: train first, or leave out --resume.")
    with files.own(folder):
        for left in folder.glob("*.partial"):  # from a killed process
            left.unlink()
        if overwrite and not resume:
            for name in (checkpoints.NEWEST, checkpoints.OLDER, "results.json", "metrics.csv", "config.json", *_PICTURES):
                (folder / name).unlink(missing_ok=True)
            shutil.rmtree(folder / "tensorboard", ignore_errors=True)  # its curves would go on from the older run's
        yield


def check_finite(row: dict[str, float], update: int) -> None:
    """Raise an error if a figure is not finite."""
    for name, value in row.items():
        if not math.isfinite(value):
            raise _diverged(update, f"{name} is {value}")


def _diverged(update: int, what: str) -> DivergedError:
    return DivergedError(f"The training diverged at update {update}: {what}. Lower --learning-rate.")


def _restore(
    config: TrainingConfig, folder: pathlib.Path, model: nn.Module, optimizer: torch.optim.Optimizer, metrics: Metrics | None
) -> int:
    """Restore the state of a run, and return the number of the next update."""
    saved = checkpoints.load(folder, tell=metrics is not None)
    then = dataclasses.asdict(checkpoints.config_of(type(config), saved["config"], folder))
    now = dataclasses.asdict(config)
    changed = [name for name in now if then[name] != now[name]]
    if then["images"] and "images" in changed:
        raise ValueError(f"The images of {config.dataset} have changed since {folder} began: restore them, or train anew.")
    told = [f"{name} was {then[name]!r} and is {now[name]!r}" for name in changed if name not in CIRCUMSTANCES | {"images"}]
    if told:
        raise ValueError(f"{folder} has another config: {', '.join(told)}. Give the same flags, or another --name.")
    if (differs := sorted(set(changed) & {"device", "num_threads"})) and metrics is not None:
        print(f"{' and '.join(differs)} changed: the last digits of the results may differ.", file=sys.stderr)
    try:
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        if metrics is not None:
            metrics.restore(saved["metrics"])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"{folder} has a checkpoint of another version: train again, or finish the run with that version."
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
    """Collect SIGINT and SIGTERM in a list, so that none interrupts an update."""
    noted: list[int] = []
    if threading.current_thread() is not threading.main_thread():  # only the main thread receives signals
        yield noted
        return
    older = {number: signal.signal(number, lambda heard, _: noted.append(heard)) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield noted
    finally:
        for number, handler in older.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def plain_errors(command: str) -> Iterator[None]:
    """End a command with a message, without a traceback, for errors of the user or the system."""
    try:
        yield
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except (OSError, ValueError, ImportError, gym.error.Error) as error:
        raise SystemExit(f"{command}: {error}") from error
