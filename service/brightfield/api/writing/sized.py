"""JSON replies, of which none is larger than the service's limit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from starlette.responses import Response

from brightfield.errors import ReplyTooLarge

MEDIA_TYPE = "application/json"


def json_reply(
    document: Any,
    max_reply_bytes: int,
    advice: str = "ask for less at once",
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The document as JSON. Raises `ReplyTooLarge`, with `advice` on how to ask for less."""
    content = orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY, default=str)
    if len(content) > max_reply_bytes:
        raise ReplyTooLarge(
            f"The reply has {len(content)} bytes as JSON and the limit is {max_reply_bytes} "
            f"(max_reply_bytes); {advice}."
        )
    return Response(content, status, headers, MEDIA_TYPE)


def smaller_form(formats: Sequence[str]) -> str:
    """Advice for a result that can be written in these formats."""
    smaller = next((name for name in ("npy", "tiff", "csv") if name in formats), None)
    return f"ask for format={smaller}" if smaller else "ask for fewer images at once"
