"""COCO's numbers against pycocotools, on generated scenes."""

from __future__ import annotations

import contextlib
import copy
import io

import numpy as np
import pytest
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from brightfield.errors import BrightfieldError, InvalidRows, MissingValues
from brightfield.metrics.counted.coco_matches import cells, match
from brightfield.metrics.counted.coco_summary import CocoSummary, Detected
from brightfield.metrics.counted.detection_rules import DetectionRules
from brightfield.metrics.reading.coco import read_scene
from brightfield.progress import no_progress

FAST = {"ci": {"method": "none"}}
COCO_METRICS = DetectionRules().names
SIDE = 300


def scene(seed, segm=False):
    """Crowds, images without objects or detections, all areas, an absent class, more than 100
    detections of one class in an image."""
    rng = np.random.default_rng(seed)
    images = [{"id": 3 * i + 5, "height": SIDE, "width": SIDE} for i in range(10)]
    categories = [{"id": 3, "name": "a"}, {"id": 7, "name": "b"}, {"id": 9, "name": "never"}]
    annotations, detections = [], []

    def found(image, category, box):
        entry = {"image_id": image, "category_id": category, "score": float(rng.random())}
        detections.append(entry | shape(box, segm))

    for image in images[:-2]:
        for _ in range(rng.integers(0, 7)):
            side = np.exp(rng.uniform(1.5, 5.2, 2))
            box = np.concatenate([rng.uniform(0, SIDE - 200, 2), side])
            category, crowd = int(rng.choice([3, 7])), int(rng.random() < 0.2)
            annotations.append(
                {"id": len(annotations) + 1, "image_id": image["id"], "category_id": category,
                 "iscrowd": crowd, "area": float(side.prod() * rng.uniform(0.6, 1))}
                | shape(box, segm)
            )  # fmt: skip
            for _ in range(rng.integers(0, 4)):
                near = np.abs(box + rng.normal(0, 0.08, 4) * np.tile(side, 2))
                found(image["id"], category if rng.random() < 0.85 else 10 - category, near)
    for _ in range(130):
        found(images[0]["id"], 3, rng.uniform(5, 90, 4))
    for image in images[1:]:
        found(image["id"], int(rng.choice([3, 7, 9])), rng.uniform(5, 90, 4))
    return {"images": images, "annotations": annotations, "categories": categories}, detections


def shape(box, segm):
    box = [float(number) for number in box]
    if not segm:
        return {"bbox": box}
    x, y, width, height = (round(number) for number in box)
    mask = np.zeros((SIDE, SIDE), np.uint8, order="F")
    mask[y : y + height + 1, x : x + width + 1] = 1
    encoded = coco_mask.encode(mask)
    counts = {"size": [SIDE, SIDE], "counts": encoded["counts"].decode()}
    return {"segmentation": counts, "bbox": box}


def by_pycocotools(truth, detections, iou_type):
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = copy.deepcopy(truth)
        coco.createIndex()
        run = COCOeval(coco, coco.loadRes(copy.deepcopy(detections)), iou_type)
        run.evaluate()
        run.accumulate()
        run.summarize()
    return run


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("iou_type", ["bbox", "segm"])
def test_the_twelve_numbers_and_every_class(seed, iou_type, evaluate):
    truth, detections = scene(seed, iou_type == "segm")
    if iou_type == "segm":
        detections = [{k: v for k, v in d.items() if k != "bbox"} for d in detections]
    data = {"ground_truth": truth, "detections": detections}
    report = evaluate("detection", data, iou_type=iou_type, **FAST)
    expected = by_pycocotools(truth, detections, iou_type)
    twelve = [report["metrics"][name]["value"] for name in COCO_METRICS]
    values = [-1 if value is None else value for value in twelve]
    np.testing.assert_allclose(values, expected.stats, rtol=0, atol=1e-9)
    for place, entry in enumerate(report["per_class"]):
        precision = expected.eval["precision"][:, :, place, 0, 2]
        if (precision == -1).all():
            assert entry["metrics"]["ap"]["undefined"] == "no_objects"
            assert entry["curves"]["pr"] is None
            continue
        np.testing.assert_allclose(entry["curves"]["pr"]["precision"], precision, atol=1e-12)
        assert entry["metrics"]["ap"]["value"] == pytest.approx(precision.mean(), abs=1e-12)
        recall = expected.eval["recall"][:, place, 0, 1].mean()
        assert entry["metrics"]["ar_10"]["value"] == pytest.approx(recall, abs=1e-12)


def test_a_resample_is_a_data_set_with_repeated_images():
    truth, detections = scene(4)
    data = {"ground_truth": truth, "detections": detections}
    read, rules = read_scene(data, "bbox", "exclude", 10**6), DetectionRules()
    sample = Detected(match(read, cells(read, rules, 0.5, no_progress), rules, no_progress))
    weights = np.random.default_rng(0).integers(0, 4, (3, len(truth["images"]))).astype(float)
    found = CocoSummary().values(sample, weights)
    for index, counts in enumerate(weights.astype(int).tolist()):
        repeated = repeat(truth, detections, counts)
        expected = by_pycocotools(*repeated, "bbox").stats
        values = [found[name][index] for name in COCO_METRICS]
        np.testing.assert_allclose(np.nan_to_num(values, nan=-1), expected, rtol=0, atol=1e-9)


def repeat(truth, detections, counts):
    images, annotations, found = [], [], []
    for image, count in zip(truth["images"], counts, strict=True):
        for _ in range(count):
            new = len(images) + 1
            images.append({**image, "id": new})
            for source, target in ((truth["annotations"], annotations), (detections, found)):
                target += [{**e, "image_id": new} for e in source if e["image_id"] == image["id"]]
    annotations = [{**entry, "id": i + 1} for i, entry in enumerate(annotations)]
    return {**truth, "images": images, "annotations": annotations}, found


def test_only_the_order_of_equal_scores_matters(evaluate):
    truth, detections = scene(5)
    first = evaluate("detection", {"ground_truth": truth, "detections": detections})
    turned = {**truth, "images": truth["images"][::-1], "categories": truth["categories"][::-1]}
    mixed = detections[1::2][::-1] + detections[::2]
    second = evaluate("detection", {"ground_truth": turned, "detections": mixed})
    for report in (first, second):
        for entry in report["partners"]:
            entry["detection"] = None  # a row, which is another now
    assert first == second
    assert first["metrics"]["ap"]["ci"][0] < first["metrics"]["ap"]["ci"][1]


def test_an_object_with_the_id_0_is_an_object(evaluate):
    box = [10.0, 10, 40, 40]
    truth = {
        "images": [{"id": 0}], "categories": [{"id": 0, "name": "cell"}],
        "annotations": [{"id": 0, "image_id": 0, "category_id": 0, "bbox": box}],
    }  # fmt: skip
    found = [{"image_id": 0, "category_id": 0, "bbox": box, "score": 0.5}]
    report = evaluate("detection", {"ground_truth": truth, "detections": found})
    assert report["metrics"]["ap"]["value"] == pytest.approx(1)
    assert report["metrics"]["ap_small"]["undefined"] == "no_objects"
    nothing = evaluate("detection", {"ground_truth": truth, "detections": []})
    assert nothing["metrics"]["ap"]["value"] == 0
    empty = {**truth, "annotations": []}
    report = evaluate("detection", {"ground_truth": empty, "detections": found})
    assert report["metrics"]["ap"]["undefined"] == "no_objects"
    assert report["curves"]["pr"] is None


def test_the_kinds_of_error(evaluate):
    def at(x, width=10.0, category=1, score=0.9):
        return {"image_id": 1, "category_id": category, "bbox": [x, 0.0, width, 10.0],
                "score": score}  # fmt: skip

    truth = {
        "images": [{"id": 1}],
        "categories": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}],
        "annotations": [
            {"id": i, "image_id": 1, "category_id": 1, "bbox": [100.0 * i, 0.0, 10.0, 10.0]}
            for i in range(1, 7)
        ]
        # Another class at the place of the first: a duplicate is still one.
        + [{"id": 7, "image_id": 1, "category_id": 2, "bbox": [100.0, 0.0, 10.0, 10.0]}],
    }
    found = [
        at(100), at(101, score=0.8),  # hit, and once more
        at(200, category=2),  # of another class
        at(306),  # IoU 4 / 16
        at(406, category=2),  # that, and of another class
        at(550),  # nothing there
        at(600, score=0.1),  # below the threshold
    ]  # fmt: skip
    data = {"ground_truth": truth, "detections": found}
    errors = evaluate("detection", data, threshold=0.5, **FAST)["errors"]
    assert errors["counts"] == {
        "classification": 1, "localization": 1, "both": 1, "duplicate": 1, "background": 1,
        "missed": 4,  # 4 to 7: 2 and 3 were touched
    }  # fmt: skip
    assert (errors["true_positives"], errors["undetected"]) == (1, 6)
    every = evaluate("detection", data, **FAST)
    assert (every["errors"]["true_positives"], every["errors"]["undetected"]) == (2, 5)
    assert every["worst"] == [{"id": 1, "error": 10, "false": 5, "undetected": 5}]


@pytest.mark.parametrize(
    "change",
    [
        {"image_id": 99}, {"category_id": True}, {"bbox": [1, 2, 3]}, {"bbox": [1, 2, -3, 4]},
        {"bbox": [1, 2, "3", 4]}, {"score": "high"}, {"score": float("inf")}, {"bbox": None},
    ],
)  # fmt: skip
def test_wrong_detections_are_named(change, evaluate):
    truth, detections = scene(0)
    detections[2] = {**detections[2], **change}
    with pytest.raises(InvalidRows) as caught:
        evaluate("detection", {"ground_truth": truth, "detections": detections})
    assert caught.value.errors[0]["row"] == 2


@pytest.mark.parametrize(
    "segmentation",
    [
        None, [], [[1, 2, 3]], [[1, 2, 3, 4, 5, 1e9]], [["a"] * 6], {"size": [SIDE, SIDE]},
        {"size": [9, 9], "counts": "Q3"}, {"size": [SIDE, SIDE], "counts": "0"},
    ],
)  # fmt: skip
def test_wrong_masks_never_reach_c(segmentation, evaluate):
    truth, detections = scene(0, segm=True)
    detections[1]["segmentation"] = segmentation
    with pytest.raises(BrightfieldError) as caught:
        data = {"ground_truth": truth, "detections": detections}
        evaluate("detection", data, iou_type="segm")
    assert caught.value.status in (413, 422)


def test_polygons_are_masks(evaluate):
    square = [20.0, 20, 60, 20, 60, 60, 20, 60]
    truth = {
        "images": [{"id": "x", "height": 90, "width": 80}], "categories": [{"id": 1}],
        "annotations": [{"id": 1, "image_id": "x", "category_id": 1, "segmentation": [square]}],
    }  # fmt: skip
    mask = np.zeros((90, 80), np.uint8, order="F")
    mask[20:60, 20:60] = 1
    counts = coco_mask.encode(mask)["counts"].decode()
    found = {"image_id": "x", "category_id": 1, "score": 1.0}
    found["segmentation"] = {"size": [90, 80], "counts": counts}
    data = {"ground_truth": truth, "detections": [found]}
    report = evaluate("detection", data, iou_type="segm")
    assert report["metrics"]["ap"]["value"] == pytest.approx(1)


def test_detections_without_a_score_are_left_out(evaluate):
    truth, detections = scene(1)
    for row in (0, 5):
        detections[row]["score"] = None if row else float("nan")
    data = {"ground_truth": truth, "detections": detections}
    report = evaluate("detection", data, **FAST)
    assert [entry["row"] for entry in report["excluded"]] == [0, 5]
    with pytest.raises(MissingValues):
        evaluate("detection", data, missing="refuse")
