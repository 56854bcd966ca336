"""Which interval a number of a report has, and how it is found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brightfield.metrics.statistics.bootstrap import bootstrap
from brightfield.metrics.statistics.confidence import Confidence
from brightfield.metrics.statistics.estimate import Estimate, IntervalOrReason
from brightfield.metrics.statistics.family import MetricPath, MetricSpec, statistics
from brightfield.metrics.statistics.resampling import Resampler
from brightfield.metrics.statistics.student import student
from brightfield.progress import Progress

# Weights times metrics over all resamples: about a minute.
MOST_WORK = 2_000_000_000


@dataclass(frozen=True, eq=False)
class Drawing:
    """How units are drawn: `free` from all of them, or whole groups if `clustered`; `within` the
    true classes for numbers that do not depend on how frequent these are. `work` is how many
    numbers a resample touches; else a weight for each unit and number."""

    free: Resampler
    within: Resampler
    clustered: bool = False
    work: int | None = None

    @classmethod
    def of(cls, resampler: Resampler, *, clustered: bool, work: int | None = None) -> Drawing:
        """Of units that have no true classes."""
        return cls(resampler, resampler, clustered, work)

    def fits(self, lines: int, looks: int) -> bool:
        """Whether so many numbers of so many samples are found in time."""
        each = self.free.units * lines if self.work is None else self.work
        return each * looks <= MOST_WORK


def estimates(
    lines: Sequence[MetricSpec[Any]], drawing: Drawing, confidence: Confidence, progress: Progress
) -> dict[MetricPath, Estimate]:
    """The number of each line with its interval: by a formula where there is one and rows are
    independent, else by Student's t, and by a bootstrap where it is asked for or all there is."""
    defined = [line for line in lines if line.samples and line.reason is None]
    found = {line.key: Estimate.missing(line.reason or "absent_class") for line in lines}
    if not defined:
        return found
    values = statistics(defined)(drawing.free.whole())[0]
    told = _formulas(defined, drawing, confidence)
    by_t: list[int] = []
    by_draws: dict[bool, list[int]] = {True: [], False: []}
    for place, line in enumerate(defined):
        if line.key not in told:
            drawn = confidence.method != "auto" or not line.family.smooth
            (by_draws[line.name in line.family.fixed] if drawn else by_t).append(place)
    run = _SpanFinder(defined, values, drawing, confidence, progress)
    told |= run.student(by_t)
    for fixed, places in by_draws.items():
        told |= run.bootstrap(places, drawing.within if fixed else drawing.free)
    for line, value in zip(defined, values.tolist(), strict=True):
        found[line.key] = Estimate(line.size, value, span=told[line.key])
    return found


@dataclass(frozen=True, eq=False)
class _SpanFinder:
    """Intervals of some of the lines, which are defined."""

    lines: Sequence[MetricSpec[Any]]
    values: NDArray[np.float64]
    drawing: Drawing
    confidence: Confidence
    progress: Progress

    def student(self, places: Sequence[int]) -> dict[MetricPath, IntervalOrReason]:
        """By Student's t."""
        chosen, resampler = [self.lines[place] for place in places], self.drawing.free
        if not self.drawing.fits(len(chosen), resampler.looks):
            return {line.key: "too_many_rows" for line in chosen}
        if not chosen:
            return {}
        scales = [line.scale for line in chosen]
        tests = student(
            statistics(chosen), self.values[list(places)], scales, resampler,
            self.confidence.level, self.progress,
        )  # fmt: skip
        return {line.key: test.span for line, test in zip(chosen, tests, strict=True)}

    def bootstrap(
        self, places: Sequence[int], resampler: Resampler
    ) -> dict[MetricPath, IntervalOrReason]:
        """By resamples."""
        chosen = [self.lines[place] for place in places]
        if not self.drawing.fits(len(chosen), self.confidence.resamples):
            return {line.key: "too_many_rows" for line in chosen}
        if not chosen:
            return {}
        spans = bootstrap(
            statistics(chosen), self.values[list(places)], resampler, self.confidence, self.progress
        )
        return {line.key: span for line, span in zip(chosen, spans, strict=True)}


def _formulas(
    lines: Sequence[MetricSpec[Any]], drawing: Drawing, confidence: Confidence
) -> dict[MetricPath, IntervalOrReason]:
    """The intervals that need no resampling, and why others are not to be had."""
    if confidence.method == "none":
        return {line.key: "not_requested" for line in lines}
    known: dict[tuple[int, int], Mapping[str, IntervalOrReason]] = {}
    found: dict[MetricPath, IntervalOrReason] = {}
    for line in lines:
        sample, span = line.samples[0], None
        if confidence.method == "auto" and not drawing.clustered and len(line.samples) == 1:
            key = id(line.family), id(sample)
            if key not in known:
                known[key] = line.family.analytic(sample, confidence.level)
            span = known[key].get(line.name)
        few = confidence.method == "auto" and line.short(drawing.free, drawing.clustered)
        span = span or line.untold or ("too_few" if few else None)
        if span is not None:
            found[line.key] = span
    return found
