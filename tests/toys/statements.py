"""The statements that a request executes in any store of the process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from brightfield.api.logs import request_id as current_request_id


@contextmanager
def statements_of(request_id: str) -> Iterator[Sequence[str]]:
    """Fills with each statement of the request with that X-Request-ID."""
    executed: list[str] = []

    def heed(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if current_request_id.get() == request_id:
            executed.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", heed)
    try:
        yield executed
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", heed)
