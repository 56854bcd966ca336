"""Classification: the score of every class against the true one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from PIL import Image as PillowImage
from PIL import ImageOps

from brightfield_client.evaluating.coco import by_object
from brightfield_client.evaluating.dataset import Case, Dataset, by_folder, by_table, is_table
from brightfield_client.evaluating.task_evaluator import TaskEvaluator
from brightfield_client.images import ImageSource

_MARGIN = 1.2


class ClassificationEvaluator(TaskEvaluator):
    """All scores of the model go into the run, so that every threshold can be looked at.

    An object is cut out: a square around the middle of its box, 1.2 times its long side, moved
    (and where need be shrunk) to lie within the image.
    """

    evaluation = "classification"
    size: ClassVar[int] = 64

    @classmethod
    def opened(cls, path: Path, truth: Path | None) -> Dataset:
        if path.suffix.lower() == ".json":
            return by_object(path, truth)
        if truth is not None:
            raise ValueError("The classes of images come from their folders or from a CSV.")
        return by_table(path) if is_table(path) else by_folder(path)

    def parameters(self) -> dict[str, Any]:
        return {"top_k": len(self.model.labels), "threshold": 0, **self.given}

    def options(self) -> dict[str, Any]:
        return {"labels": list(self.model.labels)}

    def source(self, case: Case) -> ImageSource:
        if case.box is None:
            return case.path
        with PillowImage.open(case.path) as opened:
            upright = ImageOps.exif_transpose(opened)
            plain = upright.convert("RGB") if upright.mode in ("P", "1") else upright
            return plain.crop(_window(case.box, plain.size))

    def entry(self, case: Case, answer: Any | None) -> Any:
        scores: list[float | None] = [None] * len(self.model.labels)
        for found in answer or ():
            scores[found.class_id] = found.score
        return case, scores

    def document(self, entries: Sequence[Any]) -> dict[str, Any]:
        document: dict[str, Any] = {
            "truth": [case.truth for case, _ in entries],
            "scores": [scores for _, scores in entries],
            "ids": [case.id for case, _ in entries],
            "columns": {"digest": [f"{self.digests[c.path]} {c.box}" for c, _ in entries]},
        }
        if entries[0][0].group is not None:
            document["groups"] = [case.group for case, _ in entries]
        return document


def _window(
    box: tuple[float, float, float, float], size: tuple[int, int]
) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the square around a box."""
    left, top, width, height = box
    side = min(max(1, round(_MARGIN * max(width, height))), *size)
    x, y = (
        min(max(round(at - side / 2), 0), most - side)
        for at, most in zip((left + width / 2, top + height / 2), size, strict=True)
    )
    return x, y, x + side, y + side
