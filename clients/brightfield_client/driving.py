"""What waiting means with threads; its twin `async_driving` says it for asyncio."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import ParamSpec, TypeVar

from brightfield_client.calls.again import linked

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")

__all__ = ["closing", "in_order", "in_thread", "linked", "sleep"]


def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Work that may block; here every thread may."""
    return work(*args, **kwargs)


def sleep(seconds: float) -> None:
    """Wait."""
    time.sleep(seconds)


def in_order(
    items: Iterable[S], ask: Callable[[S], T], concurrency: int, ahead: int
) -> Generator[T, None, None]:
    """What comes of every item, in their order; so many at once, and so many begun ahead.

    Items are taken as they are needed. Closing the generator drops what has not begun.
    """
    pool = ThreadPoolExecutor(concurrency, thread_name_prefix="brightfield")
    pending: deque[Future[T]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(ask, item))
            if len(pending) >= ahead:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
