"""Following a job's events across broken connections. No I/O."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

from brightfield_client.calls.call import Call
from brightfield_client.calls.jobs import done_and_total, job_events
from brightfield_client.errors import ApiError, BrightfieldError, TimedOut, UnexpectedReply
from brightfield_client.exchange import Policy, explained, worth_retrying
from brightfield_client.results.value import Value

QUIET = 60.0
"""Seconds without a byte after which the stream is opened anew."""


@dataclass(frozen=True)
class JobEvent(Value):
    """`kind` is progress, partial or end; `data` is what the service says with it."""

    kind: str
    data: Mapping[str, Any]
    id: str

    @property
    def progress(self) -> tuple[int, int]:
        """(done, total) of a progress event; 0 where unknown."""
        return done_and_total(self.data.get("progress", self.data))


class Following:
    """Where one is in a job's events, and what to do when the connection breaks.

    The stream is opened again after the last event that arrived, at most `policy.retries` times
    in a row without a new event. Without a `timeout` it is followed to its end.
    """

    def __init__(self, job_id: str, policy: Policy, timeout: float | None = None) -> None:
        self.job_id = job_id
        self.ended = False
        self._policy = policy
        self._end = None if timeout is None else policy.clock() + timeout
        self._timeout = timeout
        self._retry: float | None = None
        self._last_id = ""
        self._failures = 0

    def open(self) -> Call[None]:
        """The call that opens the stream, from the first event that has not arrived."""
        return job_events(self.job_id, self._last_id)

    def patience(self) -> float:
        """Seconds to wait for the next bytes. Raises `TimedOut` when the time is over."""
        if self._end is None:
            return QUIET
        left = self._end - self._policy.clock()
        if left <= 0:
            raise TimedOut(f"Job {self.job_id} has not ended within {self._timeout:g} seconds.")
        return min(QUIET, left)

    def seen(self, event: httpx2.ServerSentEvent) -> JobEvent | None:
        """What an event of the stream says; None for a sign of life."""
        if event.retry is not None:
            self._retry = event.retry / 1000
        if not event.data:
            return None
        self._last_id = event.id or self._last_id
        self._failures = 0
        self.ended = event.event == "end"
        try:
            data = json.loads(event.data)
        except ValueError as fault:
            raise UnexpectedReply(f"An event of the job is not JSON: {fault}") from fault
        return JobEvent(event.event, data if isinstance(data, dict) else {"value": data}, event.id)

    def lost(self, fault: Exception | None) -> float:
        """Seconds to wait before the stream is opened again; raises when that is of no use.

        `fault` is what broke it; None when the service closed it before the end.
        """
        self._failures += 1
        quiet = isinstance(fault, httpx2.ReadTimeout)
        useful = fault is None or quiet or worth_retrying(fault)
        if not useful or self._failures > self._policy.retries:
            if fault is None:
                raise UnexpectedReply(f"The events of job {self.job_id} stop before its end.")
            raise explained(fault, QUIET)
        self.patience()
        asked = fault.retry_after if isinstance(fault, ApiError) else self._retry
        return self._policy.delay(self._failures - 1, asked)


LOST = (httpx2.RequestError, BrightfieldError)
"""What may break a stream; `Following.lost` tells what of it is worth another try."""
