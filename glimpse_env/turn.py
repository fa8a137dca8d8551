"""Allow one thread at a time in an environment."""

from collections.abc import Callable
from threading import get_ident
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Turn:
    """Lets one thread in, and raises an error for others meanwhile.

    It has no lock, so that it can be copied and pickled; a thread that was interrupted on its way out can enter again.
    """

    def __init__(self) -> None:
        self._within: dict[str, int] = {}

    def take(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function as the only thread.

        Raises:
            RuntimeError: another thread is in.
        """
        thread = get_ident()
        try:
            if self._within.setdefault("thread", thread) != thread:  # atomic
                raise RuntimeError(
                    "Two threads use one environment at the same time: give each thread its own, or take a lock."
                )
            return call(*args, **kwargs)
        except SystemError as error:  # what Ctrl-C in a compiled kernel becomes
            cause: BaseException | None = error
            while isinstance(cause, SystemError):
                cause = cause.__cause__
            raise (cause or error) from None
        finally:
            if self._within.get("thread") == thread:
                self._within.clear()
