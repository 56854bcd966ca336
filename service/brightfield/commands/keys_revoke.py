"""brightfield keys revoke"""

from __future__ import annotations

import argparse
from typing import ClassVar

from brightfield.commands.command import Command, read_settings


class KeysRevoke(Command):
    """Revoke an API key for good."""

    help: ClassVar[str] = "revoke an API key; services that run notice within seconds"

    def add_flags(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("key", metavar="KEY", help="id or name of the key")

    def run(self, args: argparse.Namespace) -> int:
        from brightfield.access.keyring import FRESH
        from brightfield.store.keys import open_keys

        with open_keys(read_settings().store_url) as store:
            key = store.revoke(args.key)
        print(f"The key {key.id} of {key.name!r} is revoked, everywhere within {FRESH:g} seconds.")
        return 0
