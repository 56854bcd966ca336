"""Images on their way into a collection: named, read, and put into requests of a bounded size."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from brightfield_client.calls.call import Call
from brightfield_client.calls.collection import NamedImage, add_images
from brightfield_client.errors import BrightfieldError
from brightfield_client.images import ImageSource, to_payload
from brightfield_client.results.collections import Addition

Metadata = Mapping[str, Any] | Sequence[Mapping[str, Any]] | Callable[[Any], Mapping[str, Any]]

# Of one request: images, and bytes beyond which no further image is added.
_BATCH, _BATCH_BYTES = 16, 32 * 2**20


def named(
    images: Iterable[ImageSource], ids: Sequence[str] | None, metadata: Metadata | None
) -> Iterator[NamedImage | Addition]:
    """Read images one after another; one that cannot be read is a failed addition."""
    for index, image in enumerate(images):
        given = ids[index] if ids is not None else path_id(image)
        try:
            payload = to_payload(image)
        except (OSError, ValueError, TypeError) as fault:
            error = BrightfieldError(str(fault))
            yield Addition(given or str(image), "failed", error)
            continue
        name = given or payload.stored or f"sha256:{hashlib.sha256(payload.content).hexdigest()}"
        yield NamedImage(name, payload, _metadata_of(metadata, index, image))


def in_batches(found: Iterable[NamedImage | Addition]) -> Iterator[list[NamedImage | Addition]]:
    """As many as fit into a request."""
    part: list[NamedImage | Addition] = []
    size = 0
    for each in found:
        part.append(each)
        size += len(each.payload.content) if isinstance(each, NamedImage) else 0
        if len(part) >= _BATCH or size >= _BATCH_BYTES:
            yield part
            part, size = [], 0
    if part:
        yield part


def request_of(
    part: Sequence[NamedImage | Addition], name: str, replace: bool, parameters: Mapping[str, Any]
) -> Call[list[Addition]] | None:
    """The request for what could be read of a part; None where nothing could."""
    fit = [each for each in part if isinstance(each, NamedImage)]
    return add_images(name, fit, replace=replace, **parameters) if fit else None


def merged(part: Sequence[NamedImage | Addition], answered: Iterable[Addition]) -> list[Addition]:
    """The answers, with what could not be read in its place."""
    answers = iter(answered)
    return [each if isinstance(each, Addition) else next(answers) for each in part]


def path_id(image: Any) -> str | None:
    """A path's text with slashes, without what leads to its first folder: `../imgs/a.png` and
    `/imgs/a.png` are `imgs/a.png`."""
    if not isinstance(image, str | os.PathLike) or str(image).startswith("sha256:"):
        return None
    plain = PurePath(os.path.normpath(os.fspath(image)))
    return "/".join(part for part in plain.parts if part not in (plain.anchor, ".."))


def _metadata_of(metadata: Metadata | None, index: int, image: Any) -> Mapping[str, Any]:
    if metadata is None:
        return {}
    if isinstance(metadata, Mapping):
        return metadata
    return metadata(image) if callable(metadata) else metadata[index]
