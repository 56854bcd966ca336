"""What waiting means with asyncio; its twin `driving` says it for threads."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import aclosing
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")

__all__ = ["aclosing", "in_order", "in_thread", "linked", "sleep"]
_END: Any = object()


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Work that may block the event loop: reading files, encoding and parsing large answers."""
    return await asyncio.to_thread(work, *args, **kwargs)


async def sleep(seconds: float) -> None:
    """Wait."""
    await asyncio.sleep(seconds)


def linked(answer: T, question: object, run: object) -> T:
    """The answer as it is: it cannot ask anew, since that would have to be awaited."""
    return answer


async def in_order(
    items: Iterable[S], ask: Callable[[S], Awaitable[T]], concurrency: int, ahead: int
) -> AsyncGenerator[T, None]:
    """What comes of every item, in their order; so many at once, and so many begun ahead.

    Items are taken as they are needed, in a thread. Closing the generator cancels what is not done.
    """
    slots, source = asyncio.Semaphore(concurrency), iter(items)
    pending: deque[asyncio.Task[T]] = deque()

    async def one(item: S) -> T:
        async with slots:
            return await ask(item)

    try:
        while (item := await asyncio.to_thread(next, source, _END)) is not _END:
            pending.append(asyncio.create_task(one(item)))
            if len(pending) >= ahead:
                yield await pending.popleft()
        while pending:
            yield await pending.popleft()
    finally:
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
