"""The catalog of explanation methods: one file per method, found by its name."""

from __future__ import annotations

import sys

from brightfield.explain.method import Method
from brightfield.plugins import discover


def catalog(endpoint: str | None = None) -> dict[str, type[Method]]:
    """Every method by name; with `endpoint`, those that it serves."""
    methods = discover(sys.modules[__name__], Method)  # type: ignore[type-abstract]
    return {name: method for name, method in methods.items() if endpoint in (None, method.endpoint)}
