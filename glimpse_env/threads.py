"""Share a batch among threads: the kernels release the GIL, so plain threads run them in parallel."""

import concurrent.futures
import functools
import os
from collections.abc import Callable
from typing import Any

import numpy.typing as npt


@functools.cache
def _pool(num_threads: int) -> concurrent.futures.ThreadPoolExecutor:
    return concurrent.futures.ThreadPoolExecutor(num_threads, thread_name_prefix="glimpse_env")


if hasattr(os, "register_at_fork"):  # threads do not survive a fork: the child makes its own
    os.register_at_fork(after_in_child=_pool.cache_clear)


def in_threads(
    num_threads: int, kernel: Callable[..., Any], *batched: npt.NDArray[Any] | None, shared: tuple[Any, ...]
) -> None:
    """Call ``kernel(*batched, *shared)``, the batch cut into num_threads parts that run at the same time.

    Args:
        num_threads: the number of parts, at least 1.
        kernel: writes into its arguments, row by row; releases the GIL.
        batched: arrays of shape (B, ...), cut along B; None stays None. The first is an array.
        shared: arguments that every part gets whole.

    Raises:
        Exception: a part failed; the first part's exception is raised after all parts have ended.
    """
    B = len(batched[0])  # type: ignore[arg-type]
    size = -(-B // num_threads)
    if size == B:
        kernel(*batched, *shared)
        return
    parts = [tuple(None if array is None else array[start : start + size] for array in batched) for start in range(0, B, size)]
    running: list[concurrent.futures.Future[Any]] = []
    try:
        running.extend(_pool(num_threads).submit(kernel, *part, *shared) for part in parts)
        concurrent.futures.wait(running)
    finally:  # wait even after Ctrl-C: a running part would write into later results
        concurrent.futures.wait(running)
    for done in running:
        done.result()
