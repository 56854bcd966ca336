"""What came from outside, as one line of a log shows it."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator

# Control characters (C0, DEL, C1), what directs or hides text (bidirectional and other formats),
# line and paragraph separators, halves of surrogates, and what is for private use or unassigned:
# each would change how a terminal shows the line, or where it ends.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\ud800-\udfff\ue000-\uf8ff\ufeff\ufff0-\ufffb\ufffe\uffff"
    "\U00013430-\U0001343f\U000110bd\U000110cd\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U0010ffff]"
)


def one_line(text: str) -> str:
    """The text with every unsafe character escaped as Python does it: `\\n`, `\\x1b`, `\\u202e`."""
    return _UNSAFE.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")


def traceback_lines(fault: BaseException) -> Iterator[str]:
    """A traceback as Python prints it, but each fault and each line of code on one line.

    The text of a fault, the name of a file and the code of a model may come from anywhere.
    """
    yield from _lines(fault, set())


def _lines(fault: BaseException, seen: set[int]) -> Iterator[str]:
    seen.add(id(fault))
    cause = fault.__cause__
    if cause is not None and id(cause) not in seen:
        yield from _lines(cause, seen)
        yield "The above exception was the direct cause of the following one:"
    context = fault.__context__
    hidden = cause is not None or fault.__suppress_context__
    if context is not None and not hidden and id(context) not in seen:
        yield from _lines(context, seen)
        yield "During its handling another exception occurred:"
    yield "Traceback (most recent call last):"
    for frame in traceback.extract_tb(fault.__traceback__):
        yield one_line(f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}')
        if frame.line:
            yield one_line(f"    {frame.line}")
    yield one_line(f"{type(fault).__qualname__}: {_text(fault)}")
    yield from (one_line(str(note)) for note in getattr(fault, "__notes__", ()))
    for member in getattr(fault, "exceptions", ()):
        yield from (f"  | {line}" for line in _lines(member, seen))


def _text(fault: BaseException) -> str:
    """`str` runs code of whoever made the fault."""
    try:
        return str(fault)
    except Exception:
        return "(its text raised another)"
