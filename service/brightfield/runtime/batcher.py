"""Batching without waiting: the queue of one lane; a batch is closed when it is taken."""

from __future__ import annotations

import heapq
import itertools
import math
import threading
import time
from collections.abc import Hashable, Iterable, Iterator
from functools import partial

from brightfield.errors import BrightfieldError, Cancelled
from brightfield.outages import ServiceStopping
from brightfield.runtime.telemetry import Telemetry
from brightfield.runtime.work_item import Priority, WorkItem

# While both bands have work, every fifth batch is a bulk one.
_INTERACTIVE_TURNS = 4
_INTERACTIVE_FIRST = (Priority.INTERACTIVE, Priority.BULK)
_BULK_FIRST = (Priority.BULK, Priority.INTERACTIVE)


class Closed(Exception):
    """The batcher takes and gives nothing any more."""


class _Bucket:
    """Items that may share a batch, the one due first at the front."""

    __slots__ = ("entries", "rows")

    def __init__(self) -> None:
        self.entries: list[tuple[float, int, WorkItem]] = []
        self.rows = 0

    @property
    def due(self) -> tuple[float, int]:
        """When the front item is due, and its place in the order of arrival for ties."""
        return self.entries[0][:2]

    def push(self, item: WorkItem, place: int) -> None:
        heapq.heappush(self.entries, (item.due, place, item))
        self.rows += item.count

    def pop(self) -> WorkItem:
        item = heapq.heappop(self.entries)[2]
        self.rows -= item.count
        return item

    @property
    def front(self) -> WorkItem:
        return self.entries[0][2]


class Batcher:
    """The queue between many callers and one lane.

    It is work-conserving: an idle lane gets what is there at once, alone if need be; while the
    lane is busy the queue fills, and a batch is closed as late as possible, when the lane asks
    for it. Items are bucketed by (model, operation, shape, dtype); the bucket whose front item is
    due first is served first. Withdrawn and expired items are dropped when a batch is formed.
    """

    def __init__(self, device: str, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        for band in Priority:
            depth = telemetry.queue_depth.labels(device, band.name.lower())
            depth.set_function(partial(self.waiting, band))
        self._condition = threading.Condition()
        self._bands: dict[Priority, dict[Hashable, _Bucket]] = {band: {} for band in Priority}
        self._places = itertools.count()
        self._turns = 0
        self._closed = False
        self._asked = -math.inf

    def submit(self, item: WorkItem) -> None:
        """Queue an item. A batcher that is closed refuses it by its future."""
        with self._condition:
            if not self._closed:
                bucket = self._bands[item.band].setdefault(item.key, _Bucket())
                bucket.push(item, next(self._places))
                if not item.only_timed:
                    self._asked = time.monotonic()
                self._condition.notify()
                return
        _refuse_waiting(item, _stopping())

    def take(self) -> list[WorkItem]:
        """The next batch; waits without polling until there is one. Raises `Closed` at the end."""
        dropped: list[tuple[WorkItem, BrightfieldError]] = []
        try:
            with self._condition:
                while not self._closed:
                    if batch := self._form(dropped):
                        return batch
                    if dropped:  # settle their futures before going to sleep
                        return []
                    self._condition.wait()
            raise Closed
        finally:
            self._settle(dropped)

    def close(self) -> None:
        """Refuse everything that waits and everything that will come."""
        with self._condition:
            self._closed = True
            waiting = [item for _, bucket in self._buckets() for _, _, item in bucket.entries]
            for band in Priority:
                self._bands[band].clear()
            self._condition.notify_all()
        for item in waiting:
            _refuse_waiting(item, _stopping())

    def backlog(self) -> float:
        """Seconds that the lane will need for all that waits, by what such rows have cost."""
        with self._condition:
            return sum(bucket.rows * _seconds(bucket.front) for _, bucket in self._buckets())

    def idle_seconds(self) -> float:
        """How long nobody has asked for anything, and nobody waits."""
        if self.waiting(Priority.INTERACTIVE):
            return 0.0
        return time.monotonic() - self._asked

    def waiting(self, band: Priority) -> int:
        """Rows that wait in a band."""
        with self._condition:
            return sum(bucket.rows for bucket in self._bands[band].values())

    def _buckets(self) -> Iterator[tuple[Priority, _Bucket]]:
        for band in Priority:
            for bucket in self._bands[band].values():
                if bucket.entries:
                    yield band, bucket

    def _form(self, dropped: list[tuple[WorkItem, BrightfieldError]]) -> list[WorkItem]:
        now = time.monotonic()
        for band in self._order():
            while key := self._most_urgent(band):
                if batch := self._close(band, key, now, dropped):
                    self._count_turn(band)
                    return batch
        return []

    def _order(self) -> Iterable[Priority]:
        return _BULK_FIRST if self._turns >= _INTERACTIVE_TURNS else _INTERACTIVE_FIRST

    def _count_turn(self, band: Priority) -> None:
        waits = band is Priority.INTERACTIVE and bool(self._bands[Priority.BULK])
        self._turns = self._turns + 1 if waits else 0

    def _most_urgent(self, band: Priority) -> Hashable | None:
        buckets = self._bands[band]
        if len(buckets) > 1:
            return min(buckets, key=lambda key: buckets[key].due)
        return next(iter(buckets), None)

    def _close(
        self,
        band: Priority,
        key: Hashable,
        now: float,
        dropped: list[tuple[WorkItem, BrightfieldError]],
    ) -> list[WorkItem]:
        """Take live items from a bucket until its batch is full; drop the others on the way."""
        bucket = self._bands[band][key]
        batch: list[WorkItem] = []
        rows, most = 0, float("inf")
        while bucket.entries:
            item = bucket.front
            if item.max_batch is not None:
                most = min(most, item.max_batch)
            if len(batch) == 1:  # one alone always goes, whatever would be best
                most = min(most, _most(item))
            if batch and rows + item.count > most:
                break
            bucket.pop()
            fault = item.ticket.fault(now)
            if fault is not None:
                dropped.append((item, fault))
            elif item.future.set_running_or_notify_cancel():
                batch.append(item)
                rows += item.count
            else:
                self._telemetry.dropped_rows.labels("cancelled").inc(item.count)
        if not bucket.entries:
            del self._bands[band][key]
        return batch

    def _settle(self, dropped: list[tuple[WorkItem, BrightfieldError]]) -> None:
        for item, fault in dropped:
            reason = "cancelled" if isinstance(fault, Cancelled) else "expired"
            self._telemetry.dropped_rows.labels(reason).inc(item.count)
            _refuse_waiting(item, fault)


def _refuse_waiting(item: WorkItem, fault: BrightfieldError) -> None:
    """Settle a future that its owner may be cancelling at this moment."""
    if item.future.set_running_or_notify_cancel():
        item.refuse(fault)


def _most(item: WorkItem) -> int:
    return item.model.most_rows(item.operation, tuple(item.rows.shape[1:]))


def _seconds(item: WorkItem) -> float:
    shape = tuple(item.rows.shape[1:])
    return item.model.sizes.seconds_per_row(item.operation, shape) or 0.0


def _stopping() -> ServiceStopping:
    return ServiceStopping("The service is stopping; ask again when it is back.", retry_after=5)
