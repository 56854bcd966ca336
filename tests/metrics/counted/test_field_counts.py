"""How many objects are in an image, and how many were detected."""

from __future__ import annotations

import numpy as np
import pytest

FAST = {"ci": {"method": "none"}}


def box(image, place, category=1, **more):
    found = {"image_id": image, "category_id": category, "bbox": [20 * place, 0, 10, 10]}
    return {**found, "score": 0.9, **more}


def fields(found_of, crowd=()):
    """Three objects in each image, two of the first category, and what was detected there."""
    annotations = [
        {**box(image, place, 1 + place // 2), "id": 3 * image + place + 1}
        for image in range(len(found_of))
        for place in range(3)
    ]
    annotations += [
        {**box(image, 5), "id": 1000 + image, "iscrowd": 1, "bbox": [100, 0, 60, 60]}
        for image in crowd
    ]
    return {
        "ground_truth": {
            "images": [{"id": image} for image in range(len(found_of))],
            "categories": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}],
            "annotations": annotations,
        },
        "detections": [one for image, found in enumerate(found_of) for one in found(image)],
    }


def test_mean_and_limits_of_what_each_image_has_too_many(evaluate):
    def found(count):
        return lambda image: [box(image, place) for place in range(count)]

    data = fields([found(count) for count in (3, 5, 0, 4, 3, 2)], crowd=[0, 3])
    report = evaluate("detection", data)
    errors = np.array([0, 2, -3, 1, 0, -1])
    assert [case["count_error"] for case in report["cases"]] == errors.tolist()
    assert report["cases"][1] == {
        "id": 1, "true_objects": 3, "found_objects": 5, "count_error": 2,
    }  # fmt: skip
    metrics = report["metrics"]
    assert metrics["count_error"]["value"] == pytest.approx(errors.mean())
    reach = 1.959964 * errors.std(ddof=1)
    assert metrics["count_limit_low"]["value"] == pytest.approx(errors.mean() - reach)
    assert metrics["count_limit_high"]["value"] == pytest.approx(errors.mean() + reach)
    low, high = metrics["count_error"]["ci"]
    half = 2.570582 * errors.std(ddof=1) / np.sqrt(6)  # Student's t, 5 degrees of freedom
    assert (low, high) == pytest.approx((errors.mean() - half, errors.mean() + half))
    of_b = report["per_class"][1]["metrics"]["count_error"]
    assert of_b["value"] == -1  # one object in each image, and no detection


def test_detections_in_crowds_and_below_the_threshold_do_not_count(evaluate):
    def found(image):
        inside = [box(image, 5, bbox=[110 + 12 * n, 5, 10, 10]) for n in range(3)]
        return [*(box(image, place) for place in range(2)), box(image, 9, score=0.2), *inside]

    data = fields([found] * 3, crowd=[0, 1, 2])
    counts = [
        evaluate("detection", data, threshold=threshold, **FAST)["cases"][0]["found_objects"]
        for threshold in (None, 0.5)
    ]
    assert counts == [3, 2]


def test_candidates_of_any_score_are_warned_of(evaluate):
    data = fields([lambda image: [box(image, place, score=0.05) for place in range(40)]] * 3)
    codes = [
        {note["code"] for note in evaluate("detection", data, threshold=t, **FAST)["warnings"]}
        for t in (None, 0.01)
    ]
    assert ["counted_at_any_score" in own for own in codes] == [True, False]
