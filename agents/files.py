"""Atomic file writes, and run folders that one process owns."""

import contextlib
import os
import pathlib
import tempfile
from collections.abc import Iterator

from filelock import FileLock, Timeout


def write(path: pathlib.Path, content: bytes | str) -> None:
    """Write a file atomically: after a crash at any moment, the file is either the old or the new one.

    Args:
        path: the path of the file; its folder is created if missing.
        content: the content; a string is written in UTF-8.

    Raises:
        OSError: the disk is full or not writable; an older file is unchanged.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f"{path.name}.", suffix=".partial", dir=path.parent)
        temporary = pathlib.Path(name)
        try:
            with open(descriptor, "wb") as file:
                file.write(content.encode() if isinstance(content, str) else content)
                file.flush()
                os.fsync(file.fileno())
            temporary.chmod(0o666 & ~_umask())
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _flush(path.parent)
    except OSError as error:
        reason = error.strerror or error
        raise OSError(
            f"{path} cannot be written ({reason}): make room, or choose another folder. An older file is unchanged."
        ) from error


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


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _flush(folder: pathlib.Path) -> None:
    """Write the names in a folder to disk, to survive a power cut, if the system supports it."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
