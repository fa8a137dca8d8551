"""One training shared by several processes, which torchrun starts."""

import contextlib
import os
import time
from collections.abc import Iterator

import torch
from torch import distributed, nn

_PATIENCE = 5.0  # seconds to wait for another process's end to show


def device_of(name: str) -> torch.device:
    """The device of ``--device``: "auto" is cuda if available, else the CPU.

    Raises:
        ValueError: this machine has no such device.
    """
    local = int(os.environ.get("LOCAL_RANK", 0))
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    there = ["cpu"]
    if torch.cuda.is_available():
        there += ["cuda", *(f"cuda:{n}" for n in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        there.append("mps")
    if name not in there:
        raise ValueError(f"--device {name} is not on this machine: use auto, or one of {', '.join(there)}.")
    return torch.device(f"cuda:{local}" if name == "cuda" else name)


class Ranks:
    """The processes of this run; a single one without torchrun.

    Gradients are averaged after the backward pass, in one message: `DistributedDataParallel` expects one forward call for each
    backward pass, but an episode makes T.

    Args:
        device: the device of the networks; cuda communicates by nccl, others by gloo.

    Attributes:
        rank: the number of this process, from 0.
        size: the number of processes.
    """

    def __init__(self, device: torch.device) -> None:
        self.size = int(os.environ.get("WORLD_SIZE", 1))
        self.rank = int(os.environ.get("RANK", 0))
        self._device = device
        self._processes: list[int] = []  # the process id of each rank, if all are on this machine
        if self.size > 1:
            distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
            numbers = torch.zeros(self.size, dtype=torch.int64, device=device)
            numbers[self.rank] = os.getpid()
            distributed.all_reduce(numbers)
            if int(os.environ.get("LOCAL_WORLD_SIZE", 0)) == self.size and os.name == "posix":
                self._processes = numbers.tolist()

    @property
    def leads(self) -> bool:
        """Whether this process writes the files and shows the progress."""
        return self.rank == 0

    def part(self, batch_size: int) -> slice:
        """The rows of the whole batch that belong to this process."""
        share = batch_size // self.size
        return slice(self.rank * share, (self.rank + 1) * share)

    def average_gradients(self, model: nn.Module) -> None:
        """Replace each gradient by its mean over the processes.

        Raises:
            ConnectionError: another process has ended; the message says which.
        """
        if self.size == 1:
            return
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        self._sum(flat)
        flat /= self.size
        for gradient, mean in zip(gradients, torch.split(flat, [g.numel() for g in gradients]), strict=True):
            gradient.copy_(mean.view_as(gradient))

    def mean(self, figures: dict[str, float]) -> dict[str, float]:
        """The mean of each figure over the processes; all must call this.

        Raises:
            ConnectionError: another process has ended; the message says which.
        """
        if self.size == 1:
            return figures
        values = torch.tensor(list(figures.values()), dtype=torch.float64, device=self._device)
        self._sum(values)
        return dict(zip(figures, (values / self.size).tolist(), strict=True))

    def any(self, here: bool) -> bool:
        """Whether ``here`` is True in any of the processes; all must call this.

        Raises:
            ConnectionError: another process has ended; the message says which.
        """
        if self.size == 1:
            return here
        count = torch.tensor([float(here)], device=self._device)
        self._sum(count)
        return bool(count.item())

    def close(self) -> None:
        """Leave the group together: a process that left early would break the connections of the others.

        Raises:
            ConnectionError: another process has ended; the message says which.
        """
        if self.size > 1:
            with self._together():
                distributed.barrier()
            distributed.destroy_process_group()

    def _sum(self, tensor: torch.Tensor) -> None:
        with self._together():
            distributed.all_reduce(tensor)

    @contextlib.contextmanager
    def _together(self) -> Iterator[None]:
        """Name the lost process when torch reports a closed connection."""
        try:
            yield
        except RuntimeError as error:
            # torchrun blames the process that it sees end first: wait, so that it sees the other.
            lost = self._lost() or "another process (torchrun names it)"
            raise ConnectionError(
                f"rank {self.rank} stops: {lost} has ended. Start all processes again, with --resume."
            ) from error

    def _lost(self) -> str:
        """The ranks that have ended; empty if none shows within a few seconds."""
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            time.sleep(0.2)
            lost = [f"rank {rank} (process {number})" for rank, number in enumerate(self._processes) if not _runs(number)]
            if lost:
                return " and ".join(lost)
        return ""


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
