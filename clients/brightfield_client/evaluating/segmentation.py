"""Segmentation: the label image of the model against that of the data set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from brightfield_client.evaluating.dataset import Case
from brightfield_client.evaluating.task_evaluator import (
    TaskEvaluator,
    array_entry,
    file_entry,
    pairs,
    picture_size,
)


class SegmentationEvaluator(TaskEvaluator):
    """Objects where the model tells them apart, else classes; `mode` chooses.

    With one class every value of the truth but 0 is that class, so that label images of objects
    serve for both.
    """

    evaluation: ClassVar[str] = "segmentation"
    size: ClassVar[int] = 8

    @property
    def mode(self) -> str:
        rules = (self.model.raw.get("output") or {}).get("instances")
        return str(self.given.get("mode") or ("instance" if rules else "semantic"))

    def parameters(self) -> dict[str, Any]:
        return {**self.given, "mode": self.mode}

    def options(self) -> dict[str, Any]:
        if self.mode == "instance" or len(self.model.labels) == 1:
            return {"mode": self.mode}
        return {"mode": self.mode, "labels": ["background", *self.model.labels]}

    def entry(self, case: Case, answer: Any | None) -> Any:
        pair = {"id": case.id, "truth": None, "prediction": None}
        if case.group is not None:
            pair["group"] = case.group
        if answer is None:
            return pair
        size = picture_size(case.truth)
        if size != answer.labels.shape:
            raise ValueError(
                f"The mask has {size[1]} x {size[0]} pixels and the image "
                f"{answer.labels.shape[1]} x {answer.labels.shape[0]}."
            )
        return {**pair, "truth": file_entry(case.truth), "prediction": array_entry(answer.labels)}

    def document(self, entries: Sequence[Any]) -> dict[str, Any]:
        return pairs(entries)
