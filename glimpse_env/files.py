"""Atomic file writes."""

import os
import pathlib
import tempfile


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
