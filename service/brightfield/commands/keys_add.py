"""brightfield keys add"""

from __future__ import annotations

import argparse
import sys
from typing import ClassVar

from brightfield.commands.command import Command, read_settings

_LIMITS = (
    ("rate", "PER_SECOND", float, "most requests per second, in each process of the service"),
    ("in-flight", "IMAGES", int, "most images in flight at once, in each process"),
    ("bytes", "BYTES", str, "store no more once the project holds so many bytes, as 20GiB"),
)


class KeysAdd(Command):
    """Make an API key and show it, once."""

    help: ClassVar[str] = "make an API key, which is shown once"
    description: ClassVar[str] = (
        "Make an API key in the store (BRIGHTFIELD_DATA, BRIGHTFIELD_DATABASE_URL). From the first "
        "key on, every request needs one. The key is written to standard output, once."
    )

    def add_flags(self, parser: argparse.ArgumentParser) -> None:
        from brightfield.access.scopes import MEANINGS
        from brightfield.store.ownership import DEFAULT_PROJECT

        said = "; ".join(f"{scope}: {meaning}" for scope, meaning in MEANINGS.items())
        parser.add_argument("name", metavar="NAME", help="whose key it is, as 'microscope 2'")
        parser.add_argument(
            "--scopes",
            default="read",
            metavar="SCOPES",
            help=f"with commas: {said} (default: %(default)s)",
        )
        parser.add_argument(
            "--project",
            default=DEFAULT_PROJECT,
            metavar="PROJECT",
            help="whose collections, jobs and runs it sees and makes (default: %(default)s)",
        )
        parser.add_argument(
            "--expires", metavar="WHEN", help="90d (h, d, w, y) or a date, as 2030-01-31"
        )
        for name, value, kind, text in _LIMITS:
            parser.add_argument(
                f"--{name}", type=kind, metavar=value, help=f"{text} (default: any)"
            )

    def run(self, args: argparse.Namespace) -> int:
        from brightfield.access.issuing import KeyRequest, issue
        from brightfield.settings import parse_bytes
        from brightfield.store.keys import KeyLimits, open_keys

        most = None if args.bytes is None else parse_bytes(args.bytes)
        scopes = tuple(word.strip() for word in args.scopes.split(",") if word.strip())
        limits = KeyLimits(args.rate, args.in_flight, most)
        with open_keys(read_settings().store_url) as store:
            wanted = KeyRequest(args.name, scopes, args.project, args.expires, limits)
            key, stored = issue(store, wanted)
        told = (
            f"Key {stored.id} of {stored.name!r}, project {stored.project}. It is not shown again:"
        )
        print(told, file=sys.stderr)
        print(key.text)
        return 0
