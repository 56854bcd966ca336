"""A collection at the service."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any, Concatenate, ParamSpec, TypeVar

from brightfield_client.adding import Metadata, NamedImage, in_batches, merged, named, request_of
from brightfield_client.async_driving import in_order, in_thread, linked
from brightfield_client.async_job import AsyncJob
from brightfield_client.async_sender import AsyncSender
from brightfield_client.calls import _collection as plain
from brightfield_client.calls import collection as calls
from brightfield_client.calls.call import Call
from brightfield_client.calls.jobs import submitted
from brightfield_client.images import ImageSource
from brightfield_client.presenting import present
from brightfield_client.progress import ProgressBar
from brightfield_client.results.collections import Addition

P = ParamSpec("P")
T = TypeVar("T")


def _asking(
    build: Callable[Concatenate[str, P], Call[T]], *, long: bool = False
) -> Callable[Concatenate[AsyncCollection, P], Coroutine[Any, Any, T]]:
    """The method that sends what `build` makes for this collection; long work as a job, which
    leaving cancels."""

    async def method(self: AsyncCollection, /, *args: P.args, **kwargs: P.kwargs) -> T:
        call = await in_thread(build, self.name, *args, **kwargs)
        if long:
            return await self._work(call)
        return linked(await self._client.run(call), call, self._client.run)

    present(method, build, bound=1)
    return method


class AsyncCollection:
    """Vectors that the service keeps, with ids and metadata; made by `AsyncClient.collection`."""

    make = _asking(plain.make)
    info = _asking(plain.info)
    delete = _asking(plain.delete)
    add_vectors = _asking(calls.add_vectors)
    items = _asking(plain.items)
    remove = _asking(calls.remove)
    thumbnail = _asking(plain.thumbnail)
    neighbors = _asking(calls.neighbors)
    index = _asking(plain.index, long=True)
    index_info = _asking(plain.index_info)
    drop_index = _asking(plain.drop_index)
    clusters = _asking(plain.clusters, long=True)
    duplicates = _asking(plain.duplicates, long=True)
    outliers = _asking(plain.outliers, long=True)
    disagreements = _asking(plain.disagreements, long=True)
    patches = _asking(plain.patches, long=True)
    project = _asking(plain.project, long=True)
    projection = _asking(plain.projection)
    projections = _asking(plain.projections)
    plot = _asking(calls.plot)

    def __init__(self, client: AsyncSender, name: str) -> None:
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
        """Embed and keep images; run it again to go on where it was broken off.

        Args:
            images: paths, or whatever the image endpoints take.
            ids: a name for each; else a path's own text, and the SHA-256 of other images.
            metadata: texts, numbers and booleans by name: an object for each, one for all, or a
                function that gets the image as it is in `images`.
            progress: draw a bar on standard error, where that is a terminal.
            concurrency: requests that run at the same time.
            replace: let an item take the place of one with the same id and other content.
            parameters: region, intensity and others of the image endpoints.

        Returns:
            What became of each, in their order; a bad image fails alone.
        """
        total = len(images) if isinstance(images, Sequence) else 0
        found: list[Addition] = []

        async def send(part: Sequence[NamedImage | Addition]) -> list[Addition]:
            call = await in_thread(request_of, part, self.name, replace, parameters)
            return merged(part, [] if call is None else await self._client.run(call))

        parts = in_batches(named(images, ids, metadata))
        with ProgressBar(self.name, total, shown=progress) as bar:
            async for added in in_order(parts, send, concurrency, concurrency + 1):
                found += added
                bar.update(len(found))
        return found

    async def _work(self, call: Call[T]) -> T:
        job = AsyncJob(self._client, call, await self._client.run(submitted(call)))
        try:
            await job.wait(progress=True)
        except asyncio.CancelledError:
            await job.cancel()
            raise
        return await job.result()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"
