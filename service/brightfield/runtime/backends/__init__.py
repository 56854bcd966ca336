"""What can run a network: one file each."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import brightfield.runtime.backends
from brightfield.plugins import discover
from brightfield.runtime.backends.inference_backend import InferenceBackend


@cache
def catalog() -> Mapping[str, InferenceBackend]:
    """Every backend by its name."""
    found = discover(brightfield.runtime.backends, InferenceBackend)  # type: ignore[type-abstract]
    return {name: backend() for name, backend in found.items()}
