"""A collection at the service, for `AsyncClient`."""

# ruff: noqa: A002 - `id` and `filter` are the service's names

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from brightfield_client.async_job import AsyncJob
from brightfield_client.calls import collection as calls
from brightfield_client.calls.call import Call
from brightfield_client.calls.jobs import submitted
from brightfield_client.collection import (
    Metadata,
    Named,
    in_batches,
    in_order,
    named,
    request_of,
)
from brightfield_client.images import ImageSource
from brightfield_client.presenting import present_bound
from brightfield_client.progress import ProgressBar
from brightfield_client.results.collections import Addition, Projection

if TYPE_CHECKING:
    from brightfield_client.async_client import AsyncClient

P = ParamSpec("P")
T = TypeVar("T")


def _asking(
    build: Callable[Concatenate[str, P], Call[T]],
) -> Callable[Concatenate[AsyncCollection, P], Coroutine[Any, Any, T]]:
    """The coroutine method that sends what `build` makes for this collection."""

    async def method(self: AsyncCollection, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._client.run(await asyncio.to_thread(build, self.name, *args, **kwargs))

    present_bound(method, build)
    return method


def _working(
    build: Callable[Concatenate[str, P], Call[T]],
) -> Callable[Concatenate[AsyncCollection, P], Coroutine[Any, Any, T]]:
    """The same as a job, since it may take long; leaving cancels it."""

    async def method(self: AsyncCollection, /, *args: P.args, **kwargs: P.kwargs) -> T:
        answer: T = await self._work(build(self.name, *args, **kwargs))
        return answer

    present_bound(method, build)
    return method


class AsyncCollection:
    """Vectors that the service keeps; made by `AsyncClient.collection`. See `Collection`."""

    make = _asking(calls.make)
    info = _asking(calls.info)
    delete = _asking(calls.delete)
    add_vectors = _asking(calls.add_vectors)
    items = _asking(calls.items)
    remove = _asking(calls.remove)
    thumbnail = _asking(calls.thumbnail)
    neighbors = _asking(calls.neighbors)
    index = _working(calls.index)
    index_info = _asking(calls.index_info)
    drop_index = _asking(calls.drop_index)
    clusters = _working(calls.clusters)
    duplicates = _working(calls.duplicates)
    outliers = _working(calls.outliers)
    disagreements = _working(calls.disagreements)
    patches = _working(calls.patches)
    projections = _asking(calls.projections)
    plot = _asking(calls.plot)

    def __init__(self, client: AsyncClient, name: str) -> None:
        self._client = client
        self.name = name

    async def add(
        self,
        images: Iterable[ImageSource],
        *,
        ids: Sequence[str] | None = None,
        metadata: Metadata | None = None,
        progress: bool = False,
        concurrency: int = 3,
        replace: bool = False,
        **parameters: Any,
    ) -> list[Addition]:
        """Embed and keep images; see `Collection.add`."""
        parts = in_batches(named(images, ids, metadata))
        total = len(images) if isinstance(images, Sequence) else 0
        found: list[Addition] = []

        async def send(part: Sequence[Named | Addition]) -> list[Addition]:
            call = await asyncio.to_thread(request_of, part, self.name, replace, parameters)
            return in_order(part, [] if call is None else await self._client.run(call))

        with ProgressBar(self.name, total, shown=progress) as bar:
            while some := await asyncio.to_thread(_next, parts, concurrency):
                for answers in await asyncio.gather(*map(send, some)):
                    found += answers
                bar.update(len(found))
        return found

    async def project(
        self, method: str = "tsne", *, filter: Mapping[str, Any] | None = None, **parameters: Any
    ) -> Projection:
        """A map of the items, which the service keeps; see `Collection.project`."""
        call = calls.project(self.name, method, filter=filter, **parameters)
        made: Projection = await self._work(call)
        return made

    async def projection(self, id: str) -> Projection:
        """A map that was made before; see `Collection.projection`."""
        return await self._client.run(calls.projection(self.name, id))

    async def _work(self, call: Call[Any]) -> Any:
        job = AsyncJob(self._client, call, await self._client.run(submitted(call)))
        try:
            await job.wait(progress=True)
        except asyncio.CancelledError:
            await job.cancel()
            raise
        return await job.result()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"


def _next(parts: Iterator[list[Named | Addition]], count: int) -> list[list[Named | Addition]]:
    """The next few parts, read in a thread."""
    return list(islice(parts, count))
