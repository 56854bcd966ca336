"""Lists as they come, ties and odd ids among them, against pycocotools."""

from __future__ import annotations

import contextlib
import copy
import io
import itertools
import os

import numpy as np
import pytest
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from brightfield.metrics.counted.detection_rules import DetectionRules

SIDE = 120
# How many scenes the slow test has; more by hand.
SCENES = int(os.environ.get("BRIGHTFIELD_TEST_SCENES", "200"))
SIDES = (10.0, 20.0, 25.0, 32.0, 40.0, 96.0, 100.0)
# On the borders of COCO's ranges of areas, and just beyond them.
BORDERS = (0.0, 1024.0, np.nextafter(1024.0, 2000), 9216.0, np.nextafter(9216.0, 0))
FAST = {"ci": {"method": "none"}}


def odd_ids(rng, count):
    """From 0, with gaps, below 0, large, or texts."""
    kinds = (
        np.arange(count),
        np.cumsum(rng.integers(1, 9, count)),
        rng.permutation(count) - count // 2,
        10**12 + rng.permutation(3 * count)[:count],
    )
    ids = kinds[rng.integers(len(kinds))].tolist()
    return [f"im-{each}" for each in ids] if rng.random() < 0.2 else ids


def boxes(rng, count):
    """On a grid, so that many overlap equally."""
    corners = rng.integers(0, 5, (count, 2)) * 20.0
    return np.hstack([corners, rng.choice(SIDES, (count, 2))]).tolist()


def shape(box, segm):
    if not segm:
        return {"bbox": box}
    x, y, width, height = (int(number) for number in box)
    mask = np.zeros((SIDE, SIDE), np.uint8, order="F")
    mask[y : y + height, x : x + width] = 1
    counts = coco_mask.encode(mask)["counts"].decode()
    return {"segmentation": {"size": [SIDE, SIDE], "counts": counts}}


def random_scene(seed, segm):
    """A data set in no order, and results with many equal scores, in no order either."""
    rng = np.random.default_rng(seed)
    images, categories = odd_ids(rng, rng.integers(2, 6)), odd_ids(rng, rng.integers(1, 4))
    annotations, found = [], []
    ids = itertools.count(1)
    for image, category in itertools.product(images[:-1], categories):
        for box in boxes(rng, rng.integers(0, 7)):
            own = {"image_id": image, "category_id": category}
            crowd = int(rng.random() < 0.15)
            area = float(np.prod(box[2:]) * rng.choice([1.0, 0.5]))
            area = float(rng.choice(BORDERS)) if rng.random() < 0.2 else area
            annotations.append(
                {**own, **shape(box, segm), "id": next(ids), "area": area, "iscrowd": crowd}
            )
    for image, category in itertools.product(images, categories):
        for box in boxes(rng, rng.choice([0, 3, 8, 140], p=[0.2, 0.4, 0.35, 0.05])):
            own = {"image_id": image, "category_id": category}
            both = {"bbox": [*box[:2], 30.0, 30.0]} if segm and seed % 3 == 0 else {}
            score = float(rng.integers(-1, 4)) / 4
            found.append({**own, **shape(box, segm), **both, "score": score})
    order = rng.permutation(len(found))
    truth = {
        "images": [{"id": key, "height": SIDE, "width": SIDE} for key in images],
        "categories": [{"id": key, "name": str(key)} for key in categories],
        "annotations": annotations,
    }
    return truth, [found[place] for place in order]


def by_pycocotools(truth, found, iou_type, **params):
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = copy.deepcopy(truth)
        coco.createIndex()
        run = COCOeval(coco, coco.loadRes(copy.deepcopy(found)), iou_type)
        for name, value in params.items():
            setattr(run.params, name, value)
        run.evaluate()
        run.accumulate()
        if not params:
            run.summarize()
    return run


def check(seed, segm, evaluate):
    truth, found = random_scene(seed, segm)
    if not found:
        return 0.0
    iou_type = "segm" if segm else "bbox"
    data = {"ground_truth": truth, "detections": found}
    report = evaluate("detection", data, iou_type=iou_type, **FAST)
    twelve = [report["metrics"][name]["value"] for name in DetectionRules().names]
    values = [-1 if value is None else value for value in twelve]
    expected = by_pycocotools(truth, found, iou_type).stats
    np.testing.assert_allclose(values, expected, rtol=0, atol=1e-9, err_msg=f"scene {seed}")
    return float(np.abs(values - expected).max())


@pytest.mark.parametrize("segm", [False, True])
def test_some_random_scenes_as_they_were_sent(segm, evaluate):
    for seed in range(8):
        check(seed, segm, evaluate)


@pytest.mark.slow
@pytest.mark.parametrize("segm", [False, True])
def test_many_random_scenes_as_they_were_sent(segm, evaluate):
    greatest = max(check(seed, segm, evaluate) for seed in range(SCENES))
    print(f"{SCENES} scenes, masks: {segm}; the greatest difference is {greatest:.2g}")


@pytest.mark.parametrize("agnostic", [False, True])
def test_own_limits_thresholds_and_areas(agnostic, evaluate):
    truth, found = random_scene(3, segm=False)
    data = {"ground_truth": truth, "detections": found}
    own = {"max_detections": 20, "iou_thresholds": [0.3, 0.6], "areas": {"tiny": [0, 450]}}
    report = evaluate("detection", data, class_agnostic=agnostic, **own, **FAST)
    run = by_pycocotools(
        truth, found, "bbox", maxDets=[1, 10, 20], iouThrs=np.array([0.3, 0.6]),
        areaRng=[[0, 1e10], [0, 450]], areaRngLbl=["all", "tiny"], useCats=int(not agnostic),
    )  # fmt: skip

    def mean(table):
        return table[table > -1].mean()

    precision, recall = run.eval["precision"][..., 2], run.eval["recall"][..., 2]
    expected = {
        "ap": mean(precision[:, :, :, 0]),
        "ap30": mean(precision[0, :, :, 0]),
        "ap60": mean(precision[1, :, :, 0]),
        "ap_tiny": mean(precision[:, :, :, 1]),
        "ar_1": mean(run.eval["recall"][:, :, 0, 0]),
        "ar_10": mean(run.eval["recall"][:, :, 0, 1]),
        "ar_20": mean(recall[:, :, 0]),
        "ar_tiny": mean(recall[:, :, 1]),
    }
    assert list(report["metrics"])[: len(expected)] == list(expected)
    for name, value in expected.items():
        assert report["metrics"][name]["value"] == pytest.approx(value, abs=1e-12), name
    assert bool(report["per_class"]) is not agnostic
