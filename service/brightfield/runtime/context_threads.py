"""Threads that know for which request they work."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any


class ContextThreads(ThreadPoolExecutor):
    """A pool of threads whose calls run in the context of who made them, as `asyncio.to_thread` has
    it: what a library logs there names the request."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return super().submit(copy_context().run, fn, *args, **kwargs)
