"""Sending with retries, as steps without I/O.

A generator yields what is to be done (`Send` a call, `Pause` for seconds) and is given the
response; the two clients only carry the steps out. So there is one policy for both.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

import httpx2

from brightfield_client.errors import ApiError, ConnectionFailed, TimedOut, UnexpectedReply

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_LOG = logging.getLogger("brightfield_client")
_RETRIED = frozenset({429, 503})
_BASE, _CEILING = 0.5, 8.0  # seconds, for retries without a Retry-After


class Request(Protocol[T_co]):
    """What is sent: a request, the reading of its answer, and whether it may be sent twice."""

    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def idempotent(self) -> bool: ...
    @property
    def timeout(self) -> float | None: ...
    def parse(self, response: httpx2.Response, /) -> T_co: ...
    def request(
        self, http: httpx2.Client | httpx2.AsyncClient, timeout: float, /
    ) -> httpx2.Request: ...


@dataclass(frozen=True)
class Send:
    """Send a call; give back the whole response, or throw the transport's error."""

    call: Request[Any]
    timeout: float


@dataclass(frozen=True)
class Pause:
    """Wait for so many seconds."""

    seconds: float


Step: TypeAlias = "Send | Pause"
Steps: TypeAlias = Generator[Step, "httpx2.Response | None", T]


class Runnable(Protocol[T_co]):
    """What a client can run: a call, or several calls with a purpose."""

    def steps(self, policy: Policy, /) -> Steps[T_co]: ...


@dataclass(frozen=True)
class Done(Generic[T]):
    """The end of the steps and what they lead to."""

    value: T


def advance(steps: Steps[T], answer: httpx2.Response | Exception | None) -> Step | Done[T]:
    """The next step, given what came of the last one (None at first and after a pause)."""
    try:
        return steps.throw(answer) if isinstance(answer, Exception) else steps.send(answer)
    except StopIteration as end:
        return Done(end.value)


@dataclass(frozen=True)
class Policy:
    """How long to wait for an answer, all retries included, and how often to try again."""

    timeout: float
    retries: int
    clock: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = random.random

    def __post_init__(self) -> None:
        if not 0 < self.timeout < float("inf"):
            raise ValueError(f"timeout is a finite number of seconds above 0, not {self.timeout}.")
        if self.retries < 0:
            raise ValueError(f"retries is 0 or more, not {self.retries}.")

    def patient(self, timeout: float | None, retries: int | None = None) -> Policy:
        """The same with other numbers, as far as they are given. Raises `ValueError`."""
        chosen = self.timeout if timeout is None else float(timeout)
        return replace(self, timeout=chosen, retries=self.retries if retries is None else retries)

    def delay(self, attempt: int, asked: float | None) -> float:
        """Seconds before retry number `attempt` (from 0).

        Exactly what the service asked for, which is the client's turn; without such a wish
        0.5 * 2^attempt, at most 8, of which a random half is taken off. The chance keeps clients
        that failed together from coming back together.
        """
        if asked is not None:
            return asked
        return float(min(_CEILING, _BASE * 2**attempt) * (1 - 0.5 * self.chance()))


def exchange(call: Request[T], policy: Policy) -> Steps[T]:
    """Send `call` until it is answered, refused for good, or out of retries or of time."""
    policy = policy.patient(call.timeout)
    end = policy.clock() + policy.timeout
    attempt = 0
    while True:
        try:
            response = yield Send(call, max(0.001, end - policy.clock()))
            if response is None:
                raise TypeError("a Send step is answered with a response")
            _LOG.debug("%s %s: %d", call.method, call.path, response.status_code)
            return call.parse(response)
        except (httpx2.RequestError, ApiError) as fault:
            wait = policy.delay(attempt, getattr(fault, "retry_after", None))
            late = policy.clock() + wait >= end
            if attempt >= policy.retries or late or not worth_retrying(fault, call.idempotent):
                raise explained(fault, policy.timeout) from fault.__cause__
            reason = explained(fault, policy.timeout)
        _LOG.info("%s %s again in %.1f s: %s", call.method, call.path, wait, reason)
        yield Pause(wait)
        attempt += 1


def worth_retrying(fault: Exception, idempotent: bool = True) -> bool:
    """Whether the same request can succeed soon, without being carried out twice by accident."""
    if isinstance(fault, ApiError):
        return fault.status in _RETRIED and fault.retryable
    if isinstance(fault, httpx2.ConnectError | httpx2.ConnectTimeout):
        return True
    return idempotent and isinstance(fault, httpx2.NetworkError | httpx2.RemoteProtocolError)


def explained(fault: Exception, timeout: float) -> Exception:
    """A transport's error as one of this package's; others as they are."""
    if not isinstance(fault, httpx2.RequestError):
        return fault
    url = _origin(fault)
    if isinstance(fault, httpx2.UnsupportedProtocol | httpx2.DecodingError | httpx2.SSEError):
        return UnexpectedReply(f"{url}: {fault}")
    if isinstance(fault, httpx2.TimeoutException) and not isinstance(fault, httpx2.ConnectTimeout):
        return TimedOut(f"{url} did not answer within {timeout:g} seconds.")
    reason = str(fault) or type(fault).__name__
    return ConnectionFailed(f"{url} cannot be reached: {reason}.")


def _origin(fault: httpx2.RequestError) -> str:
    try:
        return shown(fault.request.url.copy_with(query=None))
    except RuntimeError:  # raised before there was a request
        return "The service"


def shown(url: httpx2.URL | str) -> str:
    """A URL for people: without the password that it may have."""
    return str(httpx2.URL(url).copy_with(userinfo=b""))


def retry_after(response: httpx2.Response) -> float | None:
    """The seconds of a Retry-After header, given as a number or as a date; None without one."""
    text = response.headers.get("retry-after", "").strip()
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())
