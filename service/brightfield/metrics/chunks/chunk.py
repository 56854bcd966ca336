"""Chunks of a run as bytes: NPZ of a classification's columns, compressed JSON of anything else.

That JSON is the data as they came, or pairs of images as they were measured."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brightfield.metrics.chunks.frames import RunSchema
from brightfield.metrics.reading.coco_ids import id_text
from brightfield.metrics.reading.groups import Groups
from brightfield.metrics.reading.predictions import Predictions
from brightfield.metrics.reading.rows import Origin
from brightfield.outages import DamagedChunk

NPZ = "application/x-npz"
JSON = "application/json+deflate"
PAIRS = "application/x-measured-pairs+json+deflate"
"""Media types of a payload: columns, data as they came, and pairs as they were measured."""

_DAMAGE = (zlib.error, zipfile.BadZipFile, EOFError)
_QUICKLY = 1  # level of compression


@dataclass(frozen=True, slots=True, eq=False)
class PredictionChunk:
    """A part of a run, checked; `ids` are those that no other part may have."""

    media_type: str
    rows: int
    frame: RunSchema
    ids: tuple[str, ...]
    payload: bytes
    sha256: str

    @classmethod
    def of_predictions(cls, found: Predictions, frame: RunSchema) -> PredictionChunk:
        """Columns as small as they can be. The digest covers what they hold, not how it came."""
        arrays = {name: array for name, array in _arrays(found) if array is not None}
        stream = io.BytesIO()
        np.savez(stream, allow_pickle=False, **arrays)
        digest = hashlib.sha256(json_text(frame))
        for name, array in arrays.items():
            digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        ids = found.ids or ()
        return cls(NPZ, found.n, frame, ids, stream.getvalue(), digest.hexdigest())

    @classmethod
    def of_document(
        cls, data: Mapping[str, Any], rows: int, frame: RunSchema, ids: tuple[str, ...]
    ) -> PredictionChunk:
        """Data as JSON has them."""
        text = json_text(data)
        digest = hashlib.sha256(json_text(frame) + text).hexdigest()
        return cls(JSON, rows, frame, ids, zlib.compress(text, _QUICKLY), digest)

    @classmethod
    def of_pairs(
        cls,
        pairs: Sequence[Mapping[str, Any]],
        content: Any,
        frame: RunSchema,
        ids: tuple[str, ...],
    ) -> PredictionChunk:
        """Pairs as they were measured. The digest covers `content`, which tells what was sent."""
        digest = hashlib.sha256(json_text(frame) + json_text(content)).hexdigest()
        return cls(PAIRS, len(pairs), frame, ids, zlib.compress(json_text(pairs)), digest)


@contextmanager
def readable(key: str) -> Iterator[None]:
    """Reading what is kept of the chunk `key`. Raises `DamagedChunk` where it is not as written."""
    try:
        yield
    except (*_DAMAGE, LookupError, OverflowError, TypeError, ValueError) as fault:
        raise DamagedChunk(
            f"What is kept of the chunk {key!r} cannot be read; restore the store, or delete the "
            "run and post all of it again."
        ) from fault


@dataclass(frozen=True, slots=True, eq=False)
class RunChunks:
    """The chunks of a run: the rows of each by key, what they agree on, and, one at a time and in
    any order, the key, media type and payload of each.

    Raises `DamagedChunk` when it comes to a payload that cannot be read.
    """

    sizes: Mapping[str, int]
    frame: RunSchema
    payloads: Iterable[tuple[str, str, bytes]]

    def documents(self) -> Iterator[tuple[str, str, Any]]:
        """The key and media type of each chunk, and its JSON."""
        for key, media_type, payload in self.payloads:
            with readable(key):
                document = json.loads(zlib.decompress(payload))
            yield key, media_type, document

    def predictions(self, labels: tuple[str, ...]) -> Predictions:
        """The columns of all chunks, in the order of their keys; no objects are made for rows
        without ids."""
        columns = _Columns(Origin.of(self.sizes), sum(self.sizes.values()), self.frame)
        for key, _, payload in self.payloads:
            with readable(key), np.load(io.BytesIO(payload), allow_pickle=False) as archive:
                columns.fill(key, archive)
        return columns.predictions(labels)


def ids_of(media_type: str, payload: bytes) -> list[str]:
    """The ids that a chunk keeps other chunks from having."""
    if media_type == NPZ:
        with np.load(io.BytesIO(payload), allow_pickle=False) as archive:
            known: list[str] = json.loads(archive["ids"].tobytes()) if "ids" in archive else []
            return known
    document = json.loads(zlib.decompress(payload))
    if media_type == PAIRS:
        return [entry["id"] for entry in document if entry["id"] is not None]
    if "ground_truth" in document:
        return [id_text(image["id"]) for image in document["ground_truth"]["images"]]
    pairs = document.get("pairs", ())  # from a version that kept the images
    return [str(pair["id"]) for pair in pairs if pair.get("id") not in (None, "")]


class _Columns:
    """Columns that are filled chunk by chunk."""

    def __init__(self, origin: Origin, count: int, frame: RunSchema) -> None:
        width = frame.get("scores")
        self._origin = origin
        self._truth = np.empty(count, np.int64)
        self._scores: NDArray[np.float64] | None = None
        if width is not False:  # null: every score is missing
            shape = (count,) if width in (None, 1) else (count, width)
            self._scores = np.full(shape, np.nan)
        self._predictions = np.empty(count, np.int64) if frame.get("predictions") else None
        self._groups = _NamedColumn(count) if frame.get("groups") else None
        self._by = {name: _NamedColumn(count) for name in frame.get("by") or ()}
        self._ids: dict[str, list[str]] | None = {} if frame.get("ids") else None

    def fill(self, key: str, archive: Mapping[str, NDArray[Any]]) -> None:
        """Put a chunk's columns where they belong."""
        truth = archive["truth"]
        start = self._origin.start(key)
        rows = slice(start, start + truth.size)
        self._truth[rows] = truth
        scores = archive.get("scores")
        if scores is not None and self._scores is not None and scores.ndim == self._scores.ndim:
            self._scores[rows] = scores  # of another shape all are missing
        if self._predictions is not None:
            self._predictions[rows] = archive["predictions"]
        if self._groups is not None:
            self._groups.fill(rows, archive["groups"], archive["names"])
        for place, column in enumerate(self._by.values()):
            column.fill(rows, archive[f"by_{place}"], archive[f"by_names_{place}"])
        if self._ids is not None:
            self._ids[key] = json.loads(archive["ids"].tobytes())

    def predictions(self, labels: tuple[str, ...]) -> Predictions:
        """All of them."""
        groups = ids = None
        if self._groups is not None:
            groups = self._groups.groups()
        if self._ids is not None:
            ids = tuple(name for key in self._origin.keys for name in self._ids.get(key, ()))
        return Predictions(
            labels,
            self._truth,
            self._scores,
            self._predictions,
            groups,
            ids,
            self._origin,
            {name: column.groups() for name, column in self._by.items()},
        )


class _NamedColumn:
    """A column of names that is filled chunk by chunk, each of which has codes of its own."""

    def __init__(self, count: int) -> None:
        self._codes = np.empty(count, np.int64)
        self._names: dict[str, int] = {}

    def fill(self, rows: slice, codes: NDArray[Any], names: NDArray[Any]) -> None:
        """Put a chunk's codes where they belong; `names` are those of the codes, as JSON."""
        own = [
            self._names.setdefault(name, len(self._names)) for name in json.loads(names.tobytes())
        ]
        # The last stands for -1, a name that is missing.
        self._codes[rows] = np.array([*own, -1], np.int64)[codes]

    def groups(self) -> Groups:
        """All of it, with codes in the order of the names."""
        names = sorted(self._names)
        place = np.empty(len(names) + 1, np.int64)
        place[[self._names[name] for name in names]] = np.arange(len(names))
        place[-1] = -1
        return Groups(place[self._codes], tuple(names))


def _arrays(found: Predictions) -> Iterator[tuple[str, NDArray[Any] | None]]:
    yield "truth", found.truth.astype("<i2")
    yield "scores", None if found.scores is None else found.scores.astype("<f8")
    yield "predictions", None if found.predictions is None else found.predictions.astype("<i2")
    if found.groups is not None:
        yield "groups", found.groups.codes.astype("<i4")
        yield "names", _letters(found.groups.names)
    yield "ids", None if found.ids is None else _letters(found.ids)
    for place, column in enumerate(found.by.values()):
        yield f"by_{place}", column.codes.astype("<i4")
        yield f"by_names_{place}", _letters(column.names)


def _letters(names: tuple[str, ...]) -> NDArray[np.uint8]:
    return np.frombuffer(json_text(names), np.uint8)


def json_text(value: Any) -> bytes:
    """JSON, the same for the same value; it knows NaN, which data may hold."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")
