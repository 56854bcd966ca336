"""Which class is taken for which, and which object was found by what, counted by hand."""

from __future__ import annotations

import pytest

FAST = {"ci": {"method": "none"}}
CELLS = [{"id": 1, "name": "red"}, {"id": 2, "name": "white"}]


def at(x, category=1, **more):
    return {"image_id": 7, "category_id": category, "bbox": [float(x), 0.0, 10.0, 10.0], **more}


def scene():
    """Of five red cells and a white one two are found, one is taken for a white one, three are
    missed; one detection is of nothing."""
    true = [at(100 * number) for number in range(5)] + [at(500, 2)]
    annotations = [{**each, "id": f"cell-{number}"} for number, each in enumerate(true)]
    found = [
        at(900, score=0.7),
        at(201, 2, score=0.6),
        at(100, score=0.5),
        at(2, score=0.9),
        at(0, 2, score=0.95),  # of another class, over a cell that is found: no confusion
    ]
    truth = {"images": [{"id": 7}], "categories": CELLS, "annotations": annotations}
    return {"ground_truth": truth, "detections": found}


def test_the_confusion_matrix(evaluate):
    report = evaluate("detection", scene(), **FAST)
    assert report["confusion"]["labels"] == ["red", "white", "background"]
    assert report["confusion"]["counts"] == [[2, 1, 2], [0, 0, 1], [1, 1, 0]]
    assert report["confusion"]["normalized"][0] == pytest.approx([0.4, 0.2, 0.4])
    assert report["errors"]["true_positives"] == 2
    assert report["errors"]["detections"] == 5


def test_every_object_has_its_partner(evaluate):
    report = evaluate("detection", scene(), **FAST)
    assert report["partners_n"] == 6
    outcomes = {each["id"]: each["outcome"] for each in report["partners"]}
    assert outcomes == {
        "cell-0": "found", "cell-1": "found", "cell-2": "confused", "cell-3": "missed",
        "cell-4": "missed", "cell-5": "missed",
    }  # fmt: skip
    first, _, third, fourth, *_ = report["partners"]
    assert (first["detection"], first["score"]) == ({"row": 3}, 0.9)
    assert first["iou"] == pytest.approx(80 / 120)
    assert (third["detection"], third["prediction"]) == ({"row": 1}, "white")
    assert (fourth["image_id"], fourth["detection"], fourth["iou"]) == (7, None, None)
    few = evaluate("detection", scene(), list_partners=2, **FAST)
    assert (len(few["partners"]), few["partners_n"]) == (2, 6)
    assert few["warnings"][0]["code"] == "partners_not_listed"


def test_without_classes_any_detection_finds_an_object(evaluate):
    report = evaluate("detection", scene(), class_agnostic=True, **FAST)
    assert report["per_class"] == []
    # The best detection of the first cell is a white one; the other one is a duplicate.
    assert report["confusion"]["counts"] == [[1, 2, 2], [0, 0, 1], [2, 0, 0]]
    assert report["errors"]["counts"]["classification"] == 0
    assert report["errors"]["counts"]["duplicate"] == 1
    assert {each["outcome"] for each in report["partners"]} == {"found", "missed"}


def test_a_score_and_an_iou_of_ones_own(evaluate):
    strict = evaluate("detection", scene(), threshold=0.8, **FAST)
    assert strict["confusion"]["counts"] == [[1, 0, 4], [0, 0, 1], [0, 1, 0]]
    whole = evaluate("detection", scene(), match_iou=0.7, **FAST)
    # The detections that are shifted no longer hit, and the white one has its red cell.
    assert whole["errors"]["true_positives"] == 1
    assert whole["confusion"]["counts"] == [[1, 2, 2], [0, 0, 1], [2, 0, 0]]


def test_a_crowd_is_no_object(evaluate):
    data = scene()
    data["ground_truth"]["annotations"][4]["iscrowd"] = 1
    data["detections"].append(at(400, score=0.3))
    report = evaluate("detection", data, **FAST)
    assert report["confusion"]["counts"] == [[2, 1, 1], [0, 0, 1], [1, 1, 0]]
    assert report["partners_n"] == 5
