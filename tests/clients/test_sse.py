from __future__ import annotations

import pytest

from brightfield_client.sse import EventParser, ServerEvent

STREAM = (
    ": a comment\n"
    "retry: 250\n\n"
    'id: 1\nevent: progress\ndata: {"done": 1}\n\n'
    "data: two\r\ndata:lines\r\n\r\n"
    "id: 3\rdata:  spaced \u2028 kept\r\r"
    "event: nothing\n\n"
    "id: 9\ndata: cut"
)
EVENTS = [
    ServerEvent("progress", '{"done": 1}', "1"),
    ServerEvent("message", "two\nlines", "1"),
    ServerEvent("message", " spaced \u2028 kept", "3"),
]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_events_are_the_same_wherever_the_stream_is_cut(size):
    parser = EventParser()
    chunks = [STREAM[i : i + size] for i in range(0, len(STREAM), size)]
    assert [event for chunk in chunks for event in parser.feed(chunk)] == EVENTS
    assert parser.retry == 0.25
