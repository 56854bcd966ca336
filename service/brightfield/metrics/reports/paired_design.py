"""How two runs are drawn together, and the intervals of their differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brightfield.metrics.reports.paired_tests import SpecPair
from brightfield.metrics.statistics.bootstrap import bootstrap
from brightfield.metrics.statistics.confidence import Confidence
from brightfield.metrics.statistics.estimate import Reason
from brightfield.metrics.statistics.exchange import Exchange, UnitExchange
from brightfield.metrics.statistics.family import MetricSpec, statistics
from brightfield.metrics.statistics.intervals import Drawing
from brightfield.metrics.statistics.resampling import Codes, Resampler, SampleWeights
from brightfield.metrics.statistics.scale import PLAIN
from brightfield.metrics.statistics.student import StudentTest, student
from brightfield.progress import Progress

# With fewer units no exchange of them reaches a p-value of 0.05, or hardly any does.
_FEW = 7


@dataclass(frozen=True, eq=False)
class Design:
    """How both are drawn together: weights of units, from which each has its own.

    Without a drawing there are too many units to draw.
    """

    drawing: Drawing | None
    whole: tuple[SampleWeights, SampleWeights]
    split: Callable[[SampleWeights], tuple[SampleWeights, SampleWeights]]
    exchange: Exchange | None
    discordant: Callable[[MetricSpec[Any]], tuple[int, int] | None] = lambda _: None
    """How many rows the one and the other alone has right, of a number that counts such."""

    @classmethod
    def shared(cls, drawing: Drawing, groups: Codes | None) -> Design:
        """Both have the same units, of which whole groups are drawn where there are such."""
        whole = drawing.free.whole()
        return cls(
            drawing,
            (whole, whole),
            lambda weights: (weights, weights),
            UnitExchange(drawing.free.units, groups),
        )

    @property
    def clustered(self) -> bool:
        return self.drawing is not None and self.drawing.clustered

    @property
    def few(self) -> bool:
        """Whether there are too few units for a test by exchanges."""
        return self.exchange is None or self.exchange.units < _FEW


def paired_spans(
    pairs: Sequence[SpecPair], design: Design, confidence: Confidence, progress: Progress
) -> list[StudentTest]:
    """The interval of each difference: by Student's t of what both are without each unit, or of
    resamples that are drawn once and counted in both."""
    drawing = design.drawing
    if drawing is None:
        return [StudentTest("too_many_rows")] * len(pairs)
    found = {place: _told(pair, drawing, confidence) for place, pair in enumerate(pairs)}
    open_ = [place for place, told in found.items() if told is None]
    drawn = [
        place for place in open_ if confidence.method != "auto" or not pairs[place][0].family.smooth
    ]
    fixed = [place for place in drawn if pairs[place][0].name in pairs[place][0].family.fixed]
    by_t = [place for place in open_ if place not in drawn]
    free = [place for place in drawn if place not in fixed]
    finder = _PairFinder(pairs, design, drawing, confidence, progress)
    known = finder.student(by_t)
    known |= finder.bootstrap(fixed, drawing.within) | finder.bootstrap(free, drawing.free)
    return [known[place] if told is None else StudentTest(told) for place, told in found.items()]


def _told(pair: SpecPair, drawing: Drawing, confidence: Confidence) -> Reason | None:
    """Why a difference has no interval by any method."""
    for line in pair:
        if line.untold is not None:
            return line.untold
        if confidence.method == "auto" and line.short(drawing.free, drawing.clustered):
            return "too_few"
    return None


@dataclass(frozen=True, eq=False)
class _PairFinder:
    """Intervals of some of the pairs."""

    pairs: Sequence[SpecPair]
    design: Design
    drawing: Drawing
    confidence: Confidence
    progress: Progress

    def student(self, places: Sequence[int]) -> dict[int, StudentTest]:
        """By Student's t."""
        free = self.drawing.free
        if not places or not self.drawing.fits(2 * len(places), free.looks):
            return dict.fromkeys(places, StudentTest("too_many_rows"))
        of, values = self._differences(places)
        scales = [PLAIN] * len(places)
        tests = student(of, values, scales, free, self.confidence.level, self.progress)
        return dict(zip(places, tests, strict=True))

    def bootstrap(self, places: Sequence[int], resampler: Resampler) -> dict[int, StudentTest]:
        """By resamples."""
        if not places or not self.drawing.fits(2 * len(places), self.confidence.resamples):
            return dict.fromkeys(places, StudentTest("too_many_rows"))
        of, values = self._differences(places)
        spans = bootstrap(of, values, resampler, self.confidence, self.progress)
        return {place: StudentTest(span) for place, span in zip(places, spans, strict=True)}

    def _differences(
        self, places: Sequence[int]
    ) -> tuple[Callable[[SampleWeights], NDArray[np.float64]], NDArray[np.float64]]:
        """The differences of weighted samples, and of the sample itself."""
        of_first, of_second = (
            statistics([self.pairs[place][side] for place in places]) for side in (0, 1)
        )

        def of(weights: SampleWeights) -> NDArray[np.float64]:
            first, second = self.design.split(weights)
            return of_first(first) - of_second(second)

        return of, of(self.drawing.free.whole())[0]
