"""Two runs compared, against all pairs and against resampled rows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn import metrics as sk

from brightfield.errors import IncomparableRuns
from brightfield.images.limits import Limits
from brightfield.metrics import catalog
from brightfield.metrics.chunks.chunk import RunChunks
from brightfield.metrics.counted.paired_auroc import paired_delong
from brightfield.metrics.counted.ranking import Ranking
from brightfield.metrics.evaluation import DataLimits, RunPair
from brightfield.metrics.statistics.confidence import Confidence
from brightfield.progress import no_progress

LIMITS = DataLimits(Limits(10**7), 10**7)


def side(task, data, **options):
    evaluation = catalog()[task](**options)
    chunk = evaluation.chunk(data, LIMITS, no_progress)
    payload = "1", chunk.media_type, chunk.payload
    return evaluation, RunChunks({"1": chunk.rows}, chunk.frame, [payload])


def compare(a, b, **ci):
    both = RunPair(a[1], b[1], LIMITS, no_progress)
    return a[0].against(b[0], both, Confidence(**ci))


def by_all_pairs(truth, first, second):
    """The difference of two AUROCs and its variance, by the definition over all pairs."""
    shares = []
    for scores in (first, second):
        pairs = scores[truth == 1][:, None] - scores[truth == 0][None, :]
        shares.append(np.where(pairs > 0, 1.0, np.where(pairs == 0, 0.5, 0.0)))
    v10 = np.cov([share.mean(axis=1) for share in shares])
    v01 = np.cov([share.mean(axis=0) for share in shares])
    contrast = np.array([1, -1])
    covariance = v10 / shares[0].shape[0] + v01 / shares[0].shape[1]
    return shares[0].mean() - shares[1].mean(), contrast @ covariance @ contrast


@pytest.mark.parametrize("seed", range(5))
def test_delong_against_all_pairs(seed):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, 80)
    first = np.round(truth + rng.normal(0, 1, 80), 1)
    second = np.round(first / 2 + rng.normal(0, 1, 80), 1)
    difference, variance = by_all_pairs(truth, first, second)
    rankings = [Ranking.of(scores, truth == 1) for scores in (first, second)]
    test = paired_delong(*rankings, 0.95)
    half = 1.959963984540054 * math.sqrt(variance)
    assert test.span.low == pytest.approx(max(-1, difference - half), abs=1e-12)
    assert test.span.high == pytest.approx(min(1, difference + half), abs=1e-12)
    z = difference / math.sqrt(variance)
    assert test.p_value == pytest.approx(math.erfc(abs(z) / math.sqrt(2)), abs=1e-12)
    mirrored = paired_delong(*rankings[::-1], 0.95)
    assert mirrored.p_value == pytest.approx(test.p_value, abs=1e-12)


def binary(seed, n=70):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, n)
    first = np.clip(0.3 + 0.4 * truth + rng.normal(0, 0.2, n), 0, 1).round(2)
    second = np.clip(0.4 + 0.2 * truth + rng.normal(0, 0.2, n), 0, 1).round(2)
    return truth, first, second


def columns(truth, scores, ids, **more):
    return {"truth": truth, "scores": scores, "ids": [str(i) for i in ids], **more}


@pytest.mark.slow
def test_the_bootstrap_against_resampled_rows():
    truth, first, second = binary(0)
    ids = np.arange(truth.size)
    a, b = (side("classification", columns(truth, s, ids)) for s in (first, second))
    found = compare(a, b, method="percentile", resamples=2000)["metrics"]
    rng = np.random.default_rng(1)
    draws = {"average_precision": [], "f1": [], "brier": []}
    for _ in range(600):
        rows = rng.integers(0, truth.size, truth.size)
        t, x, y = truth[rows], first[rows], second[rows]
        draws["average_precision"].append(
            sk.average_precision_score(t, x) - sk.average_precision_score(t, y)
        )
        draws["f1"].append(sk.f1_score(t, x >= 0.5) - sk.f1_score(t, y >= 0.5))
        draws["brier"].append(np.mean((x - t) ** 2) - np.mean((y - t) ** 2))
    for name, values in draws.items():
        spread = np.std(values)
        for end, expected in zip(
            found[name]["ci"], np.quantile(values, [0.025, 0.975]), strict=True
        ):
            assert abs(end - expected) < 0.3 * spread, name
    assert found["f1"]["a"] == pytest.approx(sk.f1_score(truth, first >= 0.5))
    assert found["brier"]["test"] == "exchange"


def test_a_run_does_not_differ_from_itself():
    truth, first, _ = binary(1)
    a = side("classification", columns(truth, first, range(truth.size)))
    found = compare(a, side("classification", columns(truth, first, range(truth.size))))
    for name, entry in found["metrics"].items():
        assert entry["difference"] == 0, name
        if entry["ci"] is None:
            assert entry["ci_undefined"] in ("no_variation", "biased"), name
        else:  # so many equal predictions leave a little room for others
            assert entry["ci"][0] == pytest.approx(-entry["ci"][1]), name
            assert 0 < entry["ci"][1] < (50 if name.startswith("lr_") else 0.1), name
        untested = name == "auroc" or name.startswith("calibration")
        assert entry["p_value"] == (None if untested else 1), name


def test_groups_are_drawn_whole_and_rows_matched_by_id():
    truth, first, second = binary(2)
    n = truth.size
    groups = [f"patient {i // 2}" for i in range(n)]
    order = np.random.default_rng(0).permutation(n)
    ids = [f"{i:03}" for i in range(n)]
    a = side("classification", columns(truth, first, ids, groups=groups))
    shuffled = columns(truth[order], second[order], [ids[i] for i in order])
    found = compare(a, side("classification", shuffled), resamples=200)
    assert found["metrics"]["auroc"]["method"] == "t"
    assert found["metrics"]["auroc"]["b"] == pytest.approx(sk.roc_auc_score(truth, second))
    assert found["metrics"]["kappa"]["method"] == "t"
    fewer = compare(
        a, side("classification", columns(truth[5:], second[5:], ids[5:])), resamples=50
    )
    assert (fewer["n"], fewer["only_a"]["ids"]) == (n - 5, ids[:5])
    other = columns(truth, second, ids, groups=[f"patient {i // 3}" for i in range(n)])
    with pytest.raises(IncomparableRuns, match="groups"):
        compare(a, side("classification", other))


def test_several_classes():
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 3, 60)
    sides = []
    for noise in (1.0, 3.0):
        logits = 2 * np.eye(3)[truth] + rng.normal(0, noise, (60, 3))
        sides.append(side("classification", columns(truth, logits, range(60))))
    found = compare(*sides, resamples=100)
    assert found["per_class"][0]["metrics"]["auroc"]["method"] == "delong"
    assert found["metrics"]["auroc_macro"]["method"] == "t"
    assert found["metrics"]["accuracy"]["difference"] > 0


def test_what_cannot_be_compared():
    truth, first, second = binary(4)
    ids = range(truth.size)
    a = side("classification", columns(truth, first, ids))
    flipped = columns(np.append(1 - truth[:1], truth[1:]), second, ids)
    cases = [
        (side("classification", {"truth": truth, "scores": first}), "has none"),
        (side("classification", columns(truth, first, range(1000, 1070))), "no id in common"),
        (side("classification", flipped), "truth of 1 ids, of '0' first"),
        (side("classification", columns(truth, first, ids), positive=0), "positive"),
        (side("classification", columns(truth, first, ids), labels="n,y"), "labels"),
        (side("classification", columns(truth, first, ids), bins=5), "bins"),
    ]
    for b, phrase in cases:
        with pytest.raises(IncomparableRuns, match=phrase):
            compare(a, b)


def test_masks():
    truth = {"array": [[0, 1, 1], [0, 1, 1]]}
    good, bad = {"array": [[0, 1, 1], [0, 0, 1]]}, {"array": [[0, 0, 1], [0, 0, 0]]}

    def pairs(*masks, first=0):
        return {
            "pairs": [
                {"id": i + first, "truth": truth, "prediction": m} for i, m in enumerate(masks)
            ]
        }

    a = side("segmentation", pairs(good, truth, good))
    b = side("segmentation", pairs(bad, good, good, first=1))
    found = compare(a, b, resamples=100)
    assert (found["n"], found["only_a"]["ids"], found["only_b"]["ids"]) == (2, ["0"], ["3"])
    expected = (1 + 6 / 7) / 2 - (2 / 5 + 6 / 7) / 2
    assert found["metrics"]["dice"]["difference"] == pytest.approx(expected)
    assert found["pooled"]["iou"]["a"] == pytest.approx(7 / 8)
    with pytest.raises(IncomparableRuns, match="pixel_size"):
        compare(a, side("segmentation", pairs(good), pixel_size=0.5))


def test_detections():
    def scene(ids, shift):
        truth = {
            "images": [{"id": i} for i in ids],
            "categories": [{"id": 1, "name": "cell"}],
            "annotations": [
                {"id": i, "image_id": i, "category_id": 1, "bbox": [5, 5, 20, 20]} for i in ids
            ],
        }
        found = [
            {"image_id": i, "category_id": 1, "score": 0.9, "bbox": [5 + shift * i, 5, 20, 20]}
            for i in ids
        ]
        return side("detection", {"ground_truth": truth, "detections": found})

    found = compare(scene(range(6), 0), scene(range(1, 8), 1), resamples=50)
    assert (found["n"], found["only_b"]["ids"]) == (5, ["6", "7"])
    assert found["metrics"]["ap"]["a"] == pytest.approx(1)
    assert found["metrics"]["ap"]["difference"] > 0
    assert found["metrics"]["ap"]["method"] == "t"
    assert found["per_class"][0]["metrics"]["ap50"]["difference"] >= 0


def test_a_class_that_one_run_misses_is_compared_where_both_have_it():
    """Run b misses class 2; over class 1, which both have found alike, nothing differs."""
    truth = np.zeros((12, 12), int)
    truth[1:4, 1:4], truth[7:10, 7:10] = 1, 2
    missed, moved = np.where(truth == 1, 1, 0), np.where(truth == 1, 1, 0)
    moved[7:10, 4:7] = 2

    def masks(prediction):
        pairs = [
            {"id": i, "truth": {"array": truth.tolist()}, "prediction": {"array": found.tolist()}}
            for i, found in enumerate([prediction] * 3)
        ]
        return side("segmentation", {"pairs": pairs}, labels="ground,a,b")

    found = compare(masks(moved), masks(missed))
    for where, name in (("metrics", "hd95"), ("metrics", "assd"), ("pooled", "assd")):
        number = found[where][name]
        assert (number["a"], number["b"], number["n"]) == (0, 0, 3)
        assert number["lacking_b"]["ids"] == ["0", "1", "2"]
    (warning,) = [each for each in found["warnings"] if each["code"] == "cases_without_partner"]
    assert "pooled assd: a lacks 0, b lacks 3" in warning["detail"]


def test_pooled_distances_are_over_the_cases_that_both_have():
    truth, empty = np.zeros((2, 8, 24), int)
    truth[2:6, 2:8] = 1

    def masks(*shifts):
        pairs = [
            {
                "id": i,
                "truth": {"array": truth.tolist()},
                "prediction": {"array": (empty if s is None else np.roll(truth, s, 1)).tolist()},
            }
            for i, s in enumerate(shifts)
        ]
        return side("segmentation", {"pairs": pairs})

    hard, easy = [6] * 4, [1] * 3
    found = compare(masks(*hard, *easy), masks(*[None] * 4, *[2] * 3))["pooled"]["assd"]
    assert found["a"] < found["b"]
    assert (found["n"], found["lacking_b"]["n"]) == (3, 4)


@pytest.mark.parametrize("task", ["classification", "multilabel"])
def test_predictions_alone_beside_scores_and_other_thresholds_are_said(task):
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, (40, 3) if task == "multilabel" else 40)
    scores = np.clip(0.4 * truth + rng.random(truth.shape) * 0.6, 0, 1)
    labels = {"labels": list("abc" if task == "multilabel" else "ab")}
    ids = {"truth": truth.tolist(), "ids": [f"i{row}" for row in range(40)]}
    cut = {"thresholds": [0.4]} if task == "multilabel" else {"threshold": 0.4}
    scored = side(task, {**ids, "scores": scores.tolist()}, **labels)
    called = side(task, {**ids, "predictions": (scores > 0.5).astype(int).tolist()}, **labels)
    lower = side(task, {**ids, "scores": scores.tolist()}, **labels, **cut)

    def codes(a, b):
        return [note["code"] for note in compare(a, b, method="none")["warnings"]]

    assert codes(scored, called) == codes(called, scored) == ["scores_of_one_run"]
    assert codes(scored, lower) == ["different_operating_points"]
    assert codes(scored, scored) == codes(called, called) == []


def test_counts_from_other_scores_are_said():
    truth = {
        "images": [{"id": i} for i in range(4)],
        "categories": [{"id": 1, "name": "cell"}],
        "annotations": [
            {"id": i + 1, "image_id": i, "category_id": 1, "bbox": [5, 5, 20, 20]} for i in range(4)
        ],
    }
    found = [
        {"image_id": i, "category_id": 1, "score": score, "bbox": [5 + 50 * n, 5, 20, 20]}
        for i in range(4)
        for n, score in enumerate((0.9, 0.4))
    ]
    runs = [
        side("detection", {"ground_truth": truth, "detections": found}, threshold=threshold)
        for threshold in (0.5, 0.3)
    ]
    compared = compare(*runs)
    assert compared["metrics"]["count_error"]["difference"] == -1
    assert compared["metrics"]["ap"]["difference"] == 0
    assert "different_operating_points" in [note["code"] for note in compared["warnings"]]
