"""Server-sent events, from text as it arrives. No I/O.

Source: WHATWG HTML, "Server-sent events", section 9.2.6.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_LINE_END = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True)
class ServerEvent:
    """One event; `id` is the latest one that the stream has named."""

    kind: str
    data: str
    id: str


@dataclass
class EventParser:
    """Takes chunks of a stream, cut anywhere, and gives the events that are whole.

    An event that the stream breaks off in is dropped, as the standard demands: it is sent again
    after a reconnection. `retry` is the last delay in seconds that the stream asked for.
    """

    retry: float | None = None
    _id: str = ""
    _rest: str = ""
    _kind: str = ""
    _data: list[str] = field(default_factory=list)

    def feed(self, text: str) -> Iterator[ServerEvent]:
        text = self._rest + text
        # A carriage return at the end may be the first half of a line end.
        whole = text[:-1] if text.endswith("\r") else text
        *lines, rest = _LINE_END.split(whole)
        self._rest = rest + text[len(whole) :]
        for line in lines:
            event = self._line(line)
            if event is not None:
                yield event

    def _line(self, line: str) -> ServerEvent | None:
        if not line:
            return self._dispatch()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._kind = value
        elif name == "id" and "\0" not in value:
            self._id = value
        elif name == "retry" and value.isascii() and value.isdigit():
            self.retry = int(value) / 1000
        return None

    def _dispatch(self) -> ServerEvent | None:
        kind, data = self._kind or "message", self._data
        self._kind, self._data = "", []
        return ServerEvent(kind, "\n".join(data), self._id) if data else None
