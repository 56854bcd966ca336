"""Numbers by the values of a column are those of its rows alone."""

from __future__ import annotations

import json

import numpy as np
import pytest

from brightfield.errors import InvalidParameter, InvalidRows, UnknownParameter
from brightfield.images.limits import Limits
from brightfield.metrics import catalog
from brightfield.metrics.chunks.chunk import RunChunks
from brightfield.metrics.chunks.frames import merged
from brightfield.metrics.evaluation import DataLimits
from brightfield.metrics.reading.csv_columns import read_csv
from brightfield.metrics.reports import parts
from brightfield.progress import no_progress

CI = {"resamples": 30}
LIMITS = DataLimits(Limits(10**7), 10**7)
SITES = ["B", "A", "A", "B", "", "A"] * 10


def rows(classes):
    rng = np.random.default_rng(classes)
    truth = rng.integers(0, classes, len(SITES))
    scores = rng.dirichlet(np.ones(classes), len(SITES)) + np.eye(classes)[truth]
    return truth, scores[:, 1] if classes == 2 else scores


def of_site(values, site):
    return [value for value, own in zip(values, SITES, strict=True) if own == site]


@pytest.mark.parametrize("classes", [2, 3])
def test_of_classes_at_the_threshold_of_the_whole(classes, evaluate):
    truth, scores = rows(classes)
    data = {"truth": truth, "scores": scores, "columns": {"site": SITES}}
    report = evaluate("classification", data, by="site", ci=CI)
    assert [(e["column"], e["value"], e["n"]) for e in report["by"]] == [
        ("site", "A", 30),
        ("site", "B", 20),
    ]
    assert [w["code"] for w in report["warnings"]][-1] == "without_value"
    frozen = {}
    if classes == 2:
        frozen = {"threshold": report["operating_point"]["threshold"]}
    for entry in report["by"]:
        own = {"truth": of_site(truth, entry["value"]), "scores": of_site(scores, entry["value"])}
        own = {name: np.array(column) for name, column in own.items()}
        alone = evaluate("classification", own, ci=CI, **frozen)
        assert entry["metrics"] == alone["metrics"]
        for part, whole in zip(entry.get("per_class", ()), alone["per_class"], strict=True):
            assert part["metrics"] == whole["metrics"]


def test_a_part_with_scores_from_0_to_1_has_no_probabilities_if_the_whole_has_none(evaluate):
    data = {"truth": [0, 1, 0, 1], "scores": [0.2, 0.7, -3, 4], "columns": {"s": list("aabb")}}
    report = evaluate("classification", data, by="s", ci={"method": "none"})
    reasons = [entry["metrics"]["brier"]["undefined"] for entry in report["by"]]
    assert reasons == ["not_probabilities"] * 2


def mask_pairs():
    mask = np.zeros((12, 12), int)
    mask[3:8, 3:8] = 1
    return [
        {
            "id": str(i),
            "truth": {"array": mask.tolist()},
            "prediction": {"array": np.roll(mask, i % 3, 0).tolist()},
        }
        for i in range(6)
    ]


def test_of_pairs_as_members_and_as_a_list(evaluate):
    pairs, sites = mask_pairs(), ["x", "y", "x", "y", None, "x"]
    beside = {"pairs": pairs, "columns": {"site": sites}}
    report = evaluate("segmentation", beside, by="site", ci=CI)
    inside = {"pairs": [{**p, "site": s} for p, s in zip(pairs, sites, strict=True)]}
    assert evaluate("segmentation", inside, by="site", ci=CI) == report
    for entry in report["by"]:
        own = [p for p, site in zip(pairs, sites, strict=True) if site == entry["value"]]
        alone = evaluate("segmentation", {"pairs": own}, ci=CI)
        assert [entry[name] for name in ("metrics", "pooled", "per_class")] == [
            alone[name] for name in ("metrics", "pooled", "per_class")
        ]


def scene(kept=range(6)):
    truth = {
        "images": [{"id": i, "site": "ab"[i % 2]} for i in kept],
        "categories": [{"id": 1, "name": "cell"}],
        "annotations": [
            {"id": i + 1, "image_id": i, "category_id": 1, "bbox": [5, 5, 20, 20]} for i in kept
        ],
    }
    found = [
        {"image_id": i, "category_id": 1, "bbox": [5 + 2 * i, 5, 20, 20], "score": 0.5}
        for i in kept
    ]
    return {"ground_truth": truth, "detections": found}


def test_of_images(evaluate):
    report = evaluate("detection", scene(), by="site", ci=CI)
    for start, entry in enumerate(report["by"]):
        alone = evaluate("detection", scene(range(start, 6, 2)), ci=CI)
        assert entry["metrics"] == alone["metrics"]
        assert entry["per_class"][0]["metrics"] == alone["per_class"][0]["metrics"]
    bare = scene()
    sites = [image.pop("site") for image in bare["ground_truth"]["images"]]
    listed = {**bare, "columns": {"site": sites}}
    assert evaluate("detection", listed, by="site", ci=CI)["by"] == report["by"]


def of_run(task, chunks, **options):
    evaluation = catalog()[task](ci=CI, **options)
    frame, sizes, payloads = None, {}, []
    for key, data in chunks.items():
        chunk = evaluation.chunk(data, LIMITS, no_progress)
        frame, sizes[key] = merged(frame, chunk.frame), chunk.rows
        payloads.append((key, chunk.media_type, chunk.payload))
    return evaluation.together(RunChunks(sizes, frame, payloads), LIMITS, no_progress)


def test_chunks_give_what_one_call_gives(evaluate):
    truth, scores = rows(2)
    groups = [f"p{i % 7}" for i in range(len(SITES))]
    whole = {"truth": truth, "scores": scores, "groups": groups, "columns": {"site": SITES}}
    report = evaluate("classification", whole, by="site,group", ci=CI)
    halves = {}
    for key, own in (("late", slice(25, None)), ("early", slice(25))):
        halves[key] = {"truth": truth[own], "scores": scores[own], "groups": groups[own]}
        halves[key]["columns"] = {"site": SITES[own]}
    found = of_run("classification", halves, by="site,group")
    assert json.loads(json.dumps(found["by"])) == report["by"]

    pairs = [{**pair, "site": "ab"[i % 2]} for i, pair in enumerate(mask_pairs())]
    report = evaluate("segmentation", {"pairs": pairs}, by="site", ci=CI)
    found = of_run(
        "segmentation", {"b": {"pairs": pairs[2:]}, "a": {"pairs": pairs[:2]}}, by="site"
    )
    assert json.loads(json.dumps(found["by"])) == report["by"]
    found = of_run("detection", {"a": scene(range(2)), "b": scene(range(2, 6))}, by="site")
    expected = evaluate("detection", scene(), by="site", ci=CI)["by"]
    assert json.loads(json.dumps(found["by"])) == expected


def test_columns_of_csv(evaluate):
    table = b"truth,score,site\n0,.1,x\n1,.8,x\n0,.3,y\n1,.2,\n"
    report = evaluate("classification", read_csv(table), by="site", ci=CI)
    assert [entry["n"] for entry in report["by"]] == [2, 1]


def test_columns_that_are_not_there_or_not_asked_for_are_refused(evaluate):
    data = {"truth": [0, 1], "scores": [0.1, 0.9]}
    with pytest.raises(InvalidParameter, match="names a column that the data has not"):
        evaluate("classification", data, by="site")
    with pytest.raises(UnknownParameter, match="send by=site"):
        evaluate("classification", {**data, "columns": {"site": ["a", "b"]}})
    with pytest.raises(InvalidRows, match="has 1 values"):
        evaluate("classification", {**data, "columns": {"site": ["a"]}}, by="site")


def test_of_many_values_the_most_frequent_have_numbers(evaluate, monkeypatch):
    monkeypatch.setattr(parts, "MOST_VALUES", 2)
    data = {"truth": [0, 1] * 3, "scores": [0.1, 0.9] * 3, "columns": {"s": list("abbccc")}}
    report = evaluate("classification", data, by="s", ci=CI)
    assert [entry["value"] for entry in report["by"]] == ["b", "c"]
    assert report["warnings"][-1]["code"] == "many_values"
