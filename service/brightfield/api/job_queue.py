"""In which order jobs run: a line for each endpoint, so that no kind of job waits for another."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import AbstractAsyncContextManager


class JobQueue:
    """Lets `at_once` jobs of each endpoint run, in the order in which they came."""

    def __init__(self, at_once: int) -> None:
        self._lines: dict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(at_once))

    def turn(self, endpoint: str) -> AbstractAsyncContextManager[None]:
        """Entered when it is a job's turn. `/collections/a/items` and `/collections/b/items` are
        one endpoint."""
        return self._lines[endpoint.rpartition("/")[2]]
