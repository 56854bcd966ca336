"""brightfield backup"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from brightfield.commands.command import Command, read_settings


class Backup(Command):
    """Write everything that the store holds into one file."""

    help: ClassVar[str] = "write a backup of the store while the service runs"
    description: ClassVar[str] = (
        "Write all collections, evaluation runs and jobs of the store, as they are at one moment, "
        "into one file; the service may run meanwhile. The store is the one of BRIGHTFIELD_DATA or "
        "BRIGHTFIELD_DATABASE_URL. Uploaded images and downloaded weights are not in it."
    )

    def add_flags(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path, help="the backup; it must not exist")

    def run(self, args: argparse.Namespace) -> int:
        from brightfield.store.backup import back_up
        from brightfield.store.database import open_database

        engine = open_database(read_settings().store_url)
        counts = back_up(engine, args.file)
        engine.dispose()
        print(f"{args.file}: {contents(counts)}")
        return 0


def contents(counts: Mapping[str, int]) -> str:
    """What a user calls the rows of the tables."""
    words = {"collections": "collections", "collection_items": "items", "runs": "runs"}
    return ", ".join(
        f"{counts[table]} {word}" for table, word in (words | {"jobs": "jobs"}).items()
    )
