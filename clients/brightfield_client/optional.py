"""Packages that only some calls need."""

from __future__ import annotations

import importlib
from typing import Any


def require(module: str, purpose: str, install: str) -> Any:
    """The module, or an `ImportError` whose one sentence says what to install."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as fault:
        package = module.partition(".")[0]
        if fault.name is None or fault.name.partition(".")[0] != package:
            raise
        raise ImportError(
            f"{purpose} needs {package}; install it with: pip install '{install}'", name=package
        ) from None
