"""Evaluation runs: predictions in chunks, stored and reported together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from brightfield.errors import ChunkConflict, IncomparableRuns
from brightfield.evaluation.stamp import stamp
from brightfield.metrics.chunks.chunk import JSON, RunChunks, ids_of, readable
from brightfield.metrics.chunks.chunk import PredictionChunk as Packed
from brightfield.metrics.chunks.frames import merged
from brightfield.metrics.evaluation import DataLimits, Evaluation, RunPair
from brightfield.metrics.reports.points import Named
from brightfield.metrics.statistics.confidence import Confidence
from brightfield.progress import Progress, no_progress
from brightfield.store.runs import (
    ChunkEntry,
    RunStore,
    StoredChunk,
    StoredRun,
)


class EvaluationRuns:
    """The runs of a service. Every method blocks, and may be called from any thread."""

    def __init__(
        self, store: RunStore, catalog: Mapping[str, type[Evaluation]], limits: DataLimits
    ) -> None:
        self.store = store
        self._catalog = catalog
        self._limits = limits

    def create(self, evaluation: Evaluation, name: str | None) -> tuple[StoredRun, bool]:
        """A new run and True, or the existing run of that name and False.

        Raises `Unprocessable` for contradictory options, `RunConflict` if the run of that name
        has other options.
        """
        evaluation.chunk(evaluation.nothing, self._limits, no_progress)
        task = next(task for task, kind in self._catalog.items() if kind is type(evaluation))
        options = evaluation.model_dump(mode="json")
        return self.store.create(task, options, name, self._complete)

    def _complete(self, task: str, options: Mapping[str, Any]) -> dict[str, Any]:
        """Options that an earlier version stored, with those that have come since."""
        known = self._catalog[task].model_validate(options).model_dump(mode="json")
        return {**known, "about": None}

    def evaluation(self, run_id: str) -> Evaluation:
        """The options of a run, typed. Raises `UnknownRun`."""
        run = self.store.get(run_id)
        return self._catalog[run.task].model_validate(run.options)

    def put(
        self,
        run_id: str,
        key: str,
        evaluation: Evaluation,
        data: Mapping[str, Any],
        progress: Progress,
    ) -> tuple[ChunkEntry, bool]:
        """Add a chunk; False if it existed already. It is on disk when this returns.

        Raises `Unprocessable` with the row for data that `evaluation`, the run's, cannot report
        about, `Conflict` for a chunk that does not fit the others, and `UnknownRun`.
        """
        found = evaluation.chunk(data, self._limits, progress)
        kept = StoredChunk(
            found.sha256, found.media_type, found.rows, found.frame, found.ids, found.payload
        )
        try:
            added = self.store.put(run_id, key, kept, merged)
        except ChunkConflict:
            known = self._known(run_id, key, evaluation, found, progress)
            if known is None:
                raise
            return known, False
        return ChunkEntry(key, kept.rows, kept.sha256), added

    def delete_chunk(self, run_id: str, key: str) -> None:
        """A chunk is gone, with the ids that it kept from others. Raises `UnknownRun`,
        `UnknownChunk`."""

        def ids(media_type: str, payload: bytes) -> list[str]:
            with readable(key):
                return ids_of(media_type, payload)

        self.store.delete_chunk(run_id, key, ids)

    def _known(
        self, run_id: str, key: str, evaluation: Evaluation, sent: Packed, progress: Progress
    ) -> ChunkEntry | None:
        """The chunk of this key if an earlier version stored the same content with its images,
        which gives it another digest."""
        payloads = self.store.payloads(run_id, key)
        earlier = [each for each in payloads if each[1] == JSON != sent.media_type]
        for _, _, data in RunChunks({}, {}, earlier).documents():
            if evaluation.chunk(data, self._limits, progress).sha256 == sent.sha256:
                # Raises if the run is gone; a chunk alone never goes.
                return next(each for each in self.store.entries(run_id) if each.key == key)
        return None

    def report(self, run_id: str, progress: Progress) -> dict[str, Any]:
        """The report about all chunks so far; `run` names the run. Raises `UnknownRun`."""
        run = self.store.get(run_id)
        evaluation = self._catalog[run.task].model_validate(run.options)
        parts = self.parts(run_id)
        report = evaluation.together(parts, self._limits, progress)
        counts = {"chunks": len(parts.sizes), "rows": sum(parts.sizes.values())}
        named = {"run": {"id": run.id, "name": run.name, **counts}}
        return {**report, **stamp(evaluation, run.touched), **named}

    def points(self, run_id: str, progress: Progress) -> Iterator[Named]:
        """Every point of the curves. Raises `UnknownRun`, `NotAcceptable` without such curves."""
        return self.evaluation(run_id).points(self.parts(run_id), progress)

    def compare(self, a: str, b: str, ci: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
        """How much the numbers of run `a` differ from those of `b` over the ids that both have.

        `ci` are options of intervals; missing ones are those of run a. Raises `UnknownRun`,
        `IncomparableRuns`.
        """
        first, second = self.store.get(a), self.store.get(b)
        if first.task != second.task:
            raise IncomparableRuns(
                f"The runs have other tasks, {first.task} and {second.task}; compare runs of one."
            )
        one, two = (self._catalog[run.task].model_validate(run.options) for run in (first, second))
        confidence = Confidence(**{**one.ci.model_dump(), **ci})
        both = RunPair(self.parts(a), self.parts(b), self._limits, progress)
        named = {side: {"id": r.id, "name": r.name} for side, r in (("a", first), ("b", second))}
        return {"task": first.task, **named, **one.against(two, both, confidence)}

    def parts(self, run_id: str) -> RunChunks:
        """The chunks as of now. Raises `UnknownRun`, also when the run is deleted while
        they are read."""
        entries = self.store.entries(run_id)
        frame = self.store.get(run_id).frame or {}  # after the entries, so that it covers them
        sizes = {entry.key: entry.rows for entry in entries}
        return RunChunks(sizes, frame, self._payloads(run_id, sizes))

    def _payloads(self, run_id: str, sizes: Mapping[str, int]) -> Iterator[tuple[str, str, bytes]]:
        """Without chunks that arrived after the entries were read."""
        count = 0
        for payload in self.store.payloads(run_id):
            if payload[0] in sizes:
                count += 1
                yield payload
        if count < len(sizes):
            self.store.get(run_id)
