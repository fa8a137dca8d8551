"""One training shared by several processes, as torchrun starts them."""

import contextlib
import os
import time
from collections.abc import Iterator

import torch
from torch import distributed, nn

_PATIENCE = 5.0  # seconds until the end of another process must have shown


def device_of(name: str) -> torch.device:
    """The device of ``--device``: "auto" is cuda where there is one, else the CPU.

    Raises:
        ValueError: no such device here.
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
    """The processes of this run; alone unless torchrun says otherwise.

    Gradients are averaged after the backward pass, all in one message: `DistributedDataParallel` expects one forward call a
    backward pass, and an episode makes T.

    Args:
        device: where the networks run; cuda talks by nccl, others by gloo.

    Attributes:
        rank: of this process, from 0.
        size: how many there are.
    """

    def __init__(self, device: torch.device) -> None:
        self.size = int(os.environ.get("WORLD_SIZE", 1))
        self.rank = int(os.environ.get("RANK", 0))
        self._device = device
        self._processes: list[int] = []  # the number of each rank's, where all are on this machine
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
        """Which rows of the whole batch are this process's."""
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
        """The mean of each figure over the processes; all must ask.

        Raises:
            ConnectionError: another process has ended; the message says which.
        """
        if self.size == 1:
            return figures
        values = torch.tensor(list(figures.values()), dtype=torch.float64, device=self._device)
        self._sum(values)
        return dict(zip(figures, (values / self.size).tolist(), strict=True))

    def any(self, here: bool) -> bool:
        """Whether something is so in any of the processes; all must ask.

        Raises:
            ConnectionError: another process has ended; the message says which.
        """
        if self.size == 1:
            return here
        count = torch.tensor([float(here)], device=self._device)
        self._sum(count)
        return bool(count.item())

    def close(self) -> None:
        """Leave the group, all at once: who left while another still works would tear its connections down.

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
        """Say who is missing, where torch says that a connection was closed."""
        try:
            yield
        except RuntimeError as error:
            # torchrun blames whom it sees end first: the wait for the other's end lets that be the other.
            lost = self._lost() or "another process, which torchrun names,"
            raise ConnectionError(f"rank {self.rank} stops: {lost} has ended. Start all again, with --resume.") from error

    def _lost(self) -> str:
        """Who has ended; nobody, if that does not show in a few seconds."""
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
