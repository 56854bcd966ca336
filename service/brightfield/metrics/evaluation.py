"""What every evaluation is: options, and a report made of data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field

from brightfield.errors import NotAcceptable
from brightfield.images.limits import Limits
from brightfield.metrics.chunks.chunk import PredictionChunk, RunChunks
from brightfield.metrics.reports.points import Named
from brightfield.metrics.statistics.confidence import Confidence
from brightfield.parameters import Parameters, parsed_json, written
from brightfield.progress import Progress


@dataclass(frozen=True, slots=True)
class DataLimits:
    """What one image or mask may have, and the bytes of a request's archive when unpacked."""

    images: Limits
    max_bytes: int


@dataclass(frozen=True, slots=True, eq=False)
class RunPair:
    """The parts of two runs, and what work on them is bound by."""

    first: RunChunks
    second: RunChunks
    limits: DataLimits
    progress: Progress


def _document(value: Any) -> Any:
    """A query writes lists and objects as JSON, and plain lists also with commas."""
    if isinstance(value, str) and value[:1] in ("[", "{"):
        with suppress(ValueError):
            return parsed_json(value)
    return value


def _names(value: Any) -> Any:
    value = _document(value)
    if isinstance(value, str):
        return [part.strip() for part in value.split(",")]
    return [str(part) for part in value] if isinstance(value, list | tuple) else value


Names = Annotated[
    tuple[str, ...],
    BeforeValidator(_names),
    written(
        "str | Sequence[str]",
        {"examples": ["benign,malignant"]},
        {"type": "array", "items": {"type": ["string", "integer"]}},
    ),
]
"""Several names: `a,b` or `["a", "b"]`."""

Nested = BeforeValidator(_document)


class Evaluation(Parameters, ABC):
    """A kind of report; the fields are its options.

    A file with a subclass is a task of POST /metrics. `members` names the data in its JSON; a task
    with `tables` takes CSV and NPZ as well. `nothing` is data without rows.
    """

    members: ClassVar[tuple[str, ...]]
    tables: ClassVar[bool] = False
    nothing: ClassVar[Mapping[str, Any]]

    ci: Annotated[Confidence, Nested] = Confidence()
    """Intervals: `method`, `level`, `resamples`, `seed`; in a query `ci.level=0.9` and so on."""
    worst: Annotated[int, Field(ge=0, le=1000)] = 10
    """How many of the cases with the largest errors to list."""
    about: Annotated[dict[str, Any] | None, Nested] = None
    """What the predictions rest on (model, version, data set, parameters): any JSON object, which
    the report repeats."""
    by: Names | None = None
    """Columns by whose values the report has the same numbers, such as `site` or `site,scanner`."""
    missing: Literal["exclude", "refuse"] = "exclude"
    """What to do with incomplete rows: exclude and list them, or refuse the request with 422."""

    @abstractmethod
    def evaluate(
        self, data: Mapping[str, Any], limits: DataLimits, progress: Progress
    ) -> dict[str, Any]:
        """The report about `data`, by the names in `members`, ready for JSON.

        Raises `Unprocessable` for wrong types, lengths and labels; never returns NaN.
        """

    @abstractmethod
    def chunk(
        self, data: Mapping[str, Any], limits: DataLimits, progress: Progress
    ) -> PredictionChunk:
        """A part of a run, checked as `evaluate` would check it.

        Raises `Unprocessable` for whatever would later keep the run from having a report.
        """

    @abstractmethod
    def together(self, parts: RunChunks, limits: DataLimits, progress: Progress) -> dict[str, Any]:
        """The report about all parts of a run, which agree on a frame: the same as that about their
        rows in one call."""

    @abstractmethod
    def against(self, other: Self, both: RunPair, confidence: Confidence) -> dict[str, Any]:
        """How much this run (a) and another (b) of the same task differ about the same ids.

        Raises `IncomparableRuns` for runs whose numbers do not mean the same.
        """

    def points(self, parts: RunChunks, progress: Progress) -> Iterator[Named]:
        """Every point of the curves of a run, by name.

        Raises `NotAcceptable` where there are no curves with points of their own.
        """
        raise no_points()


def no_points() -> NotAcceptable:
    """The refusal of points that there are not."""
    return NotAcceptable(
        "NPZ has every point of the curves of scores, and there are none here; ask for format=json."
    )
