from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from brightfield.metrics.statistics.bootstrap import acceleration, bootstrap
from brightfield.metrics.statistics.confidence import Confidence
from brightfield.metrics.statistics.estimate import Interval
from brightfield.metrics.statistics.resampling import CellResampler, ClusterResampler, RowResampler
from brightfield.progress import no_progress


def mean(weights, sample):
    return weights @ sample / weights.sum(axis=1)


def variance(weights, sample):
    return mean(weights, sample**2) - mean(weights, sample) ** 2


@pytest.mark.parametrize("method", ["percentile", "bca"])
@pytest.mark.parametrize(("statistic", "reference"), [(mean, np.mean), (variance, np.var)])
def test_skewed_and_biased_statistics_against_scipy(method, statistic, reference):
    sample = np.random.default_rng(5).exponential(size=60)
    (found,) = bootstrap(
        lambda weights: statistic(weights, sample)[:, None],
        np.array([reference(sample)]),
        RowResampler(np.zeros(60, np.int64)),
        Confidence(method=method, resamples=20_000),
        no_progress,
    )
    expected = scipy.stats.bootstrap(
        (sample,),
        reference,
        n_resamples=20_000,
        method="BCa" if method == "bca" else method,
        rng=np.random.default_rng(0),
    ).confidence_interval
    assert isinstance(found, Interval)
    spread = expected.high - expected.low
    assert (found.low, found.high) == pytest.approx(tuple(expected), abs=0.03 * spread)


def test_the_acceleration_of_a_mean_is_its_skewness():
    sample = np.random.default_rng(2).exponential(size=50)
    rows = RowResampler(np.zeros(50, np.int64))
    weights = rows.without(0, 50)
    left_out = (weights @ sample / weights.sum(axis=1))[:, None]
    skewness = scipy.stats.skew(sample) / (6 * np.sqrt(50))
    assert acceleration(left_out, rows.folds) == pytest.approx([skewness])


def test_a_stratum_keeps_its_size():
    strata = np.array([0, 1, 0, 1, 1, 2])
    weights = RowResampler(strata).draw(np.random.default_rng(0), 500)
    for stratum, size in enumerate((2, 3, 1)):
        assert (weights[:, strata == stratum].sum(axis=1) == size).all()
    assert weights[:, 0].mean() == pytest.approx(1, abs=0.1)
    cells = CellResampler(np.array([[3, 1], [0, 5]]), within=True).draw(
        np.random.default_rng(0), 500
    )
    assert (cells.reshape(500, 2, 2).sum(axis=2) == [4, 5]).all()
    assert cells.mean(axis=0) == pytest.approx([3, 1, 0, 5], abs=0.2)


def test_cells_are_drawn_as_rows_would_be():
    truth, predicted = np.repeat([0, 0, 1], [30, 10, 60]), np.repeat([0, 1, 1], [30, 10, 60])
    rows = RowResampler(truth).draw(np.random.default_rng(0), 4000)
    by_row = [rows[:, (truth == t) & (predicted == p)].sum(axis=1) for t in (0, 1) for p in (0, 1)]
    cells = CellResampler(np.array([[30, 10], [0, 60]]), within=True).draw(
        np.random.default_rng(1), 4000
    )
    assert scipy.stats.ks_2samp(by_row[1], cells[:, 1]).pvalue > 1e-3
    assert np.std(by_row[1]) == pytest.approx(np.std(cells[:, 1]), rel=0.05)


def test_groups_are_drawn_whole():
    groups = np.array([0, 0, 1, 2, 2, 2])
    weights = ClusterResampler.of_rows(groups).draw(np.random.default_rng(0), 100)
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, [0, 2, 3]].sum(axis=1) == 3).all()
    cells = ClusterResampler.of_cells(groups, np.array([0, 1, 0, 3, 3, 3]), 4)
    assert cells.whole().tolist() == [[2, 1, 0, 3]]


def test_repeated_rows_do_not_narrow_a_clustered_interval(classify):
    rng = np.random.default_rng(0)
    truth = (rng.random(60) < 0.5).astype(int)
    scores = rng.random(60) * 0.6 + 0.3 * truth
    one = classify(truth, scores, ci={})
    many = {"groups": np.tile(np.arange(60), 9)}
    data = np.tile(truth, 9), np.tile(scores, 9)
    grouped = classify(*data, more=many, ci={})["metrics"]
    naive = classify(*data, ci={"method": "percentile"})["metrics"]
    for name in ("auroc", "accuracy", "sensitivity", "brier", "f1"):
        width = np.ptp(one["metrics"][name]["ci"])
        assert grouped[name]["method"] == "t"
        assert np.ptp(grouped[name]["ci"]) == pytest.approx(width, rel=0.25)
        assert np.ptp(naive[name]["ci"]) == pytest.approx(width / 3, rel=0.25)


def test_the_seed_and_nothing_else_decides(classify):
    truth, scores = [0, 1, 0, 1, 1, 0, 1], [0.1, 0.9, 0.4, 0.35, 0.8, 0.2, 0.6]
    first, again, other = (
        classify(truth, scores, ci={"method": "bca", "seed": seed})["metrics"]["brier"]["ci"]
        for seed in (1, 1, 2)
    )
    assert first == again != other


def test_too_much_work_is_left_undone_and_said(classify):
    truth, scores = np.arange(60_000) % 2, np.linspace(0, 1, 60_000)
    report = classify(truth, scores, ci={"method": "percentile", "resamples": 100_000})
    assert report["metrics"]["auroc"]["ci_undefined"] == "too_many_rows"
    assert [warning["code"] for warning in report["warnings"]] == ["intervals_skipped"]
    assert report["metrics"]["accuracy"]["ci"] is not None  # of counts, which are few
