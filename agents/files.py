"""Files that are whole or not there: what a run leaves is written beside, flushed, then renamed over what was there before."""

import os
import pathlib


def write(path: pathlib.Path, content: bytes | str) -> None:
    """Write a file in one go: after a crash at any moment it is the older one or the new one, whole.

    Args:
        path: of the file; its folder is made, unless it is there.
        content: of the file; a string is written in UTF-8.

    Raises:
        OSError: the disk is full or not writable; what was there before stands.
    """
    temporary = path.with_name(f"{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(temporary, "wb") as file:
                file.write(content.encode() if isinstance(content, str) else content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _flush(path.parent)
    except OSError as error:
        reason = error.strerror or error
        raise OSError(
            f"{path} cannot be written ({reason}): make room, or choose another folder. What was there stands."
        ) from error


def _flush(folder: pathlib.Path) -> None:
    """Make the names in a folder outlast a power cut, where the system can."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
