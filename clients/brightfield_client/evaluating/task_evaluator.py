"""What a task does with a data set: how it asks, and what it posts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from brightfield_client.calls.predictions import Evaluand
from brightfield_client.evaluating.dataset import Case, Dataset
from brightfield_client.images import ImageSource
from brightfield_client.models import Model


class TaskEvaluator(ABC):
    """One model on one data set. `parameters` are those of the endpoint that the caller gave."""

    evaluation: ClassVar[Evaluand]
    """The task at /metrics."""
    size: ClassVar[int]
    """Cases of a chunk."""
    digests: Mapping[Any, str]
    """Of each file its content's."""

    def __init__(self, model: Model, data: Dataset, parameters: Mapping[str, Any]) -> None:
        self.model = model
        self.data = data
        self.given = dict(parameters)
        unknown = [label for label in data.labels if label not in model.labels]
        if unknown:
            raise ValueError(
                f"The model {model.id} does not know {_some(unknown)}; it knows "
                f"{_some(model.labels)}."
            )

    @classmethod
    @abstractmethod
    def opened(cls, path: Path, truth: Path | None) -> Dataset:
        """The data set at a path; `truth` says where a part of it lies elsewhere."""

    @property
    def output(self) -> Mapping[str, Any]:
        """What the card says of the model's output."""
        return self.model.raw.get("output") or {}

    def parameters(self) -> dict[str, Any]:
        """The parameters of the endpoint; those that the caller gave win."""
        return dict(self.given)

    def options(self) -> dict[str, Any]:
        """The options of the run."""
        return {}

    def source(self, case: Case) -> ImageSource:
        """The image that is asked about."""
        return case.path

    @abstractmethod
    def entry(self, case: Case, answer: Any | None) -> Any:
        """What a chunk says of a case, without an answer that it is missing; None: nothing.

        Raises `ValueError` where answer and truth do not fit.
        """

    @abstractmethod
    def document(self, entries: Sequence[Any]) -> dict[str, Any]:
        """A chunk as the service takes it."""


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return ", ".join(names[:10]) + more
