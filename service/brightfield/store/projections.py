"""Stored maps of collections: the points of their items, and points that were placed later."""

from __future__ import annotations

import io
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Engine

from brightfield.errors import UnknownProjection
from brightfield.store import tables
from brightfield.store.collections import Collection, held
from brightfield.store.database import reading, writing
from brightfield.store.turns import TOGETHER

_FACTS = (tables.projections.c.id, tables.projections.c.created, tables.projections.c.facts)


@dataclass(frozen=True, slots=True)
class ProjectionSummary:
    """A map without its points."""

    id: str
    created: float
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class StoredProjection:
    """`numbers` (N,) of the items that it was made of, their `points` (N, d), the `arrays` that
    placing others needs, and the points (M, d) of those that were `placed` later."""

    summary: ProjectionSummary
    numbers: NDArray[np.int64]
    points: NDArray[np.float32]
    arrays: Mapping[str, NDArray[Any]]
    placed_numbers: NDArray[np.int64]
    placed_points: NDArray[np.float32]


class Projections:
    """The maps in a store; every method may be called from any thread."""

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._clock = clock

    def save(
        self,
        collection: Collection,
        facts: Mapping[str, Any],
        numbers: NDArray[np.int64],
        points: NDArray[np.float32],
        arrays: Mapping[str, NDArray[Any]],
    ) -> ProjectionSummary:
        """Keep a map; it is on disk when this returns. Raises `UnknownCollection`."""
        summary = ProjectionSummary(f"map_{uuid.uuid4().hex}", self._clock(), dict(facts))
        values = {
            "id": summary.id,
            "collection": collection.key,
            "created": summary.created,
            "facts": summary.facts,
            "numbers": numbers.astype("<i8").tobytes(),
            "points": points.astype("<f4").tobytes(),
            "arrays": _packed(arrays),
        }
        with writing(self._engine) as connection:
            held(connection, collection, TOGETHER)
            connection.execute(sa.insert(tables.projections).values(**values))
        return summary

    def all(self, collection: Collection) -> list[ProjectionSummary]:
        """The maps of a collection, the newest first."""
        table = tables.projections
        query = sa.select(*_FACTS).where(table.c.collection == collection.key)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(table.c.created.desc(), table.c.id)).all()
        return [ProjectionSummary(*row) for row in rows]

    def get(self, collection: Collection, map_id: str) -> StoredProjection:
        """Raises `UnknownProjection`."""
        table, places = tables.projections, tables.projection_places
        query = sa.select(table).where(table.c.collection == collection.key, table.c.id == map_id)
        later = sa.select(places.c.number, places.c.point).where(places.c.projection == map_id)
        with reading(self._engine) as connection:
            row = connection.execute(query).one_or_none()
            if row is None:
                raise _unknown(collection, map_id)
            placed = connection.execute(later.order_by(places.c.number)).all()
        numbers = np.frombuffer(row.numbers, "<i8").astype(np.int64)
        points = np.frombuffer(row.points, "<f4").astype(np.float32).reshape(len(numbers), -1)
        joined = np.frombuffer(b"".join(each.point for each in placed), "<f4").astype(np.float32)
        return StoredProjection(
            ProjectionSummary(row.id, row.created, row.facts),
            numbers,
            points,
            _unpacked(row.arrays),
            np.array([each.number for each in placed], np.int64),
            joined.reshape(len(placed), points.shape[1]),
        )

    def place(self, map_id: str, numbers: Sequence[int], points: NDArray[np.float32]) -> None:
        """Keep points of further items; of one that another process has placed meanwhile, its
        point stays."""
        table = tables.projection_places
        with writing(self._engine) as connection:
            maps = sa.select(tables.projections.c.id).where(tables.projections.c.id == map_id)
            if connection.execute(maps.with_for_update()).one_or_none() is None:
                return  # deleted meanwhile
            query = sa.select(table.c.number).where(table.c.projection == map_id)
            there = set(connection.scalars(query).all())
            rows = [
                {"projection": map_id, "number": int(number), "point": point.tobytes()}
                for number, point in zip(numbers, points.astype("<f4"), strict=True)
                if number not in there
            ]
            if rows:
                connection.execute(sa.insert(table), rows)

    def delete(self, collection: Collection, map_id: str) -> None:
        """Raises `UnknownProjection`."""
        table = tables.projections
        with writing(self._engine) as connection:
            change = sa.delete(table).where(
                table.c.collection == collection.key, table.c.id == map_id
            )
            if connection.execute(change).rowcount == 0:
                raise _unknown(collection, map_id)


def _unknown(collection: Collection, map_id: str) -> UnknownProjection:
    return UnknownProjection(
        f"The collection {collection.name} has no projection {map_id!r}; see "
        f"GET /collections/{collection.name}/projection."
    )


def _packed(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **{name: np.asarray(array) for name, array in arrays.items()})  # type: ignore[arg-type]
    return buffer.getvalue()


def _unpacked(packed: bytes) -> dict[str, NDArray[Any]]:
    with np.load(io.BytesIO(packed), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}
