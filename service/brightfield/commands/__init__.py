"""The catalog of the service's own commands, one file each: `brightfield NAME` runs `NAME.py`.

The command line of the client lists and runs them. Their files import the rest of the service
inside functions, so that the list is there at once, and without the service's packages.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from brightfield.commands.command import Command
from brightfield.plugins import discover


def catalog() -> dict[tuple[str, ...], Command]:
    """Every command by its words: ("serve",), ("models", "check")."""
    found = discover(sys.modules[__name__], Command)  # type: ignore[type-abstract]
    return {tuple(name.split("_")): command() for name, command in found.items()}


def run(arguments: Sequence[str]) -> int | None:
    """Run the command that the arguments begin with; its exit code, None where it is none."""
    for words, command in catalog().items():
        if tuple(arguments[: len(words)]) == words:
            return command.main(words, arguments[len(words) :])
    return None
