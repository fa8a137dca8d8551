"""Compiles all kernels of this package.

Numba's cache only checks a kernel's own file for changes, so kernels that call one another share a file.
"""

import functools
import threading
import warnings
from collections.abc import Callable
from typing import Any

import numba
from numba.core.caching import FunctionCache

_WARNED = threading.Event()


def jit(kernel: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Compile a function at its first call; it releases the GIL, and later processes load it from Numba's cache.

    If the cache fails (no writable folder, a full disk, a damaged file), each process compiles anew, and warns once. With
    ``NUMBA_DISABLE_JIT=1`` kernels run in Python and must compute the same bits: NumPy's small integers wrap where Numba's
    are widened, so kernels state the type of each sum of pixels.

    Args:
        kernel: the function; None for a decorator with options.
        options: other options of ``numba.njit``.
    """
    if kernel is None:
        return functools.partial(jit, **options)
    compiled = numba.njit(nogil=True, **options)(kernel)
    if compiled is not kernel:
        try:
            compiled._cache = _Cache(kernel)  # type: ignore[no-untyped-call]  # as cache=True does, but failures are forgiven
        except (OSError, RuntimeError) as error:
            _warn(str(error))
    return compiled


class _Cache(FunctionCache):  # type: ignore[misc]  # Numba has no types
    """Numba's cache of a kernel; if it fails, the kernel is compiled again."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Load the code compiled for some types; None if it cannot be loaded."""
        try:
            return super().load_overload(sig, target_context)  # type: ignore[no-untyped-call]
        except Exception as error:
            self._forgive(error)
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Save the code compiled for some types, if possible."""
        try:
            super().save_overload(sig, data)  # type: ignore[no-untyped-call]
        except Exception as error:
            self._forgive(error)

    def _forgive(self, error: Exception) -> None:
        """Warn, and empty the index, so that a damaged cache is written anew."""
        _warn(f"{type(error).__name__}: {error}")
        try:
            self.flush()  # type: ignore[no-untyped-call]
        except OSError:
            self.disable()  # type: ignore[no-untyped-call]


def _warn(reason: str) -> None:
    """Warn that there is no cache, once in a process."""
    if not _WARNED.is_set():
        _WARNED.set()
        warnings.warn(
            f"glimpse_env compiles without a cache ({reason}), which takes seconds in each process: set NUMBA_CACHE_DIR to a "
            "writable folder.",
            RuntimeWarning,
            stacklevel=3,
        )
