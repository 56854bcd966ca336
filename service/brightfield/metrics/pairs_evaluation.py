"""What evaluations of pairs of images have in common: each pair is measured alone."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Protocol, Self

import numpy as np

from brightfield.metrics.bootstrap import Check
from brightfield.metrics.chunks import Chunk, Parts
from brightfield.metrics.comparison import (
    CONVENTIONS,
    Design,
    Shared,
    below,
    differences,
    same_options,
)
from brightfield.metrics.confidence import Confidence
from brightfield.metrics.evaluation import Both, Evaluation, Limits
from brightfield.metrics.family import Line
from brightfield.metrics.notes import skipped, warned
from brightfield.metrics.pairs import Pair, group_codes, read_pairs
from brightfield.metrics.predictions import missing_values
from brightfield.metrics.resampling import Clusters, Rows
from brightfield.metrics.rows import Excluded


class Case(Protocol):
    """What a pair gives; its pixels are gone."""

    @property
    def pair(self) -> Pair: ...

    @property
    def order(self) -> tuple[str, str, str]:
        """By id, else by content and group."""


class PairsEvaluation(Evaluation):
    """An evaluation whose data are pairs of a truth and what is judged by it."""

    members: ClassVar[tuple[str, ...]] = ("pairs", "groups")
    nothing: ClassVar[Mapping[str, Any]] = {"pairs": []}
    images: ClassVar[tuple[str, str]]
    """What JSON calls the two."""
    settled: ClassVar[tuple[str, ...]]
    """Options that two runs must have in common to be compared."""

    @abstractmethod
    def measured(self, pair: Pair, max_pixels: int) -> Any:
        """The `Case` of a complete pair, or the pair as one to be left out.

        Raises `InvalidRows` for what is no such pair.
        """

    @abstractmethod
    def report(self, cases: Sequence[Any], check: Check) -> dict[str, Any]:
        """The report about cases in canonical order."""

    @abstractmethod
    def lines(self, cases: Sequence[Any]) -> list[Line[Any]]:
        """Every number of that report."""

    def agree(self) -> None:
        """Raises `InvalidParameter` where options contradict one another."""

    def evaluate(self, data: Mapping[str, Any], limits: Limits, check: Check) -> dict[str, Any]:
        return self._about([(None, data)], limits, check)

    def together(self, parts: Parts, limits: Limits, check: Check) -> dict[str, Any]:
        return self._about(parts.documents(), limits, check)

    def chunk(self, data: Mapping[str, Any], limits: Limits, check: Check) -> Chunk:
        own = {name: data[name] for name in self.members if data.get(name) is not None}
        pairs = read_pairs(own, self.images)
        self.cases([(None, own)], limits, check)
        grouped = "groups" in own or any("group" in entry for entry in own["pairs"])
        nameless = [pair.excluded("missing_group") for pair in pairs if pair.group is None]
        if grouped and nameless and self.missing == "refuse":
            raise missing_values(nameless)
        ids = tuple(pair.id for pair in pairs if pair.id is not None)
        told = {"ids": bool(ids), "groups": grouped}
        frame = told if pairs else dict.fromkeys(told)
        return Chunk.of_document(own, len(pairs), frame, ids)

    def against(self, other: Self, both: Both, confidence: Confidence) -> dict[str, Any]:
        same_options(self, other, self.settled)
        sides = ((self, both.first), (other, both.second))
        first, second = (
            run.cases(parts.documents(), both.limits, both.check)[0] for run, parts in sides
        )
        shared = Shared.of(_ids(first), _ids(second))
        one = [first[place] for place in shared.first.tolist()]
        two = [second[place] for place in shared.second.tolist()]
        lines = self.lines(one), other.lines(two)
        found = differences(*lines, _drawn(one, two), confidence, both.check)
        return {
            **shared.json(),
            "metrics": below(found, ("metrics",)),
            "pooled": below(found, ("pooled",)),
            "warnings": warned(skipped(found)),
            "conventions": {**CONVENTIONS, "ci": confidence.model_dump()},
        }

    def cases(
        self, parts: Iterable[tuple[str | None, Mapping[str, Any]]], limits: Limits, check: Check
    ) -> tuple[list[Any], list[Excluded]]:
        """The complete pairs of all parts, measured, in canonical order; and those left out.

        Where some have a group, those without one are left out. Raises `MissingValues` for them
        where `missing` is `refuse`.
        """
        self.agree()
        kept: list[Any] = []
        excluded: list[Excluded] = []
        grouped = False
        for key, data in parts:
            for pair in read_pairs(data, self.images, key):
                check()
                grouped = grouped or pair.group is not None
                found = pair.excluded("missing_image")
                if pair.complete:
                    found = self.measured(pair, limits.max_pixels)
                (excluded if isinstance(found, Excluded) else kept).append(found)
        if grouped:
            excluded += [c.pair.excluded("missing_group") for c in kept if c.pair.group is None]
            kept = [case for case in kept if case.pair.group is not None]
        excluded.sort(key=_place)
        if excluded and self.missing == "refuse":
            raise missing_values(excluded)
        return sorted(kept, key=lambda case: case.order), excluded

    def _about(
        self, parts: Iterable[tuple[str | None, Mapping[str, Any]]], limits: Limits, check: Check
    ) -> dict[str, Any]:
        cases, excluded = self.cases(parts, limits, check)
        listed = [entry.json() for entry in excluded]
        return {**self.report(cases, check), "excluded": listed, "excluded_n": len(listed)}


def _drawn(one: Sequence[Any], two: Sequence[Any]) -> Design:
    """Cases are drawn, or whole groups where either run has them."""
    for cases in (one, two):
        groups = group_codes([case.pair for case in cases])
        if groups is not None:
            return Design.shared(Clusters.of_rows(groups), clustered=True)
    return Design.shared(Rows(np.zeros(len(one), np.int64)), clustered=False)


def _ids(cases: Sequence[Any]) -> list[str] | None:
    found = [case.pair.id for case in cases if case.pair.id is not None]
    return found if len(found) == len(cases) else None


def _place(entry: Excluded) -> tuple[str, str, int]:
    """By row; in a run by id, else by chunk and row."""
    if entry.chunk is None:
        return "", "", entry.row
    return entry.id or "", entry.chunk, entry.row
