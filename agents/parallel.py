"""One training shared by several processes, as torchrun starts them."""

import os

import torch
from torch import distributed, nn


class Ranks:
    """The processes of this run; alone unless torchrun says otherwise.

    Gradients are averaged after the backward pass, all in one message: `DistributedDataParallel` expects one forward call a
    backward pass, and an episode makes T.

    Args:
        device: where the network runs; "cuda" talks by nccl, others by gloo.

    Attributes:
        rank: of this process, from 0.
        size: how many there are.
    """

    def __init__(self, device: str) -> None:
        self.size = int(os.environ.get("WORLD_SIZE", 1))
        self.rank = int(os.environ.get("RANK", 0))
        if self.size > 1:
            distributed.init_process_group("nccl" if device.startswith("cuda") else "gloo")

    @property
    def leads(self) -> bool:
        """Whether this process writes the files and shows the progress."""
        return self.rank == 0

    def part(self, batch_size: int) -> slice:
        """Which rows of the whole batch are this process's."""
        share = batch_size // self.size
        return slice(self.rank * share, (self.rank + 1) * share)

    def average_gradients(self, model: nn.Module) -> None:
        """Replace each gradient by its mean over the processes."""
        if self.size == 1:
            return
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(flat)
        flat /= self.size
        for gradient, mean in zip(gradients, torch.split(flat, [g.numel() for g in gradients]), strict=True):
            gradient.copy_(mean.view_as(gradient))

    def close(self) -> None:
        """Leave the group, all at once: who left while another still works would tear its connections down."""
        if self.size > 1:
            distributed.barrier()
            distributed.destroy_process_group()
