"""Detection: the model's boxes against those of a COCO data set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from brightfield_client.evaluating.coco import by_coco
from brightfield_client.evaluating.dataset import Case, Dataset
from brightfield_client.evaluating.task_evaluator import TaskEvaluator

_LEAST_SCORE, _MOST = 0.01, 100


class DetectionEvaluator(TaskEvaluator):
    """Boxes down to a score of 0.01, the best 100 of an image, as COCO counts them, or more where
    an image has more objects.

    Kinds of error are counted from the model's own threshold on, where it has one.

    Boxes of classes that the data set has no category for are omitted: it cannot judge them. An
    image that was refused is left out, with its true objects.
    """

    evaluation = "detection"
    size: ClassVar[int] = 16

    @classmethod
    def opened(cls, path: Path, truth: Path | None) -> Dataset:
        if path.is_dir():
            raise ValueError(f"{path} is a folder; name the COCO file in it.")
        return by_coco(path, truth)

    def parameters(self) -> dict[str, Any]:
        most = max([_MOST, *(2 * len(case.truth["annotations"]) for case in self.data.cases)])
        return {"threshold": _LEAST_SCORE, "max_detections": most, **self.given}

    def options(self) -> dict[str, Any]:
        least = self.output.get("threshold")
        return {"faulty": "exclude"} | ({} if least is None else {"threshold": least})

    def entry(self, case: Case, answer: Any | None) -> Any:
        if answer is None:
            return case.truth, [{"image_id": case.truth["image"]["id"], "missing": True}]
        known = {category["name"]: category["id"] for category in self.data.extra["categories"]}
        found = [
            {
                "image_id": case.truth["image"]["id"],
                "category_id": known[each.label],
                "bbox": [each.box.xmin, each.box.ymin, each.box.width, each.box.height],
                "score": each.score,
            }
            for each in answer
            if each.label in known
        ]
        return case.truth, found

    def document(self, entries: Sequence[Any]) -> dict[str, Any]:
        return {
            "ground_truth": {
                "images": [truth["image"] for truth, _ in entries],
                "annotations": [each for truth, _ in entries for each in truth["annotations"]],
                "categories": self.data.extra["categories"],
            },
            "detections": [each for _, found in entries for each in found],
        }
