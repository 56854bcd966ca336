"""Collections are counted in shards; an index knows how far it has come in each."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_SHARDS = 16
_COUNTS = ("size", "added", "deletions")


def upgrade() -> None:
    """Items keep their numbers; every shard goes on behind the last of them."""
    op.create_table(
        "collection_shards",
        sa.Column("collection", sa.String(32), primary_key=True),
        sa.Column("shard", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("newest", sa.BigInteger, nullable=False),
        sa.Column("changes", sa.BigInteger, nullable=False),
        sa.Column("deletions", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(["collection"], ["collections.key"], ondelete="CASCADE"),
    )
    connection, insert = op.get_bind(), sa.text(
        "INSERT INTO collection_shards (collection, shard, size, newest, changes, deletions) "
        "VALUES (:key, :shard, :size, :newest, :changes, :deletions)"
    )  # fmt: skip
    found = connection.execute(sa.text("SELECT key, size, added, deletions FROM collections"))
    for key, size, added, deletions in found.all():
        counts = {"size": size, "changes": added + deletions, "deletions": deletions}
        for shard in range(_SHARDS):
            own = {"key": key, "shard": shard, "newest": added}
            connection.execute(insert, own | (counts if shard == 0 else dict.fromkeys(counts, 0)))
    with op.batch_alter_table("collections") as batch:
        for name in _COUNTS:
            batch.drop_column(name)
    _replace_filled()


def _replace_filled() -> None:
    connection = op.get_bind()
    found = connection.execute(sa.text("SELECT collection, filled FROM collection_indexes")).all()
    op.add_column(
        "collection_indexes", sa.Column("reach", sa.JSON, nullable=False, server_default="[]")
    )
    change = sa.text("UPDATE collection_indexes SET reach = :reach WHERE collection = :collection")
    for collection, filled in found:
        given = {"reach": [filled] * _SHARDS, "collection": collection}
        connection.execute(change.bindparams(sa.bindparam("reach", type_=sa.JSON)), given)
    with op.batch_alter_table("collection_indexes") as batch:
        batch.drop_column("filled")
        batch.alter_column("reach", server_default=None)


def downgrade() -> None:
    """The newest number of any shard is that of the collection. Indexes are to be built anew: a
    single number can't say what is in them."""
    for name in _COUNTS:
        op.add_column(
            "collections", sa.Column(name, sa.BigInteger, nullable=False, server_default="0")
        )
    parts = "FROM collection_shards s WHERE s.collection = key"
    op.execute(
        f"UPDATE collections SET size = (SELECT sum(s.size) {parts}), "
        f"added = (SELECT max(s.newest) {parts}), deletions = (SELECT sum(s.deletions) {parts})"
    )
    op.drop_table("collection_shards")
    with op.batch_alter_table("collections") as batch:
        for name in _COUNTS:
            batch.alter_column(name, server_default=None)
    op.execute("DELETE FROM collection_indexes")
    with op.batch_alter_table("collection_indexes") as batch:
        batch.add_column(sa.Column("filled", sa.BigInteger, nullable=False))
        batch.drop_column("reach")
