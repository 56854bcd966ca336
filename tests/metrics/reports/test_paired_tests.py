"""p-values of comparisons against exchanges that are made one by one."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.stats import permutation_test, rankdata
from sklearn import metrics as sk

from brightfield.images.limits import Limits
from brightfield.metrics import catalog
from brightfield.metrics.chunks.chunk import RunChunks
from brightfield.metrics.evaluation import DataLimits, RunPair
from brightfield.metrics.reports.paired_tests import mcnemar
from brightfield.metrics.statistics.confidence import Confidence
from brightfield.progress import no_progress

LIMITS = DataLimits(Limits(10**7), 10**7)


def side(task, data, **options):
    evaluation = catalog()[task](**options)
    chunk = evaluation.chunk(data, LIMITS, no_progress)
    parts = RunChunks({"1": chunk.rows}, chunk.frame, [("1", chunk.media_type, chunk.payload)])
    return evaluation, parts


def compare(a, b, **ci):
    both = RunPair(a[1], b[1], LIMITS, no_progress)
    return a[0].against(b[0], both, Confidence(**{"resamples": 400, **ci}))


def columns(truth, scores, **more):
    return {"truth": truth, "scores": scores, "ids": list(map(str, range(len(truth)))), **more}


def shifted(shift):
    """A square that lies so far off; None is one that was missed."""
    mask = np.zeros((24, 24), int)
    if shift is not None:
        mask[8:14, 4 + shift : 10 + shift] = 1
    return {"array": mask.tolist()}


def masks(*shifts, **more):
    pairs = [
        {"id": str(n), "truth": shifted(0), "prediction": shifted(shift), **more}
        for n, shift in enumerate(shifts)
    ]
    return {"pairs": pairs}


def test_a_run_that_misses_the_hard_cases_is_no_better():
    a = side("segmentation", masks(*[6] * 8, *[1] * 4))
    b = side("segmentation", masks(*[None] * 8, *[2] * 4))
    found = compare(a, b)
    hd95 = found["metrics"]["hd95"]
    assert (hd95["a"], hd95["b"], hd95["difference"], hd95["n"]) == (1, 2, -1, 4)
    assert hd95["lacking_b"] == {"n": 8, "ids": [str(n) for n in range(8)]}
    assert hd95["lacking_a"]["n"] == 0
    (warning,) = found["warnings"]
    assert warning["code"] == "cases_without_partner"
    assert "hd95: a lacks 0, b lacks 8" in warning["detail"]
    assert found["metrics"]["nsd"]["difference"] > 0
    assert found["metrics"]["dice"]["n"] == 12
    stated = [
        side("segmentation", masks(*shifts), missing_distance="diagonal")
        for shifts in ([6] * 8 + [1] * 4, [None] * 8 + [2] * 4)
    ]
    penalised = compare(*stated)["metrics"]["hd95"]
    assert penalised["b"] == pytest.approx((8 * math.hypot(24, 24) + 4 * 2) / 12)
    assert penalised["difference"] < 0


@pytest.mark.parametrize("lacking", [[0], [3, 4], [9]])
def test_an_identical_image_has_no_psnr_and_pairs_with_nothing(lacking):
    rng = np.random.default_rng(0)
    reference = rng.integers(0, 256, (10, 16, 16))
    worse = [np.clip(reference + rng.normal(0, s, reference.shape), 0, 255) for s in (9, 4)]
    first, second = (each.astype(int) for each in worse)
    first[lacking] = reference[lacking]

    def run(images):
        pairs = [
            {"id": str(n), "reference": {"array": a.tolist()}, "image": {"array": b.tolist()}}
            for n, (a, b) in enumerate(zip(reference, images, strict=True))
        ]
        return side("restoration", {"pairs": pairs}, bits=8)

    psnr = compare(run(first), run(second))["metrics"]["psnr"]
    assert psnr["lacking_a"]["ids"] == [str(place) for place in lacking]
    kept = [place for place in range(10) if place not in lacking]
    mse = [((reference - each) ** 2).mean(axis=(1, 2))[kept] for each in (first, second)]
    expected = np.mean(10 * np.log10(mse[1] / mse[0]))
    assert psnr["difference"] == pytest.approx(expected)


def test_a_mean_of_cases_against_scipy():
    shifts = [1, 3, 0, 2, 5, 4, 2, 1], [2, 2, 1, 3, 5, 6, 4, 1]
    a, b = (side("segmentation", masks(*own)) for own in shifts)
    found = compare(a, b)["metrics"]["dice"]

    def dice(shift):
        return max(0, 6 - shift) / 6

    values = [np.array(list(map(dice, own))) for own in shifts]
    expected = permutation_test(
        values, lambda x, y, axis: (x - y).mean(axis=axis), permutation_type="samples",
        n_resamples=np.inf, vectorized=True,
    )  # fmt: skip
    assert found["test"] == "exchange"
    assert found["p_value"] == pytest.approx(expected.pvalue)


def test_counts_of_rows_by_mcnemar():
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 2, 60)
    first, second = (np.where(rng.random(60) < p, truth, 1 - truth) for p in (0.9, 0.6))
    ids = list(map(str, range(60)))
    a, b = (
        side("classification", {"truth": truth, "predictions": own, "ids": ids})
        for own in (first, second)
    )
    found = compare(a, b)["metrics"]
    for name, rows in (("accuracy", truth >= 0), ("sensitivity", truth == 1),
                       ("specificity", truth == 0)):  # fmt: skip
        alone = [
            int(np.sum(rows & (x == truth) & (y != truth)))
            for x, y in ((first, second), (second, first))
        ]
        assert found[name]["test"] == "mcnemar"
        assert found[name]["discordant"] == alone, name
        n, k = sum(alone), min(alone)
        tail = sum(math.comb(n, i) for i in range(k + 1)) / 2**n
        assert found[name]["p_value"] == pytest.approx(min(1, 2 * tail))
    assert found["mcc"]["test"] == "exchange"
    assert mcnemar(0, 0) == 1
    assert mcnemar(0, 5) == pytest.approx(1 / 16)


def by_hand(first, second, units, number):
    """The share of all exchanges of whole units with at least this difference."""
    count = max(units) + 1
    observed = abs(number(first) - number(second))
    larger = []
    for flips in itertools.product([False, True], repeat=count):
        flip = np.array(flips)[units]
        flip = flip.reshape(-1, *[1] * (first.ndim - 1))
        one, two = np.where(flip, second, first), np.where(flip, first, second)
        larger.append(abs(number(one) - number(two)) >= observed - 1e-9)
    return np.mean(larger)


def test_groups_are_exchanged_whole():
    rng = np.random.default_rng(2)
    groups, truth = np.arange(24) // 3, rng.integers(0, 2, 24)
    first, second = (np.clip(0.3 + s * truth + rng.normal(0, 0.2, 24), 0, 1) for s in (0.4, 0.2))
    a, b = (
        side("classification", columns(truth, own, groups=[f"p{g}" for g in groups]))
        for own in (first, second)
    )
    found = compare(a, b)["metrics"]

    def accuracy(scores):
        return np.mean((scores >= 0.5) == truth)

    def brier(scores):
        return np.mean((scores - truth) ** 2)

    def f1(scores):
        return sk.f1_score(truth, scores >= 0.5)

    for name, number in (("accuracy", accuracy), ("brier", brier), ("f1", f1)):
        expected = by_hand(first, second, groups, number)
        assert found[name]["p_value"] == pytest.approx(expected), name
        assert found[name]["test"] == "exchange"
    ranks = [rankdata(own) for own in (first, second)]
    expected = by_hand(*ranks, groups, lambda scores: sk.roc_auc_score(truth, scores))
    assert found["auroc"]["p_value"] == pytest.approx(expected)


def test_scores_are_exchanged_by_their_ranks():
    rng = np.random.default_rng(3)
    truth = np.array([0, 1, 0, 1, 1, 0, 1, 0, 0, 1])
    first, second = truth + rng.normal(0, 0.7, 10), 50 * (truth + rng.normal(0, 2, 10))
    a, b = (side("classification", columns(truth, own)) for own in (first, second))
    found = compare(a, b)["metrics"]["average_precision"]
    ranks = [rankdata(own) for own in (first, second)]
    expected = by_hand(
        *ranks, np.arange(10), lambda scores: sk.average_precision_score(truth, scores)
    )
    assert found["p_value"] == pytest.approx(expected)


def test_images_of_detections_are_exchanged():
    rng = np.random.default_rng(4)
    count = 7
    off = rng.integers(0, 16, (2, count))

    def run(shifts):
        own = [{"image_id": n, "category_id": 1} for n in range(count)]
        truth = {
            "images": [{"id": n} for n in range(count)],
            "categories": [{"id": 1}],
            "annotations": [{**e, "id": n + 1, "bbox": [9, 9, 20, 20]} for n, e in enumerate(own)],
        }
        found = [
            {**each, "score": 0.5, "bbox": [9 + int(shift), 9, 20, 20]}
            for each, shift in zip(own, shifts, strict=True)
        ]
        return side("detection", {"ground_truth": truth, "detections": found})

    found = compare(run(off[0]), run(off[1]))["metrics"]["ar_1"]
    thresholds = np.linspace(0.5, 0.95, 10)

    def recall(shifts):
        iou = (20 - shifts) / (20 + shifts)
        return np.mean(iou[:, None] >= thresholds)

    expected = by_hand(off[0], off[1], np.arange(count), recall)
    assert found["p_value"] == pytest.approx(expected)


def test_many_units_are_drawn():
    rng = np.random.default_rng(5)
    truth = rng.integers(0, 2, 300)
    first, second = (np.clip(0.3 + s * truth + rng.normal(0, 0.3, 300), 0, 1) for s in (0.4, 0.1))
    a, b = (side("classification", columns(truth, own)) for own in (first, second))
    found = compare(a, b)["metrics"]
    for name in ("brier", "average_precision", "kappa"):
        assert found[name]["p_value"] == pytest.approx(1 / 401), name
    assert found["auroc"]["test"] == "delong"


def test_thresholds_that_differ_are_told():
    rng = np.random.default_rng(6)
    truth = rng.integers(0, 2, 80)
    scores = np.clip(0.3 + 0.4 * truth + rng.normal(0, 0.2, 80), 0, 1)
    logits = np.log((scores + 0.01) / (1.01 - scores))

    def codes(first, second, one, two):
        found = compare(
            side("classification", columns(truth, first), **one),
            side("classification", columns(truth, second), **two),
        )
        return {each["code"]: each["detail"] for each in found["warnings"]}

    half = codes(scores, logits, {}, {})
    assert "0.5 (probability)" in half["different_operating_points"]
    assert "(youden)" in half["different_operating_points"]
    frozen = codes(scores, scores, {"threshold": 0.1}, {"threshold": 0.5})
    assert "0.1 (frozen)" in frozen["different_operating_points"]
    assert codes(scores, scores, {}, {}) == {}
    rule = {"operating_point": "specificity>=0.9"}
    assert "different_operating_points" not in codes(scores, logits, rule, rule)
