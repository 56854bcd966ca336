"""What can go wrong with a service; `errors` has a class for each of its statuses."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar


class BrightfieldError(Exception):
    """Anything that went wrong between this client and the service."""


class ConnectionFailed(BrightfieldError):
    """The service cannot be reached, or the connection broke before the answer was whole."""


class TimedOut(BrightfieldError):
    """No answer came within the timeout."""


class UnexpectedReply(BrightfieldError):
    """The answer is not one of Brightfield's; the URL may belong to another service."""


class ApiError(BrightfieldError):
    """A problem (RFC 9457) that the service sent.

    `code` is stable, for programs; `detail` is a sentence, for people; `errors` lists the places
    (`location`, `expected`, `received`) where several things are wrong; `retryable` says whether
    the same request may succeed later, after `retry_after` seconds where the service names them.
    """

    expected_status: ClassVar[int | None] = None

    def __init__(
        self, status: int, problem: Mapping[str, Any], *, retry_after: float | None = None
    ) -> None:
        self.status = status
        self.problem = dict(problem)
        self.code = str(problem.get("code") or f"http_{status}")
        self.title = str(problem.get("title") or f"HTTP {status}")
        self.detail = str(problem.get("detail") or self.title)
        self.request_id: str | None = problem.get("request_id")
        self.errors: tuple[Mapping[str, Any], ...] = tuple(problem.get("errors") or ())
        self.retryable = bool(problem.get("retryable", status in (429, 503)))
        self.retry_after = retry_after
        # A proxy's own, which has lost the service.
        self.foreign = "code" not in problem and 500 <= status <= 504
        super().__init__(f"{status} {self.code}: {self.detail}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled by what it was made from; the message follows from that."""
        kind = partial(type(self), retry_after=self.retry_after)
        return kind, (self.status, self.problem)


def api_error(
    status: int, problem: Mapping[str, Any], *, retry_after: float | None = None
) -> ApiError:
    """The error of the class that belongs to a status; `ApiError` itself for any other."""
    classes = {kind.expected_status: kind for kind in ApiError.__subclasses__()}
    return classes.get(status, ApiError)(status, problem, retry_after=retry_after)
