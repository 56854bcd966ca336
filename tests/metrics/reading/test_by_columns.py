"""Columns beside the rows, whatever comes in their place."""

from __future__ import annotations

from typing import Any

import pytest

from brightfield.errors import InvalidParameter
from brightfield.images.limits import Limits
from brightfield.metrics import catalog
from brightfield.metrics.evaluation import DataLimits
from brightfield.progress import no_progress

LIMITS = DataLimits(Limits(1000), 1000)
IMAGES = {"images": [{"id": 1}], "annotations": [], "categories": []}
SENT: dict[str, dict[str, Any]] = {
    "classification": {"truth": [0, 1], "scores": [0.1, 0.9]},
    "multilabel": {"truth": [[0, 1]], "scores": [[0.1, 0.9]]},
    "segmentation": {"pairs": [{}]},
    "detection": {"ground_truth": IMAGES, "detections": []},
}


@pytest.mark.parametrize("task", SENT)
@pytest.mark.parametrize("columns", [True, 5, "stain", [[1]]])
def test_anything_but_an_object_of_lists_is_refused(task: str, columns: object) -> None:
    evaluation = catalog()[task](ci={"method": "none"})
    data = {**dict.fromkeys(evaluation.members), **SENT[task], "columns": columns}
    with pytest.raises(InvalidParameter, match="`columns` is an object of lists"):
        evaluation.evaluate(data, LIMITS, no_progress)
