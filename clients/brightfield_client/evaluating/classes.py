"""Classification: the score of every class against the true one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from brightfield_client.evaluating.dataset import Case
from brightfield_client.evaluating.judge import Judge


class Classes(Judge):
    """All scores of the model go into the run, so that every threshold can be looked at."""

    evaluation: ClassVar[str] = "classification"
    size: ClassVar[int] = 64

    def parameters(self) -> dict[str, Any]:
        return {"top_k": len(self.model.labels), "threshold": 0, **self.given}

    def options(self) -> dict[str, Any]:
        return {"labels": list(self.model.labels)}

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
        }
        if entries[0][0].group is not None:
            document["groups"] = [case.group for case, _ in entries]
        return document
