"""A collection at the service."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar, Unpack

from brightfield_client.adding import Metadata, in_batches, merged, named, request_of
from brightfield_client.async_collection_methods import AsyncCollectionMethods
from brightfield_client.async_driving import in_order, in_thread, linked
from brightfield_client.async_job import AsyncJob
from brightfield_client.async_sender import AsyncSender
from brightfield_client.calls import _parameters as given
from brightfield_client.calls.call import Call
from brightfield_client.calls.collection import NamedImage
from brightfield_client.calls.jobs import submitted
from brightfield_client.images import ImageSource
from brightfield_client.progress import ProgressBar
from brightfield_client.results.collections import Addition

T = TypeVar("T")


class AsyncCollection(AsyncCollectionMethods):
    """Vectors that the service keeps, with ids and metadata; made by `AsyncClient.collection`."""

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
        **parameters: Unpack[given.ItemsParameters],
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
            call = await in_thread(request_of, part, self.name, replace, {**parameters})
            return merged(part, [] if call is None else await self._client.run(call))

        parts = in_batches(named(images, ids, metadata))
        with ProgressBar(self.name, total, shown=progress) as bar:
            async for added in in_order(parts, send, concurrency, concurrency + 1):
                found += added
                bar.update(len(added))
        return found

    async def ask(self, call: Call[T], long: bool = False) -> T:
        """Carry out a call; long work as a job, which leaving cancels."""
        if not long:
            return linked(await self._client.run(call), call, self._client.run)
        job = AsyncJob(self._client, call, await self._client.run(submitted(call)))
        return await job.finish(timeout=call.timeout)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"
