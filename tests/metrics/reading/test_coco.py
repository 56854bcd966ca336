"""COCO data sets as programs write them."""

from __future__ import annotations

import pytest

from brightfield.errors import ConflictingParameter, InvalidRows
from brightfield.metrics.reading.coco_ids import in_order, same_id

FAST = {"ci": {"method": "none"}}
BOX = [10.0, 10.0, 40.0, 40.0]


def scene(image=1, category=1, of_image=1, of_category=1, annotation=1):
    truth = {
        "images": [{"id": image}, {"id": 99}],
        "categories": [{"id": category, "name": "cell"}],
        "annotations": [
            {"id": annotation, "image_id": image, "category_id": category, "bbox": BOX},
            {"id": 2, "image_id": 99, "category_id": of_category, "bbox": BOX},
        ],
    }
    found = [{"image_id": of_image, "category_id": of_category, "bbox": BOX, "score": 0.5}]
    return {"ground_truth": truth, "detections": found}


@pytest.mark.parametrize(
    "ids",
    [
        {"image": 1, "of_image": "1"}, {"image": "1", "of_image": 1}, {"of_image": 1.0},
        {"category": "1", "of_category": 1}, {"image": "a", "of_image": "a"},
        {"image": "01", "of_image": "01"}, {"image": -5, "of_image": "-5"},
    ],
)  # fmt: skip
def test_ids_are_numbers_or_texts(ids, evaluate):
    report = evaluate("detection", scene(**ids), **FAST)
    assert report["errors"]["true_positives"] == 1
    assert report["metrics"]["ar_100"]["value"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    "ids",
    [
        {"of_image": "01"}, {"of_image": True}, {"of_image": 1.5}, {"of_image": None},
        {"image": 99}, {"image": "99"}, {"annotation": 2}, {"annotation": "2"},
    ],
)  # fmt: skip
def test_ids_that_mean_nothing_or_two_things_are_named(ids, evaluate):
    with pytest.raises(InvalidRows) as caught:
        evaluate("detection", scene(**ids), **FAST)
    assert "row" in caught.value.errors[0]


def test_images_come_in_the_order_that_pycocotools_has():
    assert [same_id(each) for each in (1.0, "7", "-3", "07", "1e3", "x", 10**20)] == [
        1, 7, -3, "07", "1e3", "x", 10**20,
    ]  # fmt: skip
    assert [same_id(each) for each in (None, True, 0.5, [], float("nan"))] == [None] * 5
    assert sorted(["10", "9"], key=in_order) == ["10", "9"]
    assert sorted([10, 9], key=in_order) == [9, 10]


def test_areas_in_micrometres(evaluate):
    areas = {"areas": {"cells": [0, 500], "clumps": [500, None]}}
    # 1600 square pixels are 400 square micrometres at 0.5.
    found = evaluate("detection", scene(), pixel_size=0.5, **areas, **FAST)["metrics"]
    assert found["ap_cells"]["n"] == 2
    assert found["ap_clumps"]["undefined"] == "no_objects"
    text = evaluate("detection", scene(), areas='{"clumps": [500, null]}', **FAST)
    assert text["metrics"]["ap_clumps"]["n"] == 2
    assert text["areas"] == [{"name": "clumps", "low": 500, "high": None}]
    with pytest.raises(ConflictingParameter, match="areas"):
        evaluate("detection", scene(), pixel_size=0.5, **FAST)


@pytest.mark.parametrize(
    "options",
    [
        {"areas": {"all": [0, 1]}}, {"areas": {"a": [5, 1]}}, {"areas": {"A1": [0, 1]}},
        {"areas": {}}, {"areas": "{"}, {"iou_thresholds": [0]}, {"iou_thresholds": "1.5"},
        {"iou_thresholds": []}, {"max_detections": 0}, {"match_iou": 0},
    ],
)  # fmt: skip
def test_options_that_mean_nothing(options, evaluate):
    with pytest.raises(ValueError, match=next(iter(options))):
        evaluate("detection", scene(), **options)
