"""What evaluations of pairs of images have in common: each pair is measured alone."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np

from brightfield.errors import (
    BadRequest,
    IncomparableRuns,
    InvalidRows,
    TooLarge,
    Unsupported,
)
from brightfield.images.limits import Limits
from brightfield.images.picture import Note
from brightfield.metrics.chunks.chunk import JSON, PredictionChunk, RunChunks, readable
from brightfield.metrics.chunks.kept_pairs import Case, LeftOut, content, packed, unpacked
from brightfield.metrics.evaluation import DataLimits, Evaluation, RunPair
from brightfield.metrics.reading.groups import Groups
from brightfield.metrics.reading.pairs import (
    Pair,
    by_columns,
    group_codes,
    group_count,
    read_pairs,
)
from brightfield.metrics.reading.predictions import missing_values
from brightfield.metrics.reading.rows import Excluded
from brightfield.metrics.reports.comparison import (
    Shared,
    below,
    comparison_conventions,
    differences,
    lacking,
    same_options,
)
from brightfield.metrics.reports.interval_words import few_drawn
from brightfield.metrics.reports.notes import left_out, skipped, warned
from brightfield.metrics.reports.paired_design import Design
from brightfield.metrics.reports.parts import by_notes, by_values
from brightfield.metrics.statistics.confidence import Confidence
from brightfield.metrics.statistics.family import MetricSpec
from brightfield.metrics.statistics.intervals import Drawing
from brightfield.metrics.statistics.resampling import ClusterResampler, Codes, RowResampler
from brightfield.progress import STILL_WANTED, Progress

# What is wrong with one pair, not with the options.
_OF_A_PAIR = (BadRequest, InvalidRows, TooLarge, Unsupported)


class PairsEvaluation(Evaluation):
    """An evaluation whose data are pairs of a truth and what is judged by it."""

    members: ClassVar[tuple[str, ...]] = ("pairs", "groups", "columns")
    nothing: ClassVar[Mapping[str, Any]] = {"pairs": []}
    images: ClassVar[tuple[str, str]]
    """What JSON calls the two."""
    settled: ClassVar[tuple[str, ...]]
    """Options that two runs must have in common to be compared."""

    faulty: Literal["refuse", "exclude"] = "refuse"
    """What to do with pairs that can't be read: refuse all with 422, or exclude and name them."""

    @abstractmethod
    def measured(self, pair: Pair, limits: Limits) -> Case | LeftOut:
        """What a complete pair gives.

        Raises `InvalidRows` for what is no such pair.
        """

    @abstractmethod
    def recalled(self, pair: Pair, sha256: str, kept: Mapping[str, Any]) -> Case:
        """The case that was kept so, the same to the last bit."""

    @abstractmethod
    def report(self, cases: Sequence[Any], progress: Progress) -> dict[str, Any]:
        """The report about cases in canonical order."""

    @abstractmethod
    def numbers(self, cases: Sequence[Any], progress: Progress) -> dict[str, Any]:
        """The numbers of that report alone, by their names in it."""

    @abstractmethod
    def lines(self, cases: Sequence[Any]) -> list[MetricSpec[Any]]:
        """Every number of that report."""

    def agree(self) -> None:
        """Raises `InvalidParameter` where options contradict one another."""

    def agreed(self, cases: Sequence[Any]) -> dict[str, Any]:
        """What all cases of a run must have in common, null where there are none.

        Raises `InvalidRows` where they do not.
        """
        return {}

    def evaluate(
        self, data: Mapping[str, Any], limits: DataLimits, progress: Progress
    ) -> dict[str, Any]:
        self.agree()
        return self._about(self._sent(data, None, limits, progress), progress)

    def together(self, parts: RunChunks, limits: DataLimits, progress: Progress) -> dict[str, Any]:
        return self._about(self._kept(parts, limits, progress), progress)

    def chunk(
        self, data: Mapping[str, Any], limits: DataLimits, progress: Progress
    ) -> PredictionChunk:
        """A chunk keeps what was measured, not the images."""
        self.agree()
        found = list(self._sent(data, None, limits, progress))
        cases, _ = self.cases(found)
        pairs = [each.pair for each in found]
        grouped = data.get("groups") is not None or any("group" in each for each in data["pairs"])
        nameless = [pair.excluded("missing_group") for pair in pairs if pair.group is None]
        if grouped and nameless and self.missing == "refuse":
            raise missing_values(nameless)
        ids = tuple(pair.id for pair in pairs if pair.id is not None)
        named = {"ids": bool(ids), "groups": grouped}
        frame = {**(named if pairs else dict.fromkeys(named)), **self.agreed(cases)}
        return PredictionChunk.of_pairs(
            [packed(each) for each in found], content(found), frame, ids
        )

    def against(self, other: Self, both: RunPair, confidence: Confidence) -> dict[str, Any]:
        same_options(self, other, self.settled)
        sides = ((self, both.first), (other, both.second))
        first, second = (
            run.cases(run._kept(parts, both.limits, both.progress))[0] for run, parts in sides
        )
        shared = Shared.of(_ids(first), _ids(second))
        one = [first[place] for place in shared.first.tolist()]
        two = [second[place] for place in shared.second.tolist()]
        if self.agreed(one) != other.agreed(two):
            raise IncomparableRuns(
                f"The runs differ in {self.agreed(one)} and {other.agreed(two)}, so that their "
                "numbers do not mean the same."
            )
        lines = self.lines(one), other.lines(two)
        drawing, groups = _drawn(one, two)
        found = differences(*lines, Design.shared(drawing, groups), confidence, both.progress)
        few = few_drawn(drawing, "cases", confidence, found.values())
        return {
            **shared.json(),
            "metrics": below(found, ("metrics",), shared.ids),
            "pooled": below(found, ("pooled",), shared.ids),
            "warnings": warned([*lacking(found), *skipped(found), *few]),
            "conventions": comparison_conventions(confidence),
        }

    def cases(self, found: Iterable[Case | LeftOut]) -> tuple[list[Any], list[Excluded]]:
        """The cases of all parts in canonical order; and what is left out.

        Where some pairs have a group, those without one are left out. Raises `MissingValues` for
        them where `missing` is `refuse`.
        """
        kept: list[Case] = []
        excluded: list[Excluded] = []
        grouped = False
        for each in found:
            grouped = grouped or each.pair.group is not None
            if isinstance(each, LeftOut):
                excluded.append(each.pair.excluded(each.reason, each.detail))
            else:
                kept.append(each)
        if grouped:
            excluded += [c.pair.excluded("missing_group") for c in kept if c.pair.group is None]
            kept = [case for case in kept if case.pair.group is not None]
        excluded.sort(key=_place)
        if excluded and self.missing == "refuse":
            raise missing_values(excluded)
        return sorted(kept, key=lambda case: case.order), excluded

    def _sent(
        self, data: Mapping[str, Any], chunk: str | None, limits: DataLimits, progress: Progress
    ) -> Iterator[Case | LeftOut]:
        """Each pair, measured where it is complete, in the order in which they came."""
        for pair in read_pairs(data, self.images, chunk, self.by or ()):
            progress(STILL_WANTED)
            if not pair.complete:
                yield LeftOut.incomplete(pair)
                continue
            try:
                yield self.measured(pair, limits.images)
            except _OF_A_PAIR as fault:
                if self.faulty == "refuse":
                    raise
                yield LeftOut.unreadable(pair, fault.detail)

    def _kept(
        self, parts: RunChunks, limits: DataLimits, progress: Progress
    ) -> Iterator[Case | LeftOut]:
        """The pairs of all chunks of a run."""
        for key, media_type, document in parts.documents():
            progress(STILL_WANTED)
            if media_type == JSON:  # from a version that kept the images
                yield from self._sent(document, key, limits, progress)
                continue
            with readable(key):
                found = unpacked(document, key, parts.sizes[key], self.recalled)
            yield from found

    def _about(self, found: Iterable[Case | LeftOut], progress: Progress) -> dict[str, Any]:
        cases, excluded = self.cases(found)
        self.agreed(cases)
        listed = [entry.json() for entry in excluded]
        report = self.report(cases, progress)
        columns = by_columns([case.pair for case in cases], self.by or ())
        told = [*_repeated(cases), *left_out(len(listed), "pairs"), *by_notes(columns)]
        notes = [*report["warnings"], *warned(told)]
        whole = {**report, **self._by(cases, columns, progress)}
        return {**whole, "warnings": notes, "excluded": listed, "excluded_n": len(listed)}

    def _by(
        self, cases: Sequence[Any], columns: Mapping[str, Groups], progress: Progress
    ) -> dict[str, Any]:
        def numbers(places: Codes) -> dict[str, Any]:
            part = [cases[place] for place in places.tolist()]
            sizes = {"n": len(part), "groups": group_count(part)}
            return {**sizes, **self.numbers(part, progress)}

        return {"by": by_values(columns, numbers)} if columns else {}


def _repeated(cases: Sequence[Any]) -> list[Note]:
    """Of pairs with the very same pixels, which say nothing new."""
    repeated = len(cases) - len({case.sha256 for case in cases})
    if not repeated:
        return []
    return [
        Note(
            "repeated_pairs",
            f"{repeated:,} of {len(cases):,} pairs have the pixels of another pair. Copies make "
            "intervals too narrow; leave them out, or send `groups`.",
        )
    ]


def _drawn(one: Sequence[Any], two: Sequence[Any]) -> tuple[Drawing, Codes | None]:
    """Cases are drawn, or whole groups where either run has them."""
    for cases in (one, two):
        groups = group_codes([case.pair for case in cases])
        if groups is not None:
            return Drawing.of(ClusterResampler.of_rows(groups), clustered=True), groups
    return Drawing.of(RowResampler(np.zeros(len(one), np.int64)), clustered=False), None


def _ids(cases: Sequence[Any]) -> list[str] | None:
    found = [case.pair.id for case in cases if case.pair.id is not None]
    return found if len(found) == len(cases) else None


def _place(entry: Excluded) -> tuple[str, str, int]:
    """By row; in a run by id, else by chunk and row."""
    if entry.chunk is None:
        return "", "", entry.row
    return entry.id or "", entry.chunk, entry.row
