"""Fewer launches on a GPU: the calls of a model in an episode as CUDA graphs.

A glimpse takes about a hundred small kernels, forward and backward, each of which a GPU finishes sooner than the next one is
launched. A graph launches all of a call at once.
"""

import gc
from typing import Any

import torch
from torch import Tensor

from agents.heads import Step
from agents.networks import Observation, RecurrentAttentionModel


class _Call(RecurrentAttentionModel):
    """One call of the model; a graph returns tensors alone."""

    def forward(self, observation: Observation, state: Tensor) -> tuple[Tensor, ...]:  # type: ignore[override]
        return tuple(part for part in super().forward(observation, state) if part is not None)


class CapturedModel(RecurrentAttentionModel):
    """A model with the same networks, whose calls are graphs while gradients are enabled.

    Args:
        model: the model, on a GPU; its weights are shared.
        observation: an observation of the shapes of all later ones.
        num_glimpses: T, the most calls of an episode; `initial_state` begins one.
    """

    def __init__(self, model: RecurrentAttentionModel, observation: Observation, num_glimpses: int) -> None:
        parts = model.glimpse_network, model.core, model.heads
        super().__init__(*parts)
        state = model.initial_state(len(observation["fixation"]))
        samples = tuple(
            ({name: entry.clone() for name, entry in observation.items()}, state.clone().requires_grad_(n > 0))
            for n in range(num_glimpses)
        )
        calls = tuple(_Call(*parts) for _ in samples)
        quiet = getattr(torch.autograd.graph, "set_warn_on_accumulate_grad_stream_mismatch", None)
        if quiet is not None:  # new in PyTorch 2.10; capturing causes the mismatch that it warns of
            quiet(False)
        gc.collect()  # the graphs of an earlier training, freed in the middle, would spoil the capture
        self._calls: Any = torch.cuda.make_graphed_callables(calls, samples, allow_unused_input=True)  # type: ignore[arg-type]
        self._count = 0

    def initial_state(self, batch_size: int) -> Tensor:
        """The state (B, S) before the first glimpse: zeros."""
        self._count = 0
        return super().initial_state(batch_size)

    def forward(self, observation: Observation, state: Tensor) -> Step:
        """Take one glimpse in."""
        if not torch.is_grad_enabled():
            return super().forward(observation, state)
        self._count += 1
        return Step(*self._calls[self._count - 1](observation, state))
