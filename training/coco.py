"""Average precision of detections, by COCO's own code."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from brightfield.tasks.objects.suppression import Detections


def rows(image: int, found: Detections, categories: Mapping[int, int]) -> list[dict[str, Any]]:
    """The detections of one image in COCO's result format."""
    sizes = found.boxes[:, 2:] - found.boxes[:, :2]
    return [
        {
            "image_id": image,
            "category_id": categories[int(kind)],
            "bbox": [*corner, *size],
            "score": score,
        }
        for corner, size, kind, score in zip(
            found.boxes[:, :2].tolist(),
            sizes.tolist(),
            found.class_ids.tolist(),
            found.scores.tolist(),
            strict=True,
        )
    ]


def average_precision(truth: Path, results: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """`ap` (IoU 0.5 to 0.95), `ap50`, `ap75`, and `ap/NAME`, `ap50/NAME` of every category.

    pycocotools' own numbers: 101 recall points, at most 100 detections per image, the mean over
    categories that occur in the truth.
    """
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(truth))
        evaluation = COCOeval(coco, coco.loadRes(list(results)), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    ap, ap50, ap75 = evaluation.stats[:3]
    # (IoU, recall, category, area, detections): all areas, the greatest number of detections
    precision = evaluation.eval["precision"][:, :, :, 0, -1]
    found = {"ap": float(ap), "ap50": float(ap50), "ap75": float(ap75)}
    for index, key in enumerate(evaluation.params.catIds):
        (category,) = coco.loadCats([key])
        found[f"ap/{category['name']}"] = float(np.mean(precision[:, :, index]))
        found[f"ap50/{category['name']}"] = float(np.mean(precision[0, :, index]))
    return found
