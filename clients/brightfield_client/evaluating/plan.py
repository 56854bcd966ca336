"""A model over a data set in chunks, so that a run that was broken off goes on where it stopped.

A chunk holds the answers about some neighbouring cases. Its key is made of their place, of the
content of their files and of what is asked, so it is the same in every attempt; a chunk that the
service has is passed over, one that was not finished is asked about anew. Nothing is kept here.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from brightfield_client.calls.call import Call, path_of
from brightfield_client.calls.reading import nothing
from brightfield_client.errors import ApiError, ConflictError, TooLargeError, UnprocessableError
from brightfield_client.evaluating.classification import ClassificationEvaluator
from brightfield_client.evaluating.dataset import Case, Dataset
from brightfield_client.evaluating.detection import DetectionEvaluator
from brightfield_client.evaluating.segmentation import SegmentationEvaluator
from brightfield_client.evaluating.super_resolution import SuperResolutionEvaluator
from brightfield_client.evaluating.task_evaluator import TaskEvaluator
from brightfield_client.exchange import Policy, Steps
from brightfield_client.images import to_payload
from brightfield_client.mapping import FAULTS, MapItem
from brightfield_client.models import Model
from brightfield_client.results._shapes import EvaluationRun
from brightfield_client.results.evaluation import Evaluation
from brightfield_client.results.value import Value

# Refusals that another attempt may not meet.
_DEMANDS = ("require", "baseline")  # of the report, not of the run
_FOR_NOW = frozenset({404, 408, 409, 425, 429, 499})
TASK_EVALUATORS: Mapping[str, type[TaskEvaluator]] = {
    "classify": ClassificationEvaluator,
    "segment": SegmentationEvaluator,
    "detect": DetectionEvaluator,
    "superresolve": SuperResolutionEvaluator,
}
"""By the task of the model."""

PathLike = str | os.PathLike[str]


def open_dataset(task: str, data: PathLike, truth: PathLike | None = None) -> Dataset:
    """The data set at `data`, in one of the forms that `Client.evaluate` lists for the task.

    Raises `ValueError` for what is none of them, `OSError` for what is not there.
    """
    path = Path(data).expanduser()
    if not path.exists():
        raise FileNotFoundError(2, "No such file or folder", str(path))
    if task not in TASK_EVALUATORS:
        raise ValueError(
            f"There is no evaluation of models that {task}; of {', '.join(TASK_EVALUATORS)}."
        )
    beside = None if truth is None else Path(truth).expanduser()
    found = TASK_EVALUATORS[task].opened(path, beside)
    return replace(found, name=path.name)


@dataclass(frozen=True)
class Chunk:
    """Neighbouring cases; `body` is what the service gets of them, once all are answered."""

    key: str
    cases: tuple[Case, ...]
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CaseImage:
    """The image of a case, opened where it is sent, so that one that cannot be read fails alone."""

    evaluator: TaskEvaluator
    case: Case

    def read(self) -> bytes:
        return to_payload(self.evaluator.source(self.case)).content


class EvaluationPlan:
    """What is asked about, in order, and the chunks that come of the answers.

    `sources` are the images of missing chunks; each answer goes to `add`, in their order, which
    gives the chunk that is finished by it."""

    def __init__(
        self, model: Model, data: Dataset, parameters: Mapping[str, Any], options: Mapping[str, Any]
    ) -> None:
        self._evaluator: TaskEvaluator = TASK_EVALUATORS[model.task](model, data, parameters)
        self.task = model.task
        self.evaluation = self._evaluator.evaluation
        self.parameters = {"model": model.id, **self._evaluator.parameters()}
        self.errors: list[MapItem[Any]] = []
        self._cases, self._there = data.cases, 0
        known: dict[Any, str] = {}
        self._traces = [_sha256(_trace(case, known)) for case in data.cases]
        self._evaluator.digests = known
        about = {"model": model.id, "version": model.version, "digest": model.raw.get("digest")}
        about |= {"data": data.name, "data_sha256": _sha256("".join(self._traces))}
        about |= {"parameters": self.parameters}
        self.options = {**self._evaluator.options(), "about": about, **options}
        demands = {name: self.options.pop(name, None) for name in _DEMANDS}
        self.demands = {name: each for name, each in demands.items() if each}
        self._chunks = deque(self._cut(model, data))
        self._entries: list[Any] = []  # of the first chunk
        self._broken = False

    @property
    def total(self) -> int:
        """Cases that are still to be asked about."""
        return sum(len(chunk.cases) for chunk in self._chunks)

    def skip(self, keys: Iterable[str], run: str) -> None:
        """Leave out the chunks that are there. Raises `ValueError` where there are others: of files
        that changed, which it names, or of another model or data set."""
        known, ours = set(keys), {chunk.key[:8]: chunk for chunk in self._chunks}
        if strange := known - {chunk.key for chunk in self._chunks}:
            names = [n for key in sorted(strange) for n in _changed(key, ours.get(key[:8]))]
            files = f"with other content of {', '.join(names[:5])}"
            what = files if names else "of another model, data set or other parameters"
            raise ValueError(
                f"The run {run!r} has {len(strange)} chunks {what}; choose a new name."
            )
        self._chunks = deque(chunk for chunk in self._chunks if chunk.key not in known)
        self._there = len(self._cases) - self.total

    def sources(self) -> list[Any]:
        """The images."""
        return [CaseImage(self._evaluator, case) for chunk in self._chunks for case in chunk.cases]

    def add(self, item: MapItem[Any]) -> list[Chunk]:
        """The answer about the next image."""
        chunk = self._chunks[0]
        self._entries.append(self._entry(chunk.cases[len(self._entries)], item))
        if len(self._entries) < len(chunk.cases):
            return []
        self._chunks.popleft()
        entries, broken, self._entries, self._broken = self._entries, self._broken, [], False
        return [] if broken else [replace(chunk, body=self._evaluator.document(entries))]

    def finished(self, run: EvaluationRun, report: Evaluation) -> Evaluated:
        """The report with what failed; also what the service can't read."""
        told = [entry for entry in report.excluded if entry.get("detail")]
        self.errors += [MapItem(e.get("id"), error=ValueError(e["detail"])) for e in told]
        return Evaluated(run, report, tuple(self.errors), self._there, len(self._cases))

    def _entry(self, case: Case, item: MapItem[Any]) -> Any:
        try:
            return self._evaluator.entry(case, item.unwrap())
        except FAULTS as fault:
            self.errors.append(MapItem(case.path, error=fault))
            self._broken = self._broken or not _final(fault)
            return self._evaluator.entry(case, None)

    def _cut(self, model: Model, data: Dataset) -> Iterator[Chunk]:
        asked = json.dumps(
            [model.id, model.version, model.raw.get("digest"),
             self.parameters, data.extra.get("categories")],
            sort_keys=True,
            default=str,
        )  # fmt: skip
        size = self._evaluator.size
        for start in range(0, len(data.cases), size):
            cases = data.cases[start : start + size]
            traces = self._traces[start : start + size]
            marks = "".join(trace[:2] for trace in traces)
            key = f"{_sha256(asked)[:16]}-{_sha256(''.join(traces))[:16]}-{marks}"
            yield Chunk(f"{start:08d}-{key}", cases)


@dataclass(frozen=True)
class ChunkUpload:
    """Puts finished chunks into the run; one that is refused is noted in the plan."""

    plan: EvaluationPlan
    run: EvaluationRun
    chunks: Iterable[Chunk]

    def steps(self, policy: Policy) -> Steps[None]:
        for chunk in self.chunks:
            path = path_of("/metrics/runs/{}/chunks/{}", self.run, chunk.key)
            try:
                yield from Call("PUT", path, nothing).with_json(chunk.body).steps(policy)
            except (ConflictError, UnprocessableError, TooLargeError) as fault:
                # Another writer had the same chunk first; its scores may differ in the last digit.
                if fault.code != "chunk_conflict":
                    self.plan.errors += [MapItem(case.path, error=fault) for case in chunk.cases]


@dataclass(frozen=True, eq=False)
class Evaluated(Value):
    """The run with its report, and what failed and why; `there` of `total` images were answered."""

    run: EvaluationRun
    report: Evaluation
    errors: tuple[MapItem[Any], ...] = field(repr=False)
    there: int = 0
    total: int = 0

    def _repr_html_(self) -> str:
        return self.report._repr_html_()


def _final(fault: Exception) -> bool:
    """Whether another attempt would end the same way: what is asked about is at fault."""
    if isinstance(fault, ApiError):
        return 400 <= fault.status < 500 and fault.status not in _FOR_NOW
    return isinstance(fault, OSError | ValueError | TypeError)


def _changed(key: str, chunk: Chunk | None) -> list[str]:
    """The files of a chunk that were others when the chunk of this key was made."""
    if chunk is None or key[:25] != chunk.key[:25] or len(key) != len(chunk.key):
        return []
    places = zip(chunk.cases, range(43, len(key), 2), strict=True)
    return [case.path.name for case, at in places if key[at : at + 2] != chunk.key[at : at + 2]]


def _trace(case: Case, known: dict[Any, str]) -> str:
    """What a case is known by: its id, group, box, and the content of its image and truth."""
    for path in (case.path, case.truth):
        if hasattr(path, "read_bytes") and path not in known:
            known[path] = _sha256(path.read_bytes()) if path.is_file() else "missing"
    truth = known[case.truth] if hasattr(case.truth, "read_bytes") else str(case.truth)
    return json.dumps([case.id, truth, case.group, case.box, known[case.path]])


def _sha256(content: str | bytes) -> str:
    text = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
    return hashlib.sha256(text).hexdigest()
