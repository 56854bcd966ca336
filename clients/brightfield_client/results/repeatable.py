"""Answers that can have their question asked again, in another format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from brightfield_client.results.binary import Binary
from brightfield_client.results.result import Result


@dataclass(frozen=True, eq=False, kw_only=True)
class Repeatable(Result):
    """An answer that a `Client` gave about a single image.

    It keeps the question, image included, for the formats that only the service can write.
    """

    _ask: Callable[[str], Binary] | None = field(default=None, repr=False)

    def again(self, format: str) -> Binary:  # noqa: A002 - the service's name for it
        """The same question, answered anew in a binary format of the endpoint.

        Raises `ValueError` for an answer that came another way: from a batch, `map`, a job, the
        asynchronous client or a file.
        """
        if self._ask is None:
            raise ValueError(
                f"This answer no longer knows its image; ask with format={format!r}, as in "
                f"client.{self.task_name}(image, format={format!r})."
            )
        return self._ask(format)
