"""A model over a data set in chunks, so that a run that was broken off goes on where it stopped.

A chunk holds the answers about some neighbouring cases. Its key is made of their place, of what
they are and of what is asked, so it is the same in every attempt; a chunk that the service has is
passed over, and one that was not finished is asked about anew. Nothing is kept on this side.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from brightfield_client.errors import ApiError
from brightfield_client.evaluating.dataset import Case, Dataset
from brightfield_client.evaluating.opening import TASK_EVALUATORS
from brightfield_client.evaluating.task_evaluator import TaskEvaluator
from brightfield_client.images import ImageSource
from brightfield_client.mapping import MapItem
from brightfield_client.models import Model
from brightfield_client.progress import ProgressBar

_FAULTS = (OSError, ValueError, TypeError)
# Refusals that another attempt may not meet.
_FOR_NOW = frozenset({404, 408, 409, 425, 429, 499})


@dataclass(frozen=True)
class FinishedChunk:
    """A finished chunk."""

    key: str
    body: Mapping[str, Any]
    cases: tuple[Case, ...]


@dataclass(eq=False)
class _Chunk:
    """A chunk in the making; `open` cases have no answer yet."""

    key: str
    cases: tuple[Case, ...]
    entries: list[Any] = field(default_factory=list)
    broken: bool = False

    @property
    def open(self) -> int:
        return len(self.cases) - len(self.entries)


class EvaluationPlan:
    """What is asked about, in order, and the chunks that come of the answers.

    `sources` are the images of the chunks that the service has not; each answer goes to `add`,
    in their order, and at last `rest` is called. Both give the chunks that are finished by it.
    """

    def __init__(
        self, model: Model, data: Dataset, parameters: Mapping[str, Any], options: Mapping[str, Any]
    ) -> None:
        self._evaluator: TaskEvaluator = TASK_EVALUATORS[model.task](model, data, parameters)
        self.task = model.task
        self.evaluation = self._evaluator.evaluation
        self.parameters = {"model": model.id, **self._evaluator.parameters()}
        self.options = {**self._evaluator.options(), **options}
        self.errors: list[MapItem[Any]] = []
        self._chunks = list(self._cut(model, data))
        self._waiting: deque[tuple[_Chunk, Case, Exception | None]] = deque()

    @property
    def total(self) -> int:
        """Cases that are still to be asked about."""
        return sum(len(chunk.cases) for chunk in self._chunks)

    def bar(self, shown: bool) -> ProgressBar:
        return ProgressBar("images", self.total, shown=shown)

    def skip(self, keys: Iterable[str], run: str) -> None:
        """Leave out the chunks that are there.

        Raises `ValueError` where there are others: they are of another model or data set.
        """
        known = set(keys)
        if strange := known - {chunk.key for chunk in self._chunks}:
            raise ValueError(
                f"The run {run!r} has {len(strange)} chunks of another model, data set or other "
                "parameters; choose another name."
            )
        self._chunks = [chunk for chunk in self._chunks if chunk.key not in known]

    def sources(self) -> Iterator[ImageSource]:
        """The images; one that cannot be read fails for itself."""
        for chunk in self._chunks:
            for case in chunk.cases:
                try:
                    source = self._evaluator.source(case)
                except _FAULTS as fault:
                    self._waiting.append((chunk, case, fault))
                    continue
                self._waiting.append((chunk, case, None))
                yield source

    def add(self, item: MapItem[Any]) -> list[FinishedChunk]:
        """The answer about the next image."""
        finished = self._unsent()
        chunk, case, _ = self._waiting.popleft()
        return [*finished, *self._settle(chunk, case, item.result, item.error)]

    def rest(self) -> list[FinishedChunk]:
        """At the end."""
        return self._unsent()

    def refused(self, document: FinishedChunk, fault: Exception) -> None:
        """The service does not take a chunk."""
        self.errors += [MapItem(case.path, error=fault) for case in document.cases]

    def _unsent(self) -> list[FinishedChunk]:
        """What comes of images that could not be read, up to the next that was sent."""
        finished = []
        while self._waiting and self._waiting[0][2] is not None:
            chunk, case, fault = self._waiting.popleft()
            finished += self._settle(chunk, case, None, fault)
        return finished

    def _settle(
        self, chunk: _Chunk, case: Case, answer: Any, fault: Exception | None
    ) -> list[FinishedChunk]:
        entry = None
        if fault is None:
            try:
                entry = self._evaluator.entry(case, answer)
            except _FAULTS as unfit:
                fault = unfit
        if fault is not None:
            self.errors.append(MapItem(case.path, error=fault))
            chunk.broken = chunk.broken or not _final(fault)
            entry = self._evaluator.entry(case, None)
        chunk.entries.append(entry)
        if chunk.open or chunk.broken:
            return []
        body = self._evaluator.document(chunk.entries)
        chunk.entries = [None] * len(chunk.cases)  # answers may be large
        return [FinishedChunk(chunk.key, body, chunk.cases)]

    def _cut(self, model: Model, data: Dataset) -> Iterator[_Chunk]:
        asked = json.dumps(
            [model.id, model.version, (model.raw.get("weights") or {}).get("sha256"),
             self.parameters, data.extra.get("categories")],
            sort_keys=True,
            default=str,
        )  # fmt: skip
        size = self._evaluator.size
        for start in range(0, len(data.cases), size):
            cases = data.cases[start : start + size]
            digest = hashlib.sha256(asked.encode())
            for case in cases:
                digest.update(_trace(case).encode("utf-8", "surrogateescape"))
            yield _Chunk(f"{start:08d}-{digest.hexdigest()[:16]}", cases)


def _final(fault: Exception) -> bool:
    """Whether another attempt would end the same way: what is asked about is at fault."""
    if isinstance(fault, ApiError):
        return 400 <= fault.status < 500 and fault.status not in _FOR_NOW
    return isinstance(fault, OSError | ValueError | TypeError)


def _trace(case: Case) -> str:
    """What a case is known by: its id, truth and box, and the sizes of its files."""
    truth = str(case.truth) if not hasattr(case.truth, "stat") else f"{_size(case.truth)} bytes"
    return json.dumps([case.id, truth, case.group, case.box, _size(case.path)])


def _size(path: Any) -> int:
    try:
        return int(path.stat().st_size)
    except OSError:
        return -1
