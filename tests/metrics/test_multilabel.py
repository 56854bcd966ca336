"""Rows with any number of labels, against scikit-learn."""

from __future__ import annotations

import json

import numpy as np
import pytest
import sklearn.metrics as reference

from brightfield.errors import (
    BrightfieldError,
    ConflictingParameter,
    IncomparableRuns,
    InvalidParameter,
    InvalidRows,
)
from brightfield.images.limits import Limits
from brightfield.metrics import catalog
from brightfield.metrics.chunks.chunk import RunChunks
from brightfield.metrics.chunks.frames import merged
from brightfield.metrics.evaluation import DataLimits, RunPair
from brightfield.metrics.reading.csv_columns import read_csv
from brightfield.metrics.statistics.confidence import Confidence
from brightfield.progress import no_progress

FAST = {"ci": {"method": "none"}}
CI = {"resamples": 30}
LIMITS = DataLimits(Limits(10**7), 10**7)
NAMES = ("cat", "dog", "fox", "owl")


def rows(seed=0, n=70):
    """Scores of the last label are all low, so it is never predicted."""
    rng = np.random.default_rng(seed)
    truth = rng.random((n, len(NAMES))) < 0.35
    scores = np.clip(np.round(0.3 * truth + rng.random(truth.shape) * 0.7, 1), 0, 1)
    scores[:, -1] *= 0.3
    return truth, scores


def named(table):
    return [[name for name, own in zip(NAMES, row, strict=True) if own] for row in table]


def test_every_number_against_scikit_learn(evaluate):
    truth, scores = rows()
    called = scores >= 0.5
    options = {"beta": 2, "max_fpr": 0.3, **FAST}
    report = evaluate("multilabel", {"truth": truth, "scores": scores}, **options)
    found = {name: entry["value"] for name, entry in report["metrics"].items()}
    plain = {"zero_division": 0}
    for average in ("macro", "micro"):
        pairs = {
            "sensitivity": reference.recall_score(truth, called, average=average, **plain),
            "ppv": reference.precision_score(truth, called, average=average, **plain),
            "f1": reference.f1_score(truth, called, average=average, **plain),
            "f_beta": reference.fbeta_score(truth, called, beta=2, average=average, **plain),
            "jaccard": reference.jaccard_score(truth, called, average=average, **plain),
            "auroc": reference.roc_auc_score(truth, scores, average=average),
            "average_precision": reference.average_precision_score(truth, scores, average=average),
        }
        for name, value in pairs.items():
            assert found[f"{name}_{average}"] == pytest.approx(value), name
    assert found["subset_accuracy"] == pytest.approx(reference.accuracy_score(truth, called))
    assert found["hamming_loss"] == pytest.approx(reference.hamming_loss(truth, called))
    tables = reference.multilabel_confusion_matrix(truth, called)
    for c, entry in enumerate(report["per_class"]):
        counts = entry["counts"]
        assert tables[c].ravel().tolist() == [counts[name] for name in ("tn", "fp", "fn", "tp")]
        own = entry["metrics"]
        auroc = reference.roc_auc_score(truth[:, c], scores[:, c])
        assert own["auroc"]["value"] == pytest.approx(auroc)
        partial = reference.roc_auc_score(truth[:, c], scores[:, c], max_fpr=0.3)
        assert own["partial_auroc"]["value"] == pytest.approx(partial)
        assert entry["n"] == truth[:, c].sum()
    assert own["ppv"]["undefined"] == "no_predicted_positives"
    assert [warning["code"] for warning in report["warnings"]] == ["never_predicted"]
    assert report["thresholds"] == [0.5] * 4


def test_forms_of_the_same_rows_are_one(evaluate):
    truth, scores = rows()
    called = scores >= 0.4
    whole = evaluate("multilabel", {"truth": truth, "predictions": called}, labels=NAMES, ci=CI)
    names = {"truth": named(truth), "predictions": named(called)}
    assert evaluate("multilabel", names, labels=NAMES, ci=CI) == whole
    assert evaluate("multilabel", names, ci=CI) == whole
    order = np.random.default_rng(1).permutation(len(truth))
    other = evaluate(
        "multilabel", {"truth": truth[order], "predictions": called[order]}, labels=NAMES, ci=CI
    )
    assert other["metrics"] == whole["metrics"]
    assert other["input_sha256"] == whole["input_sha256"]
    kinds = [f"truth:{n}" for n in NAMES] + [f"prediction:{n}" for n in NAMES]
    lines = [",".join(kinds)] + [
        ",".join(map(str, [*t, *c])) for t, c in zip(truth * 1, called * 1, strict=True)
    ]
    assert evaluate("multilabel", read_csv("\n".join(lines).encode()), ci=CI) == whole
    at = evaluate("multilabel", {"truth": truth, "scores": scores}, thresholds=0.4, **FAST)
    assert at["metrics"]["f1_macro"]["value"] == whole["metrics"]["f1_macro"]["value"]
    assert whole["worst"][0]["error"] == (truth != called).sum(axis=1).max()


def test_a_threshold_for_each_label_or_none(evaluate):
    truth, scores = rows()
    cuts = [0.3, 0.5, 0.7, 0.1]
    logits = {"truth": truth, "scores": scores * 10 - 5}
    report = evaluate("multilabel", logits, **FAST)
    assert report["metrics"]["f1_macro"]["undefined"] == "no_threshold"
    assert report["metrics"]["auroc_macro"]["value"] > 0.5
    report = evaluate("multilabel", {"truth": truth, "scores": scores}, thresholds=cuts, **FAST)
    expected = reference.f1_score(truth, scores >= np.array(cuts), average=None)
    values = [entry["metrics"]["f1"]["value"] for entry in report["per_class"]]
    assert values == pytest.approx(expected)


def test_a_label_that_no_row_has(evaluate):
    truth, scores = rows()
    truth[:, 1] = False
    report = evaluate("multilabel", {"truth": truth, "scores": scores}, labels=NAMES, **FAST)
    codes = [warning["code"] for warning in report["warnings"]]
    assert codes == ["absent_labels", "predicted_but_absent", "never_predicted"]
    f1 = reference.f1_score(truth, scores >= 0.5, average="macro", zero_division=0)
    assert report["metrics"]["f1_macro"]["value"] == pytest.approx(f1)
    known = [0, 2, 3]
    auroc = reference.roc_auc_score(truth[:, known], scores[:, known], average="macro")
    assert report["metrics"]["auroc_macro"]["value"] == pytest.approx(auroc)


def test_what_is_missing_is_left_out_and_listed(evaluate):
    data = {
        "truth": [["cat"], None, ["dog"], []],
        "scores": [[0.1, 0.2], [0.3, 0.4], [None, 0.5], [0.2, 0.9]],
        "ids": list("abcd"),
        "columns": {"site": ["x", "x", "y", "y"]},
    }
    report = evaluate("multilabel", data, labels="cat,dog", by="site", **FAST)
    assert report["excluded"] == [
        {"row": 1, "id": "b", "reason": "missing_truth"},
        {"row": 2, "id": "c", "reason": "missing_score"},
    ]
    assert [(part["value"], part["n"]) for part in report["by"]] == [("x", 1), ("y", 1)]
    assert report["worst"][0] == {"id": "a", "truth": ["cat"], "prediction": [], "error": 1}


@pytest.mark.parametrize(
    ("data", "options", "kind", "message"),
    [
        ({"truth": [0, 1], "scores": [[0.1], [0.2]]}, {}, InvalidRows, "a list of labels, or 0"),
        ({"truth": [[0, 2]], "scores": [[0.1, 0.2]]}, {}, InvalidRows, "is 2.0: 0 or 1"),
        ({"truth": [["a"], [1]], "predictions": [[], []]}, {}, InvalidRows, "as in other rows"),
        ({"truth": [["a"]], "scores": [[0.2]]}, {}, InvalidParameter, "name all with `labels`"),
        ({"truth": [[0, 1]], "scores": [[0.1]]}, {}, InvalidParameter, "a score for each label"),
        ({"truth": [["a"]], "predictions": [["b"]]}, {"labels": "a"}, InvalidRows, "no such label"),
        ({"truth": [[0, 1]]}, {}, InvalidParameter, "Send `truth` and `scores`"),
        (
            {"truth": [[0, 1]], "predictions": [[0, 1]]},
            {"thresholds": 0.2},
            ConflictingParameter,
            "are for scores",
        ),
        (
            {"truth": [[0, 1]], "scores": [[0, 1]]},
            {"thresholds": "0.1,0.2,0.3"},
            InvalidParameter,
            "3 thresholds and 2 labels",
        ),
    ],
)
def test_wrong_rows_are_refused(data, options, kind, message, evaluate):
    with pytest.raises(BrightfieldError, match=message) as caught:
        evaluate("multilabel", data, **options)
    assert type(caught.value) is kind


def in_chunks(evaluation, chunks):
    frame, sizes, payloads = None, {}, []
    for key, data in chunks.items():
        chunk = evaluation.chunk(data, LIMITS, no_progress)
        frame, sizes[key] = merged(frame, chunk.frame), chunk.rows
        payloads.append((key, chunk.media_type, chunk.payload))
    return RunChunks(sizes, frame or {}, payloads)


def split(data, at):
    columns = {name: values for name, values in data.items() if name != "columns"}
    parts = [slice(at, None), slice(at)]
    return {
        key: {
            **{name: values[part] for name, values in columns.items()},
            "columns": {name: values[part] for name, values in data["columns"].items()},
        }
        for key, part in zip(("z", "a"), parts, strict=True)
    }


def data_of(seed):
    truth, _ = rows()
    rng = np.random.default_rng(seed)
    scores = np.clip(0.3 * truth + rng.random(truth.shape) * 0.7, 0, 1)
    ids = [f"case {i}" for i in range(len(truth))]
    groups = [f"p{i % 9}" for i in range(len(truth))]
    sites = ["xy"[i % 2] for i in range(len(truth))]
    return {
        "truth": truth, "scores": scores, "ids": ids, "groups": groups, "columns": {"site": sites}
    }  # fmt: skip


def test_chunks_give_what_one_call_gives(evaluate):
    data = data_of(3)
    evaluation = catalog()["multilabel"](by="site", ci=CI)
    parts = in_chunks(evaluation, split(data, 20))
    found = json.loads(json.dumps(evaluation.together(parts, LIMITS, no_progress)))
    assert found == evaluate("multilabel", data, by="site", ci=CI)
    names = [name for name, _ in evaluation.points(parts, no_progress)]
    assert {"roc_fpr", "class_3_pr_recall"} <= set(names)
    empty = evaluation.together(RunChunks({}, {}, []), LIMITS, no_progress)
    assert (empty["n"], empty["metrics"]["f1_macro"]["undefined"]) == (0, "no_rows")


def test_two_runs_compared():
    evaluation = catalog()["multilabel"](by="site", ci=CI)
    one, two = (in_chunks(evaluation, split(data_of(seed), 30)) for seed in (3, 4))
    pair = RunPair(one, two, LIMITS, no_progress)
    found = evaluation.against(evaluation, pair, Confidence(resamples=50))
    a, b = (evaluation.together(side, LIMITS, no_progress)["metrics"] for side in (one, two))
    for name, entry in found["metrics"].items():
        assert (entry["a"], entry["b"]) == (a[name]["value"], b[name]["value"])
    assert found["metrics"]["f1_macro"]["p_value"] > 0
    assert found["per_class"][1]["metrics"]["auroc"]["difference"] is not None
    data = data_of(4)
    data["truth"] = ~data["truth"]
    other = in_chunks(evaluation, split(data, 30))
    with pytest.raises(IncomparableRuns, match="other true labels"):
        evaluation.against(evaluation, RunPair(one, other, LIMITS, no_progress), Confidence())
