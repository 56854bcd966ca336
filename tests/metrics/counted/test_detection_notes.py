"""What is said of detections that a limit cuts, or that seem to mean something else."""

from __future__ import annotations

import numpy as np
import pytest

FAST = {"ci": {"method": "none"}}


def field(count, category=1, image=1):
    """So many cells side by side, and as many detections of them."""
    own = {"image_id": image, "category_id": category}
    boxes = [[30.0 * (n % 20), 30.0 * (n // 20), 20.0, 19.0 + image] for n in range(count)]
    true = [{**own, "bbox": box} for box in boxes]
    return true, [{**own, "bbox": box, "score": 0.9} for box in boxes]


def data(true, found, images=(1,), **size):
    truth = {
        "images": [{"id": key, **size} for key in images],
        "categories": [{"id": 1, "name": "cell"}, {"id": 2, "name": "debris"}],
        "annotations": true,
    }
    return {"ground_truth": truth, "detections": found}


def codes(report):
    return [each["code"] for each in report["warnings"]]


@pytest.mark.parametrize("count", [101, 150, 500])
def test_a_dense_field_is_counted_whole_and_the_cut_is_told(count, evaluate):
    report = evaluate("detection", data(*field(count)), **FAST)
    assert report["errors"]["true_positives"] == count
    assert report["errors"]["undetected"] == 0
    assert report["errors"]["counts"]["missed"] == 0
    assert all(each["outcome"] == "found" for each in report["partners"])
    (warning,) = report["warnings"]
    assert warning["code"] == "detections_cut"
    assert f"{count - 100} of {count} detections" in warning["detail"]
    assert f"max_detections={count}" in warning["detail"]
    assert report["metrics"]["ar_100"]["value"] == pytest.approx(100 / count)
    every = evaluate("detection", data(*field(count)), max_detections=count, **FAST)
    assert every["metrics"]["ap"]["value"] == pytest.approx(1)
    assert every["metrics"][f"ar_{count}"]["value"] == 1
    assert every["warnings"] == []


def test_a_limit_below_ten_has_fewer_recalls(evaluate):
    report = evaluate("detection", data(*field(20)), max_detections=5, **FAST)
    assert [
        name for name in report["metrics"] if name.startswith("ar_") and name[3:].isdecimal()
    ] == ["ar_1", "ar_5"]
    assert "15 of 20" in report["warnings"][0]["detail"]


def test_the_limit_is_of_each_category_and_image(evaluate):
    parts = [field(80, category, image) for category in (1, 2) for image in (1, 2)]
    true, found = ([each for part in parts for each in part[side]] for side in (0, 1))
    assert evaluate("detection", data(true, found, (1, 2)), **FAST)["warnings"] == []
    together = evaluate("detection", data(true, found, (1, 2)), class_agnostic=True, **FAST)
    assert "120 of 320 detections" in together["warnings"][0]["detail"]


def test_more_objects_than_detections_that_count(evaluate):
    true, found = field(130)
    (warning,) = evaluate("detection", data(true, found[:90]), **FAST)["warnings"]
    assert "Up to 130 objects" in warning["detail"]


def test_thousands_of_cells_in_a_field(evaluate):
    report = evaluate("detection", data(*field(3000)), max_detections=3000, **FAST)
    assert report["metrics"]["ap"]["value"] == pytest.approx(1)
    assert len(report["partners"]) == 3000


def test_an_object_that_is_there_twice(evaluate):
    true, found = field(3)
    report = evaluate("detection", data([*true, dict(true[0])], found), **FAST)
    assert codes(report) == ["repeated_objects"]


def test_boxes_in_another_form(evaluate):
    true, found = field(12)
    size = {"width": 640, "height": 480}
    corners = np.array([each["bbox"] for each in found]) + 400
    wrong = [{**e, "bbox": b} for e, b in zip(found, corners.tolist(), strict=True)]
    assert codes(evaluate("detection", data(true, wrong, **size), **FAST)) == [
        "boxes_beyond_images"
    ]
    shares = [{**e, "bbox": [n / 640 for n in e["bbox"]]} for e in found]
    assert codes(evaluate("detection", data(true, shares, **size), **FAST)) == [
        "boxes_of_one_pixel"
    ]
    assert codes(evaluate("detection", data(true, found, **size), **FAST)) == []


def test_what_is_sent_twice_and_boxes_in_shares_on_either_side(evaluate):
    true, found = field(3)
    again = evaluate(
        "detection", data(true, [*found, found[0], {**found[1], "score": 0.8}]), **FAST
    )
    assert codes(again) == ["repeated_detections"]
    alike = data(true, found)
    alike["ground_truth"]["categories"][1]["name"] = "cell"
    assert codes(evaluate("detection", alike, **FAST)) == ["repeated_labels"]
    shares = [
        [{**e, "bbox": [part / 700 for part in e["bbox"]]} for e in own] for own in (true, found)
    ]
    for sides in ((shares[0], found), (true, shares[1])):
        assert "boxes_of_one_pixel" in codes(evaluate("detection", data(*sides), **FAST))
    assert codes(evaluate("detection", data(*shares), **FAST)) == []
