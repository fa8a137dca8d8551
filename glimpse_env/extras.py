"""Packages that only some uses need, imported when they are used."""

import importlib
from typing import Any


def needed(module: str, extra: str, what: str) -> Any:
    """Import a module.

    Args:
        module: its name.
        extra: of this package, that brings it.
        what: needs it; the message's first word.

    Raises:
        ImportError: it is missing; the message tells how to install it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(f'{what} needs {module}, which is missing: pip install "glimpse-env[{extra}]".') from error
