"""Segmentation: the label image of the model against that of the data set."""

from __future__ import annotations

from typing import Any, ClassVar

from brightfield_client.evaluating.pairs import PairEvaluator


class SegmentationEvaluator(PairEvaluator):
    """Objects where the model tells them apart, else classes; `mode` chooses.

    With one class every value of the truth but 0 is that class, so that label images of objects
    serve for both.
    """

    evaluation = "segmentation"
    size: ClassVar[int] = 8
    names: ClassVar[tuple[str, str]] = ("truth", "prediction")
    word: ClassVar[str] = "mask"
    truths: ClassVar[str] = "labels"
    made: ClassVar[str] = "labels"

    @property
    def mode(self) -> str:
        rules = self.output.get("instances")
        return str(self.given.get("mode") or ("instance" if rules else "semantic"))

    def parameters(self) -> dict[str, Any]:
        return {**self.given, "mode": self.mode}

    def options(self) -> dict[str, Any]:
        if self.mode == "instance" or len(self.model.labels) == 1:
            return {"mode": self.mode, "faulty": "exclude"}
        labels = ["background", *self.model.labels]
        return {"mode": self.mode, "labels": labels, "faulty": "exclude"}
