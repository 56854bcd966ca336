"""Comparing a backend with the model itself on its lane: how far apart, and how much faster."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from statistics import median
from typing import Any

from brightfield.cards import ModelCard
from brightfield.models.examination.gaps import Gap, relative_gap, worst
from brightfield.runtime.acceleration.accelerated import Accelerated, AcceleratedFeatures
from brightfield.runtime.acceleration.check_images import check_images, photographs
from brightfield.runtime.operations import Activations, Forward, Operation
from brightfield.runtime.resident import Resident
from brightfield.runtime.ticket import Ticket
from brightfield.runtime.work_item import Priority, WorkItem
from brightfield.tensors import Images

Compare = Callable[[Any, Any, ModelCard], Sequence[Gap]]
"""The gaps of two outputs, expected and found, by what a task makes of them."""

# What rounding in another order makes of fp32 sums, and what it may not.
_EXACT = 1e-3
# Runs of each, in turns; and batches that take longer than this, in seconds, aren't tried.
_RUNS, _LONGEST = 5, 1.0
_SEVERAL = 8
# While requests come, a trial waits so many times as long as its last pass took before the next, so
# that they have nine tenths of the lane; so many seconds after the last one they have ended.
_PAUSES, _IDLE = 9.0, 1.0
_LOOK = 0.02


@dataclass(slots=True)
class Trial:
    """Images, and the model's own pass, which a candidate is compared with.

    Each pass is an item of low priority that leaves most of the lane to requests. Blocks.
    """

    resident: Resident
    forward: Forward
    compare: Compare
    images: Sequence[Images]
    photographs: Images
    last_seconds: float = 0.0

    @classmethod
    def of(
        cls, resident: Resident, forward: Forward, compare: Compare, *, brief: bool = False
    ) -> Trial:
        """A trial by all images, or `brief`, by two of each kind."""
        images = check_images(resident.card.input, resident.shape, resident.input_sizes)
        images = [images[0][-2:]] if brief else images
        pictures = photographs(resident.card.input, resident.shape)
        return cls(resident, forward, compare, images, pictures[:2] if brief else pictures)

    def gaps(self, candidate: Forward, *, exact: bool) -> Sequence[Gap]:
        """How far the candidate's outputs are from the model's, for images alone and together;
        `exact` for one that computes as precisely as the model."""
        groups = [*self.images, self.photographs] if exact else [self.photographs]
        pairs = chain.from_iterable(self._pairs(self.forward, candidate, rows) for rows in groups)
        found = self._compared(pairs, exact)
        together = self._most(len(groups[0]))
        if together > 1:
            rows = groups[0][:together]
            pair = (self.output(self.forward, rows), self.output(candidate, rows))
            found.extend(self._compared([pair], exact))
        return worst(found)

    def features_agree(self, candidate: Accelerated) -> bool:
        """Whether it puts out the feature vectors that are read in the model itself, as exactly as
        sums in another order are."""
        network = candidate.network
        if network.features is None or network.precision != "fp32":
            return False
        own = Activations(network.features)
        fast = AcceleratedFeatures(own, network)
        groups = (*self.images, self.photographs)
        pairs = chain.from_iterable(self._pairs(own, fast, rows) for rows in groups)
        return all(relative_gap(*pair, _EXACT).holds for pair in pairs)

    def faster(self, candidate: Forward) -> float:
        """How many times as fast as the model's own pass the candidate is: the geometric mean over
        one row and several, each by the median of runs in turns."""
        ratios = []
        for count in sorted({1, self._most(_SEVERAL)}):
            rows = self.images[0][:1].expand(count, -1, -1, -1).contiguous()
            first = self._seconds(self.forward, rows), self._seconds(candidate, rows)
            if count > 1 and first[0] > _LONGEST:
                break
            runs = [
                (self._seconds(self.forward, rows), self._seconds(candidate, rows))
                for _ in range(_RUNS if first[0] < _LONGEST else 1)
            ]
            own, other = (median(each) for each in zip(*runs, strict=True))
            ratios.append(own / max(other, 1e-9))
        return math.exp(sum(map(math.log, ratios)) / len(ratios))

    def _pairs(self, own: Operation, other: Operation, rows: Images) -> Iterator[tuple[Any, Any]]:
        """What two passes give for each of several images alone."""
        for row in rows:
            yield self.output(own, row[None]), self.output(other, row[None])

    def _compared(self, pairs: Iterable[tuple[Any, Any]], exact: bool) -> list[Gap]:
        found: list[Gap] = []
        for expected, output in pairs:
            gap = relative_gap(expected, output, _EXACT if exact else math.inf)
            if math.isinf(gap.value):  # of another form: nothing to compare
                return [replace(gap, limit=_EXACT)]
            found.extend((*self.compare(expected, output, self.resident.card), gap))
        return found

    def output(self, operation: Operation, rows: Images) -> Any:
        """What a pass gives for rows."""
        return self._settled(operation, rows).result()

    def _seconds(self, forward: Forward, rows: Images) -> float:
        item = self._settled(forward, rows)
        return item.finished - item.started

    def _settled(self, operation: Operation, rows: Images) -> WorkItem:
        self._wait_for_requests()
        item = self.resident.submit(
            operation, rows, Ticket(), band=Priority.BULK, max_batch=len(rows), only_timed=True
        )
        item.result()
        self.last_seconds = item.finished - item.started
        return item

    def _wait_for_requests(self) -> None:
        until = time.monotonic() + _PAUSES * self.last_seconds
        batcher = self.resident.lane.batcher
        while batcher.idle_seconds() < _IDLE and time.monotonic() < until:
            time.sleep(_LOOK)

    def _most(self, count: int) -> int:
        caps = (self.resident.row_limit, self.resident.card.max_batch)
        return min([count, *(cap for cap in caps if cap is not None)])
