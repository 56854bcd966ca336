"""The synchronous half of the client, from the asynchronous one."""

from __future__ import annotations

import re

from text import formatted, head

# How the asynchronous half reads without waiting, in this order.
RULES = [
    (r"\bcollections\.abc import AsyncGenerator, Callable, Coroutine\b",
     "collections.abc import Callable, Generator"),
    (r"\bAsyncGenerator\[([^\n]*), None\]", r"Generator[\1, None, None]"),
    (r"\bCoroutine\[Any, Any, ([^\n]*)\]", r"\1"),
    (r"\basync (def|with|for)\b", r"\1"),
    (r"\bawait ", ""),
    (r"\bhttpx2\.ASGITransport\(app\)", "InProcess(app)"),
    (r"\bhttpx2\.Async(Client|BaseTransport)", r"httpx2.\1"),
    (r"\b__a(enter|exit)__", r"__\1__"),
    (r"\ba(read|close)\(", r"\1("),
    (r"\baclosing\b", "closing"),
    (r"\basyncio\.CancelledError", "KeyboardInterrupt"),
    (r"import asyncio\n", ""),
    (r"\bAsync(?=[A-Z])", ""),
    (r"\basync_(?=[a-z])", ""),
    (r"an asynchronous one", "one"),
    (r" # (ruff: )?noqa: ASYNC\S+[^\n]*", ""),
]  # fmt: skip


def synchronous(text: str, source: str) -> str:
    """An asynchronous half without its waiting."""
    for pattern, replacement in RULES:
        text = re.sub(pattern, replacement, text)
    ignored = "# ruff: noqa: RUF100, SIM117, UP028 - so it reads as its asynchronous half"
    return formatted(f"{head(source)}\n{ignored}\n{text.removeprefix(_first_line(text))}")


def _first_line(text: str) -> str:
    return text[: text.index("\n") + 1] if text.startswith("# Generated") else ""
