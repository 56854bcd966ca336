"""Where code runs that isn't ours, and what becomes of all that it raises."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

from brightfield.errors import BrightfieldError

log = logging.getLogger(__name__)

# Characters of an exception's text that a problem document repeats.
_LONGEST = 300


@contextmanager
def foreign_code(whose: str, error: type[BrightfieldError]) -> Iterator[None]:
    """Within it a lab's code runs. Whatever it raises becomes an `error` with the cause.

    That includes `SystemExit` (argparse, `quit()`), which would end the service from an asyncio
    task, and `KeyboardInterrupt` and `CancelledError`, which callers would take for their own.
    """
    with OneProcess():
        try:
            yield
            return
        except BrightfieldError:
            raise
        except BaseException as fault:
            log.error("%s failed", whose, exc_info=fault)
            problem = error(f"{whose} failed: {cause(fault)}")
        raise problem  # out of the except block, so its context keeps no frame alive


class OneProcess:
    """Ends a process that foreign code has forked within the block, where that process would come
    back to us.

    It has a copy of the service's memory, and must answer nobody with it.
    """

    __slots__ = ("_process",)

    def __enter__(self) -> None:
        self._process = os.getpid()

    def __exit__(self, *_: object) -> None:
        if os.getpid() != self._process:
            os._exit(0)


def cause(fault: BaseException) -> str:
    """The class of an exception and the first lines of its text, where it gives one."""
    name = type(fault).__name__
    try:
        text = " ".join(str(fault).split())
    except BaseException:  # foreign, too
        text = ""
    if len(text) > _LONGEST:
        text = text[:_LONGEST] + " ..."
    return f"{name}: {text}" if text else name
