"""How a command ends: exit codes, and errors as one sentence."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

from brightfield_client.errors import ApiError, ConnectionFailed, TimedOut, UnexpectedReply
from brightfield_client.mapping import MapItem
from brightfield_client.results.collections import Addition

OK, SOME_FAILED, USAGE, UNREACHABLE = 0, 1, 2, 3
OUTCOMES = {"not_met": 4, "worse": 5, "undefined": 6}
"""Exit codes of what is required and not so."""

_HINT = "Start one with `brightfield serve`, name another with --url, or work without: --local."


class Stop(Exception):
    """Ends the command with a sentence and an exit code."""

    def __init__(self, sentence: str, code: int = USAGE) -> None:
        super().__init__(sentence)
        self.code = code


def verdict(fault: Exception) -> Stop | None:
    """How an error ends the command that users can meet; None for a mistake in this program."""
    if isinstance(fault, Stop):
        return fault
    if isinstance(fault, ConnectionFailed):
        return Stop(f"{fault} {_HINT}", UNREACHABLE)
    if isinstance(fault, TimedOut | UnexpectedReply):
        return Stop(str(fault), UNREACHABLE)
    if isinstance(fault, ApiError):
        refused = 400 <= fault.status < 500 and fault.status != 429
        return Stop(sentence(fault), USAGE if refused else SOME_FAILED)
    if isinstance(fault, OSError | ValueError | TypeError | ImportError):
        return Stop(sentence(fault))
    return None


def sentence(fault: BaseException, *, with_name: bool = True) -> str:
    """An error in one line, without its class; `with_name`: with that of the file."""
    if isinstance(fault, ApiError):
        return f"{fault.detail} ({fault.code})"
    if isinstance(fault, OSError) and fault.strerror:
        name = f"{fault.filename}: " if fault.filename and with_name else ""
        return f"{name}{fault.strerror}."
    return " ".join(str(fault).split()) or type(fault).__name__


def complain(text: object, about: object = None) -> None:
    """One line on stderr."""
    print(f"brightfield: {'' if about is None else f'{about}: '}{text}", file=sys.stderr)


def failures(added: Iterable[Addition]) -> int:
    """How many images did not get into a collection; says on stderr which, and why."""
    failed = [each for each in added if each.error is not None]
    for each in failed:
        complain(sentence(each.error or Stop("")), each.id)
    return len(failed)


def report(*items: MapItem[Any]) -> None:
    """Say on stderr what is wrong with each image."""
    for item in items:
        if item.error is not None:
            complain(sentence(item.error, with_name=False), item.source)


def code_of(items: Sequence[MapItem[Any]]) -> int:
    """0 when all images are answered; 3 when none is and the service was lost; else 1."""
    failed = [item for item in items if not item.ok]
    lost = [item for item in failed if isinstance(item.error, ConnectionFailed)]
    if failed and len(lost) == len(items):
        return UNREACHABLE
    return SOME_FAILED if failed else OK
