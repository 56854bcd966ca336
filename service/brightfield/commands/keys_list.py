"""brightfield keys list"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from brightfield.commands.command import Command, read_settings

if TYPE_CHECKING:
    from brightfield.store.keys import StoredKey

_COLUMNS = ("id", "name", "project", "scopes", "state", "created", "used", "limits")


class KeysList(Command):
    """List the API keys, without their secrets, which nobody has."""

    help: ClassVar[str] = "list the API keys"

    def add_flags(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="as JSON")

    def run(self, args: argparse.Namespace) -> int:
        from brightfield.store.keys import open_keys

        with open_keys(read_settings().store_url) as store:
            keys = [_described(each) for each in store.all()]
        if args.json:
            print(json.dumps(keys, ensure_ascii=False, indent=2))
            return 0
        rows = [_COLUMNS, *(tuple(_cells(key)) for key in keys)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            print("  ".join(cells).rstrip())
        return 0


def _described(key: StoredKey) -> dict[str, Any]:
    """A key as JSON, with times as texts."""
    return {
        "id": key.id,
        "name": key.name,
        "project": key.project,
        "scopes": list(key.scopes),
        "state": _state(key, time.time()),
        "created": _moment(key.created),
        "expires": _moment(key.expires),
        "revoked": _moment(key.revoked),
        "used": _moment(key.used),
        "limits": {name: most for name, most in asdict(key.limits).items() if most is not None},
    }


def _state(key: StoredKey, now: float) -> str:
    if key.revoked is not None:
        return "revoked"
    if key.expires is None:
        return "valid"
    return "expired" if key.expires <= now else f"until {_moment(key.expires)}"


def _moment(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def _cells(key: dict[str, Any]) -> Iterator[str]:
    for column in _COLUMNS:
        value = key[column]
        if column == "scopes":
            yield ",".join(value)
        elif column == "limits":
            yield ", ".join(f"{name} {most:g}" for name, most in value.items())
        else:
            yield value or "-"
