"""Runs: how predictions are cut into chunks changes no number, and no chunk spoils a report."""

from __future__ import annotations

import json
import math
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brightfield.errors import InvalidParameter, InvalidRows, MissingValues, UnfitChunk
from brightfield.images.limits import Limits
from brightfield.metrics import catalog
from brightfield.metrics.chunks.chunk import RunChunks
from brightfield.metrics.chunks.frames import merged
from brightfield.metrics.evaluation import DataLimits
from brightfield.metrics.reading.columns import ScoreColumns
from brightfield.progress import no_progress

LIMITS = DataLimits(Limits(10**7), 10**7)
CI = {"method": "percentile", "resamples": 20}


def plain(report: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(report, allow_nan=False))
    return found


def in_chunks(evaluation, chunks, order=None):
    """The report about a run with these chunks, posted in `order`."""
    frame, sizes, payloads = None, {}, {}
    for key in order or list(chunks):
        chunk = evaluation.chunk(chunks[key], LIMITS, no_progress)
        frame = merged(frame, chunk.frame)
        sizes[key], payloads[key] = chunk.rows, (key, chunk.media_type, chunk.payload)
    parts = RunChunks(sizes, frame or {}, iter(payloads.values()))
    return plain(evaluation.together(parts, LIMITS, no_progress))


def nameless(report):
    """Without what rows without an id are named by, and so without an order among them."""
    worst = [{k: v for k, v in e.items() if k not in ("row", "chunk")} for e in report["worst"]]
    excluded = [
        {k: v for k, v in e.items() if k not in ("row", "chunk")} for e in report["excluded"]
    ]
    return {**report, "worst": worst, "excluded": sorted(excluded, key=json.dumps)}


def cut(data, count, rng):
    """The columns in so many pieces of random sizes, some of them empty, in random order."""
    n = len(data["truth"])
    ends = sorted(rng.randrange(n + 1) for _ in range(count - 1))
    keys = [f"{rng.random():.6f}" for _ in range(count)]
    return {
        key: {name: column[a:b] for name, column in data.items()}
        for key, a, b in zip(keys, [0, *ends], [*ends, n], strict=True)
    }


SCORE = st.sampled_from([0.0, -0.0, 0.1, 0.25, 0.25, 0.5, 0.9, 1.0, None, math.nan, math.inf, 3.5])
ROW = st.tuples(st.sampled_from([0, 1, 1, None]), SCORE, st.sampled_from(["p", "q", "r", None]))


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(ROW, max_size=40),
    grouped=st.booleans(),
    named=st.booleans(),
    count=st.integers(1, 7),
    seed=st.integers(0, 2**32),
)
def test_cutting_changes_no_number(rows, grouped, named, count, seed):
    rng = random.Random(seed)
    data = {"truth": [row[0] for row in rows], "scores": [row[1] for row in rows]}
    if grouped:
        data["groups"] = [row[2] for row in rows]
    if named:
        data["ids"] = [f"id {i * 7919 % 1009}" for i in range(len(rows))]
    evaluation = catalog()["classification"](ci=CI)
    once = plain(evaluation.evaluate(data, LIMITS, no_progress))
    chunks = cut(data, count, rng)
    found = in_chunks(evaluation, chunks, rng.sample(list(chunks), len(chunks)))
    assert nameless(found) == nameless(once)
    if named:
        assert found == in_chunks(evaluation, cut(data, 3, rng))


def test_several_classes_in_text_with_predictions():
    rng = np.random.default_rng(0)
    labels = ["healthy", "infected", "unsure"]
    data = {
        "truth": [labels[i] for i in rng.integers(0, 3, 50)],
        "scores": rng.dirichlet(np.ones(3), 50).round(1).tolist(),
        "predictions": [labels[i] for i in rng.integers(0, 3, 50)],
    }
    evaluation = catalog()["classification"](labels=labels, ci=CI)
    once = plain(evaluation.evaluate(data, LIMITS, no_progress))
    assert nameless(in_chunks(evaluation, cut(data, 9, random.Random(1)))) == nameless(once)
    with pytest.raises(InvalidParameter, match="name them with `labels` in the options of the run"):
        catalog()["classification"]().chunk(data, LIMITS, no_progress)


def test_rows_without_an_id_are_named_by_chunk_and_row():
    evaluation = catalog()["classification"](ci={"method": "none"}, worst=1)
    found = in_chunks(
        evaluation,
        {
            "b": {"truth": [0, 1], "scores": [0.1, 0.2]},
            "a": {"truth": [1, 1, None], "scores": [0.9, 0.8, 0.7]},
            "a0": {"truth": [], "scores": []},
        },
    )
    assert [(e["chunk"], e["row"]) for e in found["worst"]] == [("b", 1)]
    assert found["excluded"] == [{"chunk": "a", "row": 2, "reason": "missing_truth"}]


def test_the_same_content_has_one_digest_however_it_comes():
    evaluation = catalog()["classification"]()
    columns = {"truth": [0, 1], "scores": [0.5, 0.0], "ids": [7, 8]}
    arrays = {"truth": np.array([0.0, 1.0]), "scores": np.float32([0.5, -0.0]), "ids": ["7", "8"]}
    one, other = (evaluation.chunk(d, LIMITS, no_progress) for d in (columns, arrays))
    assert one.sha256 == other.sha256
    changed = evaluation.chunk({**columns, "scores": [0.5, 0.1]}, LIMITS, no_progress)
    assert changed.sha256 != one.sha256


BINARY = {"truth": [0, 1], "scores": [0.1, 0.9]}


@pytest.mark.parametrize(
    "other",
    [
        {"truth": [0, 2], "scores": [[0.1, 0.2, 0.7]] * 2},
        {"truth": [0], "scores": [[0.4, 0.6]]},
        {"truth": [0], "predictions": [1]},
        {**BINARY, "groups": ["a", "b"]},
        {**BINARY, "ids": ["a", "b"]},
        {"truth": ["a"], "scores": ScoreColumns(("a", "b"), ([0.1], [0.9]))},
    ],
)
def test_a_chunk_with_other_columns_is_refused_in_either_order(other):
    evaluation = catalog()["classification"]()
    for first, second in ((BINARY, other), (other, BINARY)):
        with pytest.raises(UnfitChunk):
            in_chunks(evaluation, {"1": first, "2": second})


@pytest.mark.parametrize("other", [BINARY, {"truth": [2, 1], "scores": [[0.1, 0.2, 0.7]] * 2}])
def test_a_chunk_without_any_score_fits_all(other):
    evaluation = catalog()["classification"](ci={"method": "none"})
    blank = {"truth": [1, 0], "scores": [None, math.nan]}
    for chunks in ({"1": blank, "2": other}, {"2": other, "1": blank}):
        report = in_chunks(evaluation, chunks)
        assert (report["n"], len(report["excluded"])) == (2, 2)
    assert in_chunks(evaluation, {"1": blank})["metrics"]["auroc"]["undefined"] == "no_rows"
    assert in_chunks(evaluation, {})["n"] == 0


MASK = {"array": [[0, 1, 1], [0, 0, 1]]}
PAIRS = [
    {
        "truth": MASK,
        "prediction": {"array": [[0, 1, 0], [0, 0, index % 2]]},
        "group": f"g{index % 3}",
    }
    for index in range(6)
] + [
    {"truth": MASK, "prediction": None, "group": "g0"},
    {"truth": MASK, "prediction": MASK, "group": None},
]
TRUTH = {
    "images": [{"id": index} for index in (3, 1, 2)],
    "categories": [{"id": 1, "name": "cell"}, {"id": 2, "name": "clump"}],
    "annotations": [
        {"id": index, "image_id": index % 3 + 1, "category_id": index % 2 + 1,
         "bbox": [10 * index, 5, 20, 20]}
        for index in range(8)
    ],
}  # fmt: skip
FOUND = [
    {"image_id": i % 3 + 1, "category_id": i % 2 + 1, "bbox": [10 * i + 2, 5, 20, 20],
     "score": None if i == 4 else 0.5 + i / 20}
    for i in range(9)
]  # fmt: skip


@pytest.mark.parametrize("named", [True, False])
def test_pairs_in_chunks(named):
    pairs = [{**pair, "id": f"c{9 - i}"} if named else pair for i, pair in enumerate(PAIRS)]
    evaluation = catalog()["segmentation"](ci=CI)
    once = plain(evaluation.evaluate({"pairs": pairs}, LIMITS, no_progress))
    chunks = {"x": {"pairs": pairs[5:]}, "y": {"pairs": []}, "a": {"pairs": pairs[:5]}}
    found = in_chunks(evaluation, chunks)
    names = ("row", "chunk")
    for report in (once, found):
        report["cases"] = [{k: v for k, v in c.items() if k not in names} for c in report["cases"]]
    assert nameless(found) == nameless(once)
    missing = [{"id": "c2"}, {"id": "c3"}] if named else [{"chunk": "x", "row": i} for i in (1, 2)]
    assert [{**e, "reason": ""} for e in found["excluded"]] == [
        {**e, "reason": ""} for e in missing
    ]


def test_images_that_are_not_finite_stay_so():
    nan = {"array": [[math.nan, 1.0]]}
    pairs = [{"reference": nan, "image": nan}]
    report = in_chunks(catalog()["restoration"](), {"1": {"pairs": pairs}})
    assert report["excluded"] == [{"chunk": "1", "row": 0, "reason": "not_finite"}]


def test_detections_in_chunks_of_whole_images():
    evaluation = catalog()["detection"](ci=CI)
    groups = ["a", "b", "a"]
    data = {"ground_truth": TRUTH, "detections": FOUND, "groups": groups}
    once = plain(evaluation.evaluate(data, LIMITS, no_progress))

    def about(*images):
        own = {
            **TRUTH,
            "images": [image for image in TRUTH["images"] if image["id"] in images],
            "annotations": [a for a in TRUTH["annotations"] if a["image_id"] in images],
        }
        detections = [entry for entry in FOUND if entry["image_id"] in images]
        names = [g for g, i in zip(groups, TRUTH["images"], strict=True) if i["id"] in images]
        return {"ground_truth": own, "detections": detections, "groups": names}

    found = in_chunks(evaluation, {"z": about(1, 3), "b": about(), "a": about(2)})
    assert found["excluded"] == [{"chunk": "a", "row": 1, "reason": "missing_score"}]
    rows = [each.pop("detection") for each in found["partners"]]
    assert {"chunk": "z", "row": 0} in rows
    for each in once["partners"]:
        del each["detection"]
    assert {**found, "excluded": []} == {**once, "excluded": []}
    other = {**about(2), "ground_truth": {**TRUTH, "categories": [{"id": 1, "name": "x"}]}}
    other["ground_truth"] |= {"annotations": [], "images": []}
    with pytest.raises(UnfitChunk, match="'x' here and 'cell' in other chunks"):
        in_chunks(evaluation, {"z": about(1, 3), "a": {**other, "detections": [], "groups": []}})
    with pytest.raises(InvalidRows, match="no such id"):
        evaluation.chunk({**about(1), "detections": FOUND}, LIMITS, no_progress)


@pytest.mark.parametrize(
    ("task", "options", "data"),
    [
        ("classification", {}, {"truth": [0, None], "scores": [0.1, 0.2]}),
        ("segmentation", {}, {"pairs": [{"truth": MASK, "prediction": None}]}),
        ("segmentation", {}, {"pairs": [{"truth": MASK, "prediction": MASK, "group": None}]}),
    ],
)
def test_what_would_be_refused_later_is_refused_when_it_comes(task, options, data):
    evaluation = catalog()[task](missing="refuse", **options)
    with pytest.raises(MissingValues):
        evaluation.chunk(data, LIMITS, no_progress)
