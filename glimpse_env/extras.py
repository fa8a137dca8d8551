"""Import optional packages when they are needed."""

import importlib
from typing import Any


def needed(module: str, extra: str, what: str) -> Any:
    """Import an optional module.

    Args:
        module: the name of the module.
        extra: the extra of this package that installs it.
        what: the feature that needs the module; starts the message.

    Raises:
        ImportError: the module is missing; the message says how to install it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(f'{what} needs {module}, which is missing: pip install "glimpse-env[{extra}]".') from error
