from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask
from sklearn.metrics import f1_score, jaccard_score

from brightfield.errors import (
    BrightfieldError,
    ConflictingParameter,
    InvalidParameter,
    InvalidRows,
    MissingValues,
    UnknownParameter,
)
from brightfield.metrics.counted.boundary import boundary_overlap

FAST = {"ci": {"method": "none"}}


def array(mask):
    return {"array": np.asarray(mask).tolist()}


def pairs(*masks, **members):
    return [
        {"truth": array(truth), "prediction": array(prediction), **members}
        for truth, prediction in masks
    ]


def noise(seed, values, shape=(12, 14)):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, values, shape)
    return truth, np.where(rng.random(shape) < 0.7, truth, rng.integers(0, values, shape))


def test_overlap_per_case_and_pooled_against_scikit_learn(evaluate):
    masks = [noise(seed, 3, (6 + seed, 9)) for seed in range(4)]
    report = evaluate("segmentation", {"pairs": pairs(*masks)}, labels="ground,a,b", **FAST)
    by_row = sorted(report["cases"], key=lambda case: case["row"])
    for case, (truth, prediction) in zip(by_row, masks, strict=True):
        flat = truth.ravel(), prediction.ravel()
        foreground = {"labels": [1, 2], "average": "macro"}
        assert case["iou"] == pytest.approx(jaccard_score(*flat, **foreground))
        assert case["dice"] == pytest.approx(f1_score(*flat, **foreground))
        assert case["pixel_accuracy"] == pytest.approx((truth == prediction).mean())
    mean = np.mean([case["iou"] for case in by_row])
    assert report["metrics"]["iou"]["value"] == pytest.approx(mean)
    truth, prediction = (np.concatenate([m[i].ravel() for m in masks]) for i in (0, 1))
    each = jaccard_score(truth, prediction, labels=[1, 2], average=None)
    assert report["pooled"]["iou"]["value"] == pytest.approx(each.mean())
    assert [entry["label"] for entry in report["per_class"]] == ["a", "b"]
    assert np.sum(report["confusion"]["counts"]) == truth.size


def png(mask):
    stream = io.BytesIO()
    Image.fromarray(mask).save(stream, "PNG")
    return {"png": base64.b64encode(stream.getvalue()).decode()}


def npy(mask):
    stream = io.BytesIO()
    np.save(stream, mask)
    return {"npy": base64.b64encode(stream.getvalue()).decode()}


def rle(mask):
    encoded = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"rle": {"size": encoded["size"], "counts": encoded["counts"].decode()}}


def test_a_mask_has_many_forms(evaluate):
    mask = noise(1, 2)[0].astype(bool)
    forms = [
        array(mask), array(mask.astype(float)), npy(mask), npy(np.asfortranarray(mask * 3.0)),
        png(mask), png(mask.astype(np.uint8)), png(mask * np.uint8(255)), png(mask * np.uint16(9)),
        rle(mask),
    ]  # fmt: skip
    data = {"pairs": [{"truth": forms[0], "prediction": form} for form in forms]}
    report = evaluate("segmentation", data, **FAST)
    assert [case["iou"] for case in report["cases"]] == [1] * len(forms)
    two = {"pairs": [{"truth": array(mask), "prediction": png(mask * np.uint8(255))}]}
    assert evaluate("segmentation", two, labels="no,yes", **FAST)["metrics"]["iou"]["value"] == 1


def test_objects(evaluate):
    truth = np.zeros((10, 20), int)
    truth[1:5, 1:5], truth[1:5, 10:14], truth[7:9, 2:9] = 3, 5, 9
    found = np.zeros_like(truth)
    found[1:5, 1:4], found[1:5, 10:14], found[7:9, 12:19] = 1, 2, 3
    report = evaluate("segmentation", {"pairs": pairs((truth, found))}, mode="instance", **FAST)
    (case,) = report["cases"]
    assert case["rq"] == pytest.approx(4 / 6)
    assert case["sq"] == pytest.approx((12 / 16 + 1) / 2)
    assert case["pq"] == pytest.approx(case["sq"] * case["rq"])
    assert (case["f1_at_0.7"], case["f1_at_0.75"]) == pytest.approx((4 / 6, 2 / 6))
    assert report["objects"] == {"true": 3, "found": 3, "merges": 0, "splits": 0}
    several = [rle(truth == 3)["rle"], rle(truth == 5)["rle"], rle(truth == 9)["rle"]]
    data = {"pairs": [{"truth": {"rle": several}, "prediction": array(found)}]}
    assert evaluate("segmentation", data, mode="instance", **FAST)["cases"] == report["cases"]


def test_empty_masks_have_reasons_and_do_not_count(evaluate):
    some, none = np.eye(5, dtype=int), np.zeros((5, 5), int)
    data = {"pairs": pairs((none, none), (some, none), (none, some), (some, some))}
    for mode in ("semantic", "instance"):
        report = evaluate("segmentation", data, mode=mode)
        cases = {case["row"]: case for case in report["cases"]}
        assert cases[0]["undefined"]["dice"] == "both_empty"
        assert (cases[1]["dice"], cases[1]["undefined"]["hd95"]) == (0, "empty_prediction")
        assert cases[2]["undefined"]["assd"] == "empty_truth"
        assert report["metrics"]["dice"]["value"] == pytest.approx(1 / 3)
        assert report["metrics"]["dice"]["n"] == 3
    assert cases[0]["undefined"]["pq"] == "both_empty"
    assert cases[1]["undefined"]["sq"] == "no_matches"
    alone = evaluate("segmentation", {"pairs": pairs((none, none))})
    assert alone["metrics"]["iou"]["undefined"] == "both_empty"
    assert alone["pooled"]["iou"]["undefined"] == "both_empty"
    assert evaluate("segmentation", {"pairs": []})["metrics"]["iou"]["undefined"] == "no_cases"


def test_micrometres_and_tolerance(evaluate):
    truth, found = np.zeros((9, 30), int), np.zeros((9, 30), int)
    truth[2:7, 5], found[2:7, 9] = 1, 1
    data = {"pairs": pairs((truth, found))}
    plain = evaluate("segmentation", data, **FAST)
    assert (plain["metrics"]["hd95"]["value"], plain["unit"]) == (4, "pixel")
    fine = evaluate("segmentation", data, pixel_size="2,0.5", tolerance=2.0, **FAST)
    assert (fine["metrics"]["hd95"]["value"], fine["unit"]) == (2, "um")
    assert fine["metrics"]["nsd"]["value"] == 1
    assert plain["metrics"]["nsd"]["value"] == 0


def test_the_order_of_pairs_changes_nothing(evaluate):
    masks = [noise(seed, 4) for seed in range(8)]
    data = pairs(*masks)
    for index, pair in enumerate(data):
        pair["group"] = index // 3
    reports = [
        evaluate("segmentation", {"pairs": order}, mode="instance") for order in (data, data[::-1])
    ]
    for report in reports:
        for entry in (*report["cases"], *report["worst"]):
            del entry["row"]
    assert reports[0] == reports[1]
    assert reports[0]["metrics"]["iou"]["ci"] is not None
    apart = {"pairs": pairs(*masks), "groups": [i // 3 for i in range(8)]}
    assert evaluate("segmentation", apart, mode="instance")["metrics"] == reports[0]["metrics"]


@pytest.mark.parametrize(
    ("pair", "fault"),
    [
        ({"truth": array([[0, 1]]), "prediction": array([[0], [1]])}, InvalidRows),
        ({"truth": array([[0, 0.5]]), "prediction": array([[0, 1]])}, InvalidRows),
        ({"truth": array([[0, -1]]), "prediction": array([[0, 1]])}, InvalidRows),
        ({"truth": array([[0, 7]]), "prediction": array([[0, 1]])}, InvalidRows),
        ({"truth": {"png": "no picture"}, "prediction": array([[0, 1]])}, BrightfieldError),
        ({"truth": {"gif": ""}, "prediction": array([[0, 1]])}, InvalidRows),
        ({"truth": {"array": [[0], [1, 2]]}, "prediction": array([[0, 1]])}, InvalidRows),
        ({"truth": {"rle": {"size": [9, 9], "counts": "x"}}, "prediction": 1}, BrightfieldError),
        ({"mask": array([[0, 1]]), "prediction": array([[0, 1]])}, UnknownParameter),
        ("pair", InvalidRows),
    ],
)
def test_wrong_pairs_are_named(pair, fault, evaluate):
    good = pairs(([[0, 1]], [[0, 1]]))
    with pytest.raises(fault) as caught:
        evaluate("segmentation", {"pairs": [*good, pair]}, labels="a,b,c")
    assert caught.value.errors[0]["row"] == 1
    assert 400 <= caught.value.status < 500


def test_what_is_missing(evaluate):
    good = pairs(([[0, 1]], [[0, 1]]))
    data = {"pairs": [*good, {"truth": array([[0, 1]]), "prediction": None}]}
    report = evaluate("segmentation", data)
    assert report["excluded"] == [{"row": 1, "reason": "missing_image"}]
    with pytest.raises(MissingValues):
        evaluate("segmentation", data, missing="refuse")
    with pytest.raises(ConflictingParameter):
        evaluate("segmentation", {"pairs": pairs(([[1]], [[1]]), group="x"), "groups": ["x"]})
    with pytest.raises(InvalidRows, match="same id"):
        evaluate("segmentation", {"pairs": pairs(([[1]], [[1]]), ([[1]], [[1]]), id=4)})
    with pytest.raises(InvalidParameter):
        evaluate("segmentation", {"pairs": good}, pixel_size="1,1,1")


def test_numbers_that_are_asked_for(evaluate):
    truth, other = (np.zeros((30, 40), int) for _ in range(2))
    truth[5:20, 5:25], other[6:20, 5:29] = 1, 1
    data = {"pairs": pairs((truth, other), (truth, truth * 0))}
    plain = evaluate("segmentation", data, **FAST)
    assert not {"hd100", "boundary_iou"} & set(plain["metrics"])
    options = {"hausdorff": "100,50", "boundary_width": 1, "pixel_size": 0.5}
    report = evaluate("segmentation", data, **options, **FAST)
    found, missed = sorted(report["cases"], key=lambda case: case["row"])
    assert (found["hd100"], missed["undefined"]["hd100"]) == (2, "empty_prediction")
    assert report["metrics"]["hd50"]["n"] == 1
    both, either = boundary_overlap(truth > 0, other > 0, (0.5, 0.5), 1, None)
    assert found["boundary_iou"] == both / either
    assert missed["boundary_iou"] == 0
    assert 0 < report["pooled"]["boundary_iou"]["value"] < found["boundary_iou"]
    assert report["per_class"][0]["metrics"]["hd100"]["value"] == 2
    far = evaluate("segmentation", data, missing_distance="diagonal", **options, **FAST)
    assert {case["hd50"] for case in far["cases"]} >= {25}
