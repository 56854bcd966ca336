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

from brightfield.tasks.suppression import Detections


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


def best_f1_threshold(
    found: Sequence[Detections],
    boxes: Sequence[np.ndarray[Any, np.dtype[np.float32]]],
    classes: Sequence[np.ndarray[Any, np.dtype[np.int64]]],
    *,
    iou: float = 0.5,
) -> tuple[float, float]:
    """The score threshold with the best mean F1 over classes at `iou`, and that F1.

    Detections are matched by descending score, each to the free object that it overlaps most.
    """
    kinds = sorted({int(kind) for part in classes for kind in part})
    curves = [_curve(found, boxes, classes, kind, iou) for kind in kinds]
    thresholds = np.arange(0.05, 0.95, 0.01)
    means = np.mean([[_f1(*curve, at) for at in thresholds] for curve in curves], axis=0)
    return float(thresholds[means.argmax()]), float(means.max())


def _curve(
    found: Sequence[Detections], boxes: Any, classes: Any, kind: int, iou: float
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], int]:
    """Scores and hits of one class over all images, and how many objects there are."""
    scores, hits, objects = [], [], 0
    for image, corners, ids in zip(found, boxes, classes, strict=True):
        own = image.class_ids == kind
        truth = corners[ids == kind]
        objects += len(truth)
        scores.append(image.scores[own])
        hits.append(matched(image.boxes[own], truth, iou))
    return np.concatenate(scores), np.concatenate(hits), objects


def matched(boxes: Any, truth: Any, iou: float) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """(n,) whether each box, best first, finds a free object that it overlaps by `iou`."""
    overlap = overlaps(boxes, truth)
    hits = np.zeros(len(boxes), bool)
    for row in range(len(boxes) if len(truth) else 0):
        column = int(overlap[row].argmax())
        if overlap[row, column] >= iou:
            hits[row] = True
            overlap[:, column] = -1
    return hits


def overlaps(boxes: Any, truth: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    """(n, m) intersection over union."""
    low = np.maximum(boxes[:, None, :2], truth[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], truth[None, :, 2:])
    inter = np.clip(high - low, 0, None).prod(axis=-1).astype(np.float64)
    sizes = [(part[:, 2:] - part[:, :2]).prod(axis=-1) for part in (boxes, truth)]
    union: np.ndarray[Any, np.dtype[np.float64]] = sizes[0][:, None] + sizes[1][None] - inter
    return inter / union


def _f1(scores: Any, hits: Any, objects: int, at: float) -> float:
    """2 hits / (detections + objects) of what scores at least `at`."""
    shown = scores >= at
    return float(2 * hits[shown].sum() / max(1, shown.sum() + objects))
