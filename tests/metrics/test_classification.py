"""Reports as a whole: order, what is left out, degenerate rows."""

from __future__ import annotations

import hashlib
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brightfield.errors import BrightfieldError, ConflictingParameter, InvalidRows, MissingValues
from brightfield.images.limits import Limits
from brightfield.metrics import catalog
from brightfield.metrics.evaluation import DataLimits
from brightfield.progress import no_progress

TRUTH, SCORES = [0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]


def shuffled(data, order):
    return {name: [column[i] for i in order] for name, column in data.items()}


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("named", [True, False])
def test_the_order_of_rows_changes_nothing(classes, named, evaluate):
    rng = np.random.default_rng(classes)
    n = 60
    data = {
        "truth": rng.integers(0, classes, n).tolist(),
        "scores": np.round(rng.dirichlet(np.ones(classes), n), 1).tolist(),
        "groups": rng.integers(0, 25, n).tolist(),
    }
    if named:
        data["ids"] = [f"row {i}" for i in range(n)]
    whole = evaluate("classification", data, ci={"method": "bca", "resamples": 100})
    for _ in range(3):
        other = evaluate(
            "classification",
            shuffled(data, rng.permutation(n)),
            ci={"method": "bca", "resamples": 100},
        )
        if not named:  # rows without an id are named by their place
            for report in (whole, other):
                for entry in report["worst"]:
                    entry.pop("row", None)
        assert other == whole


def test_forms_of_the_same_rows_are_one(classify):
    scores = np.array(SCORES)
    whole = classify(TRUTH, SCORES)
    assert classify(np.array(TRUTH), scores) == whole
    assert classify([False, False, True, True], scores) == whole
    assert classify(np.array(TRUTH, float), scores) == whole
    named = classify(["no", "no", "yes", "yes"], scores, labels=("no", "yes"))
    assert named["metrics"] == whole["metrics"]
    assert named["input_sha256"] == whole["input_sha256"]
    other = classify(["no", "no", "yes", "yes"], 1 - scores, positive="no")
    assert other["metrics"]["auroc"] == whole["metrics"]["auroc"]
    columns = np.column_stack([1 - scores, scores])
    assert classify(TRUTH, columns)["metrics"]["auroc"] == whole["metrics"]["auroc"]


def test_two_columns_of_logits_are_their_difference(classify):
    logits = np.array([[2, 1], [0, 1], [5, 7], [-3, -2]])
    report = classify([0, 0, 1, 1], logits, operating_point="youden")
    assert report["metrics"]["auroc"]["value"] == 7 / 8
    assert report["operating_point"]["threshold"] == 1


def test_the_digest_covers_the_rows_as_float64(classify):
    rows = np.array([[0, 0.1], [0, 0.4], [1, 0.35], [1, 0.8]])
    digest = hashlib.sha256(rows.astype("<f8").tobytes()).hexdigest()
    assert classify([1, 0, 1, 0], [0.8, 0.4, 0.35, 0.1])["input_sha256"] == digest


def test_what_is_missing_is_left_out_and_listed(classify):
    truth = [0, None, 1, 1, 0, 1]
    scores = [0.1, 0.5, math.nan, 0.8, math.inf, 0.3]
    report = classify(truth, scores, more={"ids": list("fedcba")})
    assert report["n"] == 3
    assert report["excluded"] == [
        {"row": 4, "id": "b", "reason": "infinite_score"},
        {"row": 2, "id": "d", "reason": "missing_score"},
        {"row": 1, "id": "e", "reason": "missing_truth"},
    ]
    assert report["metrics"] == classify([0, 1, 1], [0.1, 0.8, 0.3])["metrics"]
    with pytest.raises(MissingValues, match="3 rows lack something, first row 1"):
        classify(truth, scores, missing="refuse")
    many = classify([None] * 10_001 + [0], [0.5] * 10_002)
    assert (many["n"], many["excluded_n"], len(many["excluded"])) == (1, 10_001, 10_000)
    grouped = classify([0, 1], [0.1, 0.2], more={"groups": ["a", None]})
    assert grouped["excluded"] == [{"row": 1, "reason": "missing_group"}]


def test_the_worst_rows(classify):
    report = classify(TRUTH, SCORES, more={"ids": list("abcd")}, worst=2)
    assert [entry["id"] for entry in report["worst"]] == ["c", "b"]
    assert report["worst"][0] == {
        "id": "c", "truth": "1", "prediction": "0", "score": 0.35, "error": 0.65
    }  # fmt: skip
    logits = classify(TRUTH, [-5, 3, 1, 9], threshold=2)
    assert [(e["row"], e["error"]) for e in logits["worst"]] == [(1, 1), (2, 1)]
    several = classify([0, 1, 2], [[0.6, 0.3, 0.1], [0.7, 0.2, 0.1], [0, 0, 1]], worst=1)
    assert several["worst"][0]["error"] == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("truth", "auroc", "ppv", "mcc"),
    [
        ([1, 1, 1], "no_negatives", None, "one_class"),
        ([0, 0, 0], "no_positives", None, "one_class"),
        ([], "no_rows", "no_rows", "no_rows"),
        ([1], "no_negatives", None, "one_class"),
    ],
)
def test_one_class_gives_reasons(truth, auroc, ppv, mcc, classify):
    metrics = classify(truth, [0.7] * len(truth), ci={})["metrics"]
    assert metrics["auroc"]["undefined"] == auroc
    assert metrics["ppv"]["undefined"] == ppv
    assert metrics["mcc"]["undefined"] == mcc


def test_ties_everywhere(classify):
    report = classify([0, 1, 0, 1], [0.5] * 4, ci={})
    assert report["metrics"]["auroc"]["value"] == 0.5
    assert report["metrics"]["auroc"]["ci_undefined"] == "no_variation"
    assert report["metrics"]["npv"]["undefined"] == "no_predicted_negatives"
    assert report["curves"]["roc"]["fpr"] == [0, 1]


def test_a_label_that_is_never_seen(classify):
    report = classify(["a", "b"], [[0.5, 0.4, 0.1], [0.2, 0.7, 0.1]], labels="a,b,c")
    assert report["per_class"][2]["metrics"]["auroc"]["undefined"] == "no_positives"
    assert report["metrics"]["auroc_macro"]["value"] == 1
    assert report["per_class"][2]["curves"]["roc"]["undefined"] == "no_positives"


@pytest.mark.parametrize(
    ("options", "data"),
    [
        ({"threshold": 0.5, "operating_point": "youden"}, {"scores": SCORES}),
        ({"threshold": 0.5}, {"predictions": [0, 1, 1, 0]}),
        ({"operating_point": "youden"}, {"scores": SCORES, "predictions": [0, 1, 1, 0]}),
    ],
)
def test_options_that_contradict_are_refused(options, data, evaluate):
    with pytest.raises(ConflictingParameter):
        evaluate("classification", {"truth": TRUTH, **data}, **options)


VALUES = st.one_of(
    st.none(), st.floats(0, 1), st.sampled_from([0.0, 0.5, 1.0]), st.floats(-1e300, 1e300),
    st.just(math.nan), st.just(math.inf),
)  # fmt: skip


@st.composite
def tables(draw):
    """Columns of any content, short, of one to four classes, with gaps and ties."""
    n, classes = draw(st.integers(0, 8)), draw(st.integers(2, 4))
    column = lambda values: draw(st.lists(values, min_size=n, max_size=n))  # noqa: E731
    member = st.one_of(st.none(), st.integers(0, draw(st.integers(0, classes - 1))))
    row = VALUES if classes == 2 else st.lists(VALUES, min_size=classes, max_size=classes)
    data = {"truth": column(member)}
    if draw(st.booleans()):
        data["scores"] = column(row)
    if "scores" not in data or draw(st.booleans()):
        data["predictions"] = column(member)
    if draw(st.booleans()):
        data["groups"] = column(st.one_of(st.none(), st.integers(0, 3)))
    labels = [f"class {c}" for c in range(classes)]
    method = draw(st.sampled_from(["auto", "percentile", "bca", "none"]))
    return data, {"labels": labels, "ci": {"method": method, "resamples": 10}}


@settings(max_examples=150, deadline=None)
@given(tables(), st.randoms(use_true_random=False))
def test_any_rows_give_numbers_or_reasons(evaluate, table, random):
    data, options = table
    report = evaluate("classification", data, **options)
    assert report["n"] + len(report["excluded"]) == len(data["truth"])
    blocks = [report["metrics"], *(entry["metrics"] for entry in report["per_class"])]
    for entry in (entry for block in blocks for entry in block.values()):
        assert (entry["value"] is None) != (entry["undefined"] is None)
        assert (entry["ci"] is None) != (entry["ci_undefined"] is None)
        assert entry["ci"] is None or entry["ci"][0] <= entry["ci"][1]
    order = list(range(len(data["truth"])))
    random.shuffle(order)
    other = evaluate("classification", shuffled(data, order), **options)
    assert (other["metrics"], other["per_class"]) == (report["metrics"], report["per_class"])
    assert other["input_sha256"] == report["input_sha256"]


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["classification", "segmentation", "restoration", "detection"]),
    st.data(),
)
def test_junk_is_refused_and_never_crashes(task, data):
    chosen = catalog()[task]
    members = {name: data.draw(JUNK) for name in chosen.members}
    try:
        chosen(ci={"method": "none"}).evaluate(members, DataLimits(Limits(1000), 1000), no_progress)
    except BrightfieldError as fault:
        assert 400 <= fault.status < 500


def test_a_withdrawn_request_ends():
    def withdrawn(step):
        raise InvalidRows("withdrawn")

    evaluation = catalog()["classification"]()
    data = {"truth": np.tile(TRUTH, 5), "scores": np.tile(SCORES, 5)}
    with pytest.raises(InvalidRows, match="withdrawn"):
        evaluation.evaluate(data, DataLimits(Limits(1), 1), withdrawn)
