"""Run folders that one process owns, and atomic file writes."""

import contextlib
import pathlib
from collections.abc import Iterator

from filelock import FileLock, Timeout

from glimpse_env.files import write

__all__ = ["own", "write"]


@contextlib.contextmanager
def own(folder: pathlib.Path) -> Iterator[None]:
    """Lock a folder for this process, until the block or the process ends.

    Raises:
        OSError: another process has locked it, or it is not writable.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock")
        lock.acquire(timeout=0)
    except Timeout as error:
        raise OSError(f"Another process trains in {folder}: wait for it, or choose another --name.") from error
    except OSError as error:
        raise OSError(f"{folder} cannot be written ({error.strerror or error}): choose another folder.") from error
    try:
        yield
    finally:
        lock.release()
