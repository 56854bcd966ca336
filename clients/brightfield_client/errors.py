"""The one tree of errors.

    BrightfieldError
    ├── ConnectionFailed            the service cannot be reached, or the connection broke
    ├── TimedOut                    no answer within the timeout
    ├── UnexpectedReply             the answer is not one of Brightfield's
    └── ApiError                    the service refused: `.status .code .detail .request_id`
        ├── BadRequestError 400         the image cannot be decoded or is cut short
        ├── ForbiddenError 403          a foreign host or origin
        ├── NotFoundError 404           an unknown model, or an image or job that is gone
        ├── MethodNotAllowedError 405   a method that the path does not know
        ├── NotAcceptableError 406      a format that the endpoint does not have
        ├── ConflictError 409           the state of the thing forbids it
        ├── TooLargeError 413           bytes, pixels or a reply over the service's limit
        ├── UnsupportedError 415        an image format that the service cannot read
        ├── UnprocessableError 422      well-formed but wrong: `.errors` names the places
        ├── OverloadedError 429         more in flight than the service allows
        ├── InternalError 500           a fault of the service
        ├── UnavailableError 503        the model or the device cannot answer now
        └── DeadlineError 504           the deadline passed inside the service

Files that cannot be read stay `OSError`, and values that cannot be sent are `ValueError` or
`TypeError`, as everywhere in Python.
"""

from __future__ import annotations

from collections.abc import Mapping
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
        super().__init__(f"{status} {self.code}: {self.detail}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled by what it was made from; the message follows from that."""
        return _rebuilt, (type(self), self.status, self.problem, self.retry_after)


class BadRequestError(ApiError):
    expected_status = 400


class ForbiddenError(ApiError):
    expected_status = 403


class NotFoundError(ApiError):
    expected_status = 404


class MethodNotAllowedError(ApiError):
    expected_status = 405


class NotAcceptableError(ApiError):
    expected_status = 406


class ConflictError(ApiError):
    expected_status = 409


class TooLargeError(ApiError):
    expected_status = 413


class UnsupportedError(ApiError):
    expected_status = 415


class UnprocessableError(ApiError):
    expected_status = 422


class OverloadedError(ApiError):
    expected_status = 429


class InternalError(ApiError):
    expected_status = 500


class UnavailableError(ApiError):
    expected_status = 503


class DeadlineError(ApiError):
    expected_status = 504


def api_error(
    status: int, problem: Mapping[str, Any], *, retry_after: float | None = None
) -> ApiError:
    """The error of the class that belongs to a status; `ApiError` itself for any other."""
    classes = {kind.expected_status: kind for kind in ApiError.__subclasses__()}
    return classes.get(status, ApiError)(status, problem, retry_after=retry_after)


def _rebuilt(
    kind: type[ApiError], status: int, problem: Mapping[str, Any], retry_after: float | None
) -> ApiError:
    return kind(status, problem, retry_after=retry_after)
