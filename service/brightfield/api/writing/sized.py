"""JSON replies, of which none is larger than the service's limit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import orjson
from starlette.responses import Response

from brightfield.api.wire.header_names import WIRE_NAMES
from brightfield.errors import ReplyTooLarge

MEDIA_TYPE = "application/json"
_MEDIA_TYPE = MEDIA_TYPE.encode()

# Entries of a list that are written at once. orjson keeps the interpreter's lock while it writes,
# and the event loop needs it.
_AT_ONCE = 1000
_OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS


def json_reply(
    document: Any,
    max_reply_bytes: int,
    advice: str = "ask for less at once",
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The document as JSON. Raises `ReplyTooLarge`, with `advice` on how to ask for less."""
    pieces, size = [], 0
    for piece in _pieces(document):
        pieces.append(piece)
        size += len(piece)
        if size > max_reply_bytes:
            raise ReplyTooLarge(
                f"The reply has more than {max_reply_bytes} bytes as JSON, the limit "
                f"(max_reply_bytes); {advice}."
            )
    content = pieces[0] if len(pieces) == 1 else b"".join(pieces)
    return _Written(content, status, headers or {})


class _Written(Response):
    """A reply that is JSON already: its headers need no look at what they are."""

    media_type = MEDIA_TYPE

    def __init__(self, content: bytes, status: int, headers: Mapping[str, str]) -> None:
        self.status_code = status
        self.background = None
        self.body = content
        self.raw_headers = [
            *[(WIRE_NAMES[name], value.encode("latin-1")) for name, value in headers.items()],
            (b"content-length", b"%d" % len(content)),
            (b"content-type", _MEDIA_TYPE),
        ]


async def listed(build: Callable[[], Any], max_reply_bytes: int) -> Response:
    """What `build` makes, as JSON; both in a thread, for lists that may be long."""
    return await asyncio.to_thread(lambda: json_reply(build(), max_reply_bytes))


def smaller_form(formats: Sequence[str]) -> str:
    """Advice for a result that can be written in these formats."""
    smaller = next((name for name in ("npy", "tiff", "csv") if name in formats), None)
    return f"ask for format={smaller}" if smaller else "ask for fewer images at once"


def _pieces(value: Any) -> Iterator[bytes]:
    """The JSON, long lists piece by piece wherever objects lead to them."""
    if type(value) is list and len(value) > _AT_ONCE:
        for start in range(0, len(value), _AT_ONCE):
            part = orjson.dumps(value[start : start + _AT_ONCE], option=_OPTIONS, default=str)
            yield (b"," if start else b"[") + part[1:-1]
        yield b"]"
    elif type(value) is dict and _has_long_list(value):
        for index, (name, member) in enumerate(value.items()):
            yield (b"," if index else b"{") + orjson.dumps(str(name)) + b":"
            yield from _pieces(member)
        yield b"}"
    else:
        yield orjson.dumps(value, option=_OPTIONS, default=str)


def _has_long_list(members: Mapping[str, Any]) -> bool:
    for each in members.values():  # a loop and no generator: every reply comes here
        kind = type(each)
        if kind is list:
            if len(each) > _AT_ONCE:
                return True
        elif kind is dict and _has_long_list(each):
            return True
    return False
