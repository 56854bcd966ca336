"""brightfield restore"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import ClassVar

from brightfield.commands.backup import contents
from brightfield.commands.command import Command, read_settings


class Restore(Command):
    """Put a backup into the store."""

    help: ClassVar[str] = "put a backup into the store"
    description: ClassVar[str] = (
        "Put everything of a backup into the store of BRIGHTFIELD_DATA or "
        "BRIGHTFIELD_DATABASE_URL, whether SQLite or PostgreSQL. It happens in one transaction, so "
        "a service may run meanwhile. Approximate indexes are not restored; build them anew."
    )

    def add_flags(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path, help="what `backup` wrote")
        parser.add_argument(
            "--replace",
            action="store_true",
            help="delete what the store holds now, or move a damaged file aside",
        )

    def run(self, args: argparse.Namespace) -> int:
        from brightfield.store.backup import restore

        counts = restore(args.file, read_settings().store_url, replace=args.replace)
        print(f"restored {contents(counts)}")
        return 0
