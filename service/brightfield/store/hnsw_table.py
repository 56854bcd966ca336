"""The table below an HNSW index: number and vector of a collection's items, in PostgreSQL.

It is made at run time, one for each indexed collection, since pgvector's columns have a fixed
number of values. Its vectors are copies; items and vectors stay where they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Connection

VectorKind = Literal["vector", "halfvec"]
Part = tuple[NDArray[np.int64], NDArray[np.float32]]
"""Numbers (n,) and vectors (n, D) of some items."""

# Values of a vector that pgvector can index, by the type of its column.
MOST_VALUES: dict[VectorKind, int] = {"vector": 2000, "halfvec": 4000}

_OPERATORS = {"cosine": "<=>", "euclidean": "<->"}
_CLASSES = {"cosine": "cosine_ops", "euclidean": "l2_ops"}


@dataclass(frozen=True, slots=True)
class HnswTable:
    """The table of a collection. Its methods run in the transaction that they are given."""

    name: str
    kind: VectorKind
    dim: int
    metric: str

    @classmethod
    def of(cls, key: str, dim: int, metric: str) -> Self:
        return cls(_name(key), "vector" if dim <= MOST_VALUES["vector"] else "halfvec", dim, metric)

    def create(self, connection: Connection) -> None:
        connection.exec_driver_sql(
            f"CREATE TABLE {self.name} (number bigint PRIMARY KEY, vector {self.kind}({self.dim}))"
        )
        connection.exec_driver_sql(f"CREATE INDEX ON {self.name} (number) WHERE vector IS NULL")

    def copy(self, connection: Connection, parts: Iterable[Part]) -> None:
        """Put items in. A vector of zeros has no direction, so that an index by the cosine would
        not hold it: it is null, and `without_direction` finds it."""
        import psycopg
        from pgvector import HalfVector, Vector
        from pgvector.psycopg import register_vector

        made = Vector if self.kind == "vector" else HalfVector
        driver: Any = connection.connection.driver_connection
        register_vector(driver)
        statement = f"COPY {self.name} (number, vector) FROM STDIN (FORMAT BINARY)"
        try:
            with driver.cursor() as cursor, cursor.copy(statement) as copy:
                copy.set_types(["int8", self.kind])
                for numbers, vectors in parts:
                    for number, row in zip(numbers.tolist(), vectors, strict=True):
                        held = self.metric != "cosine" or row.any()
                        copy.write_row((number, made(row) if held else None))
        except psycopg.Error as error:
            raise sa.exc.DBAPIError.instance(statement, None, error, psycopg.Error) from error

    def index(self, connection: Connection, m: int, ef_construction: int) -> None:
        connection.exec_driver_sql(
            f"CREATE INDEX ON {self.name} USING hnsw (vector {self.kind}_{_CLASSES[self.metric]}) "
            f"WITH (m = {m}, ef_construction = {ef_construction})"
        )

    def purge(self, connection: Connection, key: str, after: int) -> None:
        """Take out the items behind a number that were deleted before they came in."""
        connection.execute(
            sa.text(
                f"DELETE FROM {self.name} AS held WHERE held.number > :after AND NOT EXISTS "
                "(SELECT FROM collection_items AS item "
                "WHERE item.collection = :key AND item.number = held.number)"
            ),
            {"after": after, "key": key},
        )

    def rename(self, connection: Connection, name: str) -> None:
        """Take the place of the table of that name, if there is one."""
        connection.exec_driver_sql(f"DROP TABLE IF EXISTS {name}")
        connection.exec_driver_sql(f"ALTER TABLE {self.name} RENAME TO {name}")

    def nearest(
        self, connection: Connection, query: NDArray[np.float32], count: int
    ) -> NDArray[np.int64]:
        """Numbers of so many items near the query (D,), as the index finds them."""
        from pgvector import Vector

        statement = (
            f"SELECT number FROM {self.name} "
            f"ORDER BY vector {_OPERATORS[self.metric]} CAST(:query AS {self.kind}) LIMIT :count"
        )
        given = {"query": Vector(query).to_text(), "count": count}
        return np.array(connection.scalars(sa.text(statement), given).all(), np.int64)

    def without_direction(self, connection: Connection, count: int) -> NDArray[np.int64]:
        """Numbers of the first so many items whose vectors are zeros; by the cosine alone."""
        statement = f"SELECT number FROM {self.name} WHERE vector IS NULL ORDER BY number LIMIT :n"
        return np.array(connection.scalars(sa.text(statement), {"n": count}).all(), np.int64)


def know_types(connection: Connection) -> None:
    """Until the transaction's end the types and operators of pgvector have their plain names,
    whichever schema the extension was put into."""
    connection.execute(
        sa.text(
            "SELECT set_config('search_path', concat_ws(', ', "
            "nullif(current_setting('search_path'), ''), quote_ident(n.nspname)), true) "
            "FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace "
            "WHERE e.extname = 'vector'"
        )
    )


def search_by_index(connection: Connection, ef_search: int) -> None:
    """Until the transaction's end searches go by the index, however small the table, with so many
    candidates at a time, and on until there are as many as were asked for."""
    connection.execute(
        sa.text(
            "SELECT set_config('hnsw.ef_search', :ef, true), "
            "set_config('hnsw.iterative_scan', 'relaxed_order', true), "
            "set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'off', true)"
        ),
        {"ef": str(ef_search)},
    )


def forget(connection: Connection, key: str, numbers: Sequence[int]) -> None:
    """Take items out of a collection's table, if it has one. The caller has its turn at the
    collection; items come into the table only while nobody else has."""
    if not numbers or connection.dialect.name != "postgresql":
        return
    there = sa.text("SELECT to_regclass(:name) IS NOT NULL")
    if connection.execute(there, {"name": _name(key)}).scalar_one():
        connection.execute(
            sa.text(f"DELETE FROM {_name(key)} WHERE number = ANY(:numbers)"),
            {"numbers": list(numbers)},
        )


def drop(connection: Connection, key: str) -> None:
    """Drop a collection's table, if it has one."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"DROP TABLE IF EXISTS {_name(key)}")


def _name(key: str) -> str:
    return f"hnsw_{key}"
