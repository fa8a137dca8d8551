"""One thread at a time within an environment."""

from threading import get_ident


class Turn:
    """``with turn:`` lets one thread in, and is an error for others as long as it is within.

    There is no lock in it, so that it can be copied and pickled; a thread that was interrupted on its way out comes in again.
    """

    def __init__(self) -> None:
        self._within: dict[str, int] = {}

    def __enter__(self) -> None:
        """Come in.

        Raises:
            RuntimeError: another thread is within.
        """
        thread = get_ident()
        if self._within.setdefault("thread", thread) != thread:  # one step of the interpreter: no thread comes between
            raise RuntimeError("Two threads use one environment at the same time: give each thread its own, or take a lock.")

    def __exit__(self, *_: object) -> None:
        """Leave."""
        self._within.clear()
