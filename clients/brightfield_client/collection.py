"""A collection at the service, for `Client`."""

# ruff: noqa: A002 - `id` and `filter` are the service's names

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from brightfield_client.calls import collection as calls
from brightfield_client.calls.call import Call
from brightfield_client.calls.jobs import submitted
from brightfield_client.errors import BrightfieldError
from brightfield_client.images import ImageSource, Payload, to_payload
from brightfield_client.job import Job
from brightfield_client.presenting import present_bound
from brightfield_client.progress import ProgressBar
from brightfield_client.results.collections import Addition, Projection

if TYPE_CHECKING:
    from brightfield_client.client import Client

P = ParamSpec("P")
T = TypeVar("T")
Metadata = Mapping[str, Any] | Sequence[Mapping[str, Any]] | Callable[[Any], Mapping[str, Any]]

# Of one request: images, and bytes beyond which no further image is added.
_BATCH, _BATCH_BYTES = 16, 32 * 2**20


def _asking(
    build: Callable[Concatenate[str, P], Call[T]],
) -> Callable[Concatenate[Collection, P], T]:
    """The method that sends what `build` makes for this collection."""

    def method(self: Collection, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._client.run(build(self.name, *args, **kwargs))

    present_bound(method, build)
    return method


def _working(
    build: Callable[Concatenate[str, P], Call[T]],
) -> Callable[Concatenate[Collection, P], T]:
    """The same as a job, since it may take long; leaving cancels it."""

    def method(self: Collection, /, *args: P.args, **kwargs: P.kwargs) -> T:
        answer: T = self._work(build(self.name, *args, **kwargs))
        return answer

    present_bound(method, build)
    return method


class Collection:
    """Vectors that the service keeps, with ids and metadata; made by `Client.collection`."""

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

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self.name = name

    def add(
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
        parts = in_batches(named(images, ids, metadata))
        total = len(images) if isinstance(images, Sequence) else 0
        found: list[Addition] = []

        def send(part: Sequence[Named | Addition]) -> list[Addition]:
            return merged(part, self._client.run, self.name, replace, parameters)

        with (
            ProgressBar(self.name, total, shown=progress) as bar,
            ThreadPoolExecutor(concurrency, thread_name_prefix="brightfield-add") as pool,
        ):
            pending: deque[Future[list[Addition]]] = deque()
            for part in parts:
                pending.append(pool.submit(send, part))
                if len(pending) > concurrency:
                    found += pending.popleft().result()
                    bar.update(len(found))
            while pending:
                found += pending.popleft().result()
                bar.update(len(found))
        return found

    def project(
        self, method: str = "tsne", *, filter: Mapping[str, Any] | None = None, **parameters: Any
    ) -> Projection:
        """A map of the items, which the service keeps: `collection.project("tsne").plot()`.

        Args:
            method: pca, tsne or umap.
            filter: conditions on the metadata.
            parameters: dimensions, seed, and the method's own, as perplexity.
        """
        made = self._work(calls.project(self.name, method, filter=filter, **parameters))
        return self._drawable(made)

    def projection(self, id: str) -> Projection:
        """A map that was made before; what was added since is placed, and nothing moves."""
        return self._drawable(self._client.run(calls.projection(self.name, id)))

    def _drawable(self, made: Projection) -> Projection:
        return replace(made, _draw=lambda given: self.plot(made.id, **given))

    def _work(self, call: Call[Any]) -> Any:
        job = Job(self._client, call, self._client.run(submitted(call)))
        try:
            job.wait(progress=True)
        except KeyboardInterrupt:
            job.cancel()
            raise
        return job.result()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"


@dataclass(frozen=True)
class Named:
    """An image on its way into a collection."""

    id: str
    payload: Payload
    metadata: Mapping[str, Any]


def named(
    images: Iterable[ImageSource], ids: Sequence[str] | None, metadata: Metadata | None
) -> Iterator[Named | Addition]:
    """Read images one after another; one that cannot be read is a failed addition."""
    for index, image in enumerate(images):
        given = ids[index] if ids is not None else _path_id(image)
        try:
            payload = to_payload(image)
        except (OSError, ValueError, TypeError) as fault:
            error = BrightfieldError(str(fault))
            yield Addition(given or str(image), "failed", error)
            continue
        name = given or payload.stored or f"sha256:{hashlib.sha256(payload.content).hexdigest()}"
        yield Named(name, payload, _metadata_of(metadata, index, image))


def in_batches(found: Iterable[Named | Addition]) -> Iterator[list[Named | Addition]]:
    """As many as fit into a request."""
    part: list[Named | Addition] = []
    size = 0
    for each in found:
        part.append(each)
        size += len(each.payload.content) if isinstance(each, Named) else 0
        if len(part) >= _BATCH or size >= _BATCH_BYTES:
            yield part
            part, size = [], 0
    if part:
        yield part


def request_of(
    part: Sequence[Named | Addition], name: str, replace: bool, parameters: Mapping[str, Any]
) -> Call[list[Addition]] | None:
    """The request for what could be read of a part; None where nothing could."""
    fit = [each for each in part if isinstance(each, Named)]
    if not fit:
        return None
    return calls.add_images(
        name,
        [each.payload for each in fit],
        [each.id for each in fit],
        [each.metadata for each in fit],
        replace=replace,
        **parameters,
    )


def in_order(part: Sequence[Named | Addition], answered: Iterable[Addition]) -> list[Addition]:
    """The answers, with what could not be read in its place."""
    answers = iter(answered)
    return [each if isinstance(each, Addition) else next(answers) for each in part]


def merged(
    part: Sequence[Named | Addition],
    run: Callable[[Call[list[Addition]]], list[Addition]],
    name: str,
    replace: bool,
    parameters: Mapping[str, Any],
) -> list[Addition]:
    """Send a part, and what became of each."""
    call = request_of(part, name, replace, parameters)
    return in_order(part, [] if call is None else run(call))


def _path_id(image: Any) -> str | None:
    """A path's text with slashes, without those at its beginning."""
    if not isinstance(image, str | os.PathLike) or str(image).startswith("sha256:"):
        return None
    return PurePath(os.fspath(image)).as_posix().lstrip("/")


def _metadata_of(metadata: Metadata | None, index: int, image: Any) -> Mapping[str, Any]:
    if metadata is None:
        return {}
    if isinstance(metadata, Mapping):
        return metadata
    return metadata(image) if callable(metadata) else metadata[index]
