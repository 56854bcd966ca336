"""The forms that a report can be had in: a name for each, and how it is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.responses import Response

from brightfield.errors import NotAcceptable, ReplyTooLarge

Report = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Form:
    """A way of writing a report, which needs nothing but the report."""

    media_type: str
    write: Callable[[Report], bytes]


def as_json(report: Report) -> bytes:
    """The report as it is."""
    return orjson.dumps(report, option=orjson.OPT_SERIALIZE_NUMPY)


FORMS: Mapping[str, Form] = {"json": Form("application/json", as_json)}
"""The forms by the names that `format` has for them, the default first."""


def form_named(name: str, *, also: Sequence[str] = ()) -> Form:
    """A form. Raises `NotAcceptable`, which names all of them, and those in `also`."""
    if name in FORMS:
        return FORMS[name]
    offered = ", ".join([*FORMS, *also])
    raise NotAcceptable(f"format={name!r} is not offered here; {offered} are.")


def reply(report: Report, max_reply_bytes: int, form: Form = FORMS["json"]) -> Response:
    """The report in a form. Raises `ReplyTooLarge`."""
    content = form.write(report)
    if len(content) > max_reply_bytes:
        raise ReplyTooLarge(
            f"The report has {len(content)} bytes and the limit is {max_reply_bytes} "
            "(max_reply_bytes); send fewer rows at once, or ask for fewer curve_points."
        )
    return Response(content, media_type=form.media_type)
