"""The data sets whose intervals `benchmarks/coverage.py` counts, and their true numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from brightfield.images.limits import Limits
from brightfield.metrics import catalog
from brightfield.metrics.chunks.chunk import RunChunks
from brightfield.metrics.counted.cases import Draws, MeanOfCases, mean_line
from brightfield.metrics.evaluation import DataLimits, RunPair
from brightfield.metrics.reports.comparison import differences
from brightfield.metrics.reports.paired_design import Design
from brightfield.metrics.statistics.confidence import Confidence
from brightfield.metrics.statistics.intervals import Drawing
from brightfield.metrics.statistics.resampling import RowResampler
from brightfield.progress import no_progress

LIMITS = DataLimits(Limits(1), 1)
CLASSIFICATION = catalog()["classification"]
ROWS = 10  # of a group
Random = np.random.Generator
Data = dict[str, Any]
Numbers = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Cell:
    """Data sets of one kind: `numbers` draws one and finds its numbers, whose true values are
    `truth`. With `compared` these are differences, and the true ones are 0."""

    name: str
    numbers: Callable[[Random, Confidence], Numbers]
    truth: Mapping[str, float]
    compared: bool = False
    bound: bool = False
    warned: bool = False
    exact: bool = False

    @property
    def kinds(self) -> tuple[str, ...]:
        """What is counted: see `BOUNDS` in coverage.py."""
        if self.compared:
            return "interval", "exact p" if self.exact else "p-value"
        return ("at bound" if self.bound else "warned" if self.warned else "coverage",)


def classified(data: Callable[[Random], Data], **options: Any) -> Callable[..., Numbers]:
    """Reports about classifications."""
    options.setdefault("curve_points", 10)

    def numbers(rng: Random, confidence: Confidence) -> Numbers:
        evaluation = CLASSIFICATION(ci=confidence, worst=0, **options)
        found: Numbers = evaluation.evaluate(data(rng), LIMITS, no_progress)["metrics"]
        return found

    return numbers


def binormal(area: float) -> float:
    """How far the scores of positives lie above those of negatives, in standard deviations."""
    return math.sqrt(2) * float(norm.ppf(area))


def scores(rng: Random, truth: NDArray[np.bool_], area: float) -> Data:
    values = rng.normal(size=truth.size) + binormal(area) * truth
    return {"truth": truth.astype(int), "scores": values}


def fixed(positives: int, negatives: int, area: float) -> Callable[[Random], Data]:
    truth = np.arange(positives + negatives) < positives
    return lambda rng: scores(rng, truth, area)


def at_prevalence(n: int, prevalence: float, area: float) -> Callable[[Random], Data]:
    return lambda rng: scores(rng, rng.random(n) < prevalence, area)


def true_precision(prevalence: float, area: float) -> float:
    """Average precision of all rows there could be."""
    grid = np.linspace(-9, 9 + binormal(area), 40_001)
    right = prevalence * norm.sf(grid - binormal(area))
    precision = right / (right + (1 - prevalence) * norm.sf(grid))
    return float(np.trapezoid(norm.pdf(grid - binormal(area)) * precision, grid))


def calibrated(n: int, a: float, b: float, twist: float = 1.0) -> Callable[[Random], Data]:
    """Probabilities from a Beta(a, b); true odds are the stated ones to the power of `twist`."""

    def data(rng: Random) -> Data:
        stated = np.clip(rng.beta(a, b, n), 1e-9, 1 - 1e-9)
        odds = (stated / (1 - stated)) ** twist
        return {"truth": (rng.random(n) < odds / (1 + odds)).astype(int), "scores": stated}

    return data


def true_losses(a: float, b: float) -> dict[str, float]:
    """Brier score and log loss of perfect probabilities."""
    p = np.clip(np.random.default_rng(0).beta(a, b, 4_000_000), 1e-9, 1 - 1e-9)
    surprise = -(p * np.log(p) + (1 - p) * np.log(1 - p))
    return {"brier": float(np.mean(p * (1 - p))), "log_loss": float(surprise.mean())}


def true_gap(a: float, b: float, twist: float) -> float:
    """The root of the mean squared gap of ten bins."""
    p = np.clip(np.random.default_rng(0).beta(a, b, 4_000_000), 1e-9, 1 - 1e-9)
    odds = (p / (1 - p)) ** twist
    bins = np.minimum((p * 10).astype(int), 9)
    count = np.bincount(bins, minlength=10)
    gaps = np.bincount(bins, weights=odds / (1 + odds) - p, minlength=10) / np.maximum(count, 1)
    return float(np.sqrt(count @ gaps**2 / p.size))


def predicted(rng: Random, n: int, prevalence: float, right: tuple[float, float]) -> Data:
    truth = (rng.random(n) < prevalence).astype(int)
    hit = rng.random(n) < np.where(truth == 1, *right)
    return {"truth": truth, "predictions": np.where(hit, truth, 1 - truth), "labels": ("0", "1")}


def table(n: int, prevalence: float, sensitivity: float, specificity: float) -> Cell:
    """Predictions of known sensitivity and specificity."""
    tp, fn = prevalence * sensitivity, prevalence * (1 - sensitivity)
    tn, fp = (1 - prevalence) * specificity, (1 - prevalence) * (1 - specificity)
    chance = (tp + fn) * (tp + fp) + (tn + fp) * (tn + fn)
    margins = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    truth = {
        "balanced_accuracy": (sensitivity + specificity) / 2,
        "f1": 2 * tp / (2 * tp + fp + fn),
        "mcc": (tp * tn - fp * fn) / math.sqrt(margins),
        "kappa": (tp + tn - chance) / (1 - chance),
        "accuracy": tp + tn,
        "sensitivity": sensitivity,
    }

    def data(rng: Random) -> Data:
        found = predicted(rng, n, prevalence, (sensitivity, specificity))
        del found["labels"]
        return found

    name = f"n={n}, prevalence {prevalence:g}, {sensitivity:g}/{specificity:g}"
    return Cell(name, classified(data, labels=("0", "1")), truth)


def in_groups(
    rng: Random, groups: int, area: float, *, shared: float, one_class: bool, runs: int = 1
) -> list[Data]:
    """Groups of ten rows; so large a share of the scores' variance is the group's. The runs have
    the group's part and half of the rest in common."""
    shape = (groups, 1) if one_class else (groups, ROWS)
    truth = np.broadcast_to(rng.random(shape) < 0.5, (groups, ROWS)).ravel()
    own = np.repeat(rng.normal(size=groups), ROWS) * math.sqrt(shared)
    common = rng.normal(size=truth.size)
    found = []
    for _ in range(runs):
        noise = common if runs == 1 else (common + rng.normal(size=truth.size)) / math.sqrt(2)
        values = own + math.sqrt(1 - shared) * noise + binormal(area) * truth
        group = [str(g) for g in np.repeat(np.arange(groups), ROWS)]
        found.append({"truth": truth.astype(int), "scores": values, "groups": group})
    return found


def grouped(groups: int, area: float, shared: float, one_class: bool) -> Cell:
    """Patients with ten rows each, whose class varies or is the patient's."""
    cut = binormal(area) / 2

    def data(rng: Random) -> Data:
        return in_groups(rng, groups, area, shared=shared, one_class=one_class)[0]

    kind = "class of the patient" if one_class else "classes vary"
    truth = {"auroc": area, "accuracy": float(norm.cdf(cut))}
    return Cell(f"{groups} groups, AUROC {area:g}, {kind}", classified(data, threshold=cut), truth)


def dice(cases: int, a: float, b: float, failing: float = 0.0) -> Cell:
    """Dice of a Beta(a, b), but 0 in so large a share of the cases."""

    def numbers(rng: Random, confidence: Confidence) -> Numbers:
        values = np.where(rng.random(cases) < failing, 0.0, rng.beta(a, b, cases))
        line = mean_line(("metrics", "dice"), values.tolist(), MeanOfCases())
        found = Draws(cases, None, confidence, no_progress).estimates([line])
        return {"dice": found["metrics", "dice"].json()}

    name = f"{cases} cases, Beta({a:g}, {b:g})" + (f", {failing:.0%} fail" if failing else "")
    truth = {"dice": (1 - failing) * a / (a + b)}
    return Cell(name, numbers, truth, warned=bool(failing))


def distances(cases: int) -> Cell:
    """Distances that are lognormal."""

    def numbers(rng: Random, confidence: Confidence) -> Numbers:
        line = mean_line(("metrics", "hd95"), rng.lognormal(0, 0.5, cases).tolist(), MeanOfCases())
        found = Draws(cases, None, confidence, no_progress).estimates([line])
        return {"hd95": found["metrics", "hd95"].json()}

    return Cell(f"{cases} cases, lognormal", numbers, {"hd95": math.exp(0.125)})


def compared_cases(cases: int) -> Cell:
    """Two runs whose Dice of a case have the case's difficulty in common."""
    drawing = Drawing.of(RowResampler(np.zeros(cases, np.int64)), clustered=False)

    def numbers(rng: Random, confidence: Confidence) -> Numbers:
        hard = rng.normal(1.5, 0.7, cases)
        values = 1 / (1 + np.exp(-hard - rng.normal(0, 0.4, (2, cases))))
        lines = [[mean_line(("metrics", "dice"), own.tolist(), MeanOfCases())] for own in values]
        found = differences(*lines, Design.shared(drawing, None), confidence, no_progress)
        return {"dice": found["metrics", "dice"].json([])}

    return Cell(f"two runs, {cases} cases", numbers, {"dice": 0.0}, compared=True)


def side(data: Data, options: Data) -> tuple[Any, RunChunks]:
    evaluation = CLASSIFICATION(**options)
    rows = {**data, "ids": [str(row) for row in range(len(data["truth"]))]}
    chunk = evaluation.chunk(rows, LIMITS, no_progress)
    return evaluation, RunChunks(
        {"1": chunk.rows}, chunk.frame, [("1", chunk.media_type, chunk.payload)]
    )


def compared(
    name: str,
    data: Callable[[Random], Sequence[Data]],
    metrics: Sequence[str],
    *,
    exact: bool = False,
    **options: Any,
) -> Cell:
    """Two runs about the same rows."""

    def numbers(rng: Random, confidence: Confidence) -> Numbers:
        first, second = (side(each, options) for each in data(rng))
        both = RunPair(first[1], second[1], LIMITS, no_progress)
        found: Numbers = first[0].against(second[0], both, confidence)["metrics"]
        return found

    return Cell(
        f"two runs, {name}", numbers, dict.fromkeys(metrics, 0.0), compared=True, exact=exact
    )


def compared_groups(groups: int, one_class: bool) -> Cell:
    kind = "class of the patient" if one_class else "classes vary"
    return compared(
        f"{groups} groups, {kind}",
        lambda rng: in_groups(rng, groups, 0.8, shared=0.3, one_class=one_class, runs=2),
        ("auroc", "accuracy"),
        threshold=binormal(0.8) / 2,
    )


def compared_tables(n: int, prevalence: float) -> Cell:
    def data(rng: Random) -> list[Data]:
        truth = (rng.random(n) < prevalence).astype(int)
        hard = rng.normal(size=n)
        hits = [hard + rng.normal(size=n) < 1.4 for _ in range(2)]
        return [{"truth": truth, "predictions": np.where(h, truth, 1 - truth)} for h in hits]

    name = f"n={n}, prevalence {prevalence:g}"
    metrics = ("balanced_accuracy", "f1", "mcc", "kappa")
    return compared(name, data, metrics, exact=True, labels="0,1")


def compared_scores(n: int, prevalence: float) -> Cell:
    def data(rng: Random) -> list[Data]:
        truth = rng.random(n) < prevalence
        common = rng.normal(size=n) + binormal(0.8) * truth
        logits = [common - 1 + rng.normal(0, 0.5, n) for _ in range(2)]
        return [{"truth": truth.astype(int), "scores": 1 / (1 + np.exp(-x))} for x in logits]

    metrics = ("auroc", "average_precision", "brier", "log_loss")
    return compared(f"n={n}, prevalence {prevalence:g}", data, metrics)


def cells() -> list[Cell]:
    """All of them; those that the table of the documentation has come first."""
    found = [
        Cell(f"{p}+{n}, AUROC {a:g}", classified(fixed(p, n, a)), {"auroc": a})
        for p, n in ((30, 30), (12, 48))
        for a in (0.7, 0.85, 0.95)
    ]
    for n in (60, 200):
        for prevalence in (0.5, 0.1):
            truth = {"average_precision": true_precision(prevalence, 0.8)}
            data = at_prevalence(n, prevalence, 0.8)
            found.append(Cell(f"n={n}, prevalence {prevalence:g}", classified(data), truth))
    found.append(
        Cell("n=200, prevalence 0.1", classified(calibrated(200, 1, 9)), true_losses(1, 9))
    )
    found += [table(40, 0.2, 0.8, 0.9), table(40, 0.2, 0.7, 0.8), table(100, 0.5, 0.9, 0.9)]
    found += [
        grouped(groups, area, 0.5, one_class)
        for one_class in (False, True)
        for area in (0.75, 0.9)
        for groups in (4, 6, 10, 20, 40)
    ]
    found += [
        Cell(f"{p}+{n}, AUROC {a:g}", classified(fixed(p, n, a)), {"auroc": a}, warned=True)
        for p, n in ((3, 30), (5, 25), (6, 194))
        for a in (0.7, 0.95)
    ]
    found += [dice(n, a, b) for a, b in ((8, 2), (20, 2)) for n in (3, 5, 10, 20)]
    found += [dice(n, 20, 2, failing=0.1) for n in (5, 10)]
    found += [distances(n) for n in (5, 10, 20)]
    line = {"calibration_slope": 1.0, "calibration_intercept": 0.0}
    for n, a, b in ((200, 1, 1), (200, 1, 9), (2000, 1, 9)):
        name, numbers = f"n={n}, Beta({a}, {b})", classified(calibrated(n, a, b))
        found.append(Cell(name, numbers, line))
        found.append(Cell(name, numbers, {"ece_debiased": 0.0, "ece": 0.0}, bound=True))
    truth = {"calibration_slope": 0.5, "ece_debiased": true_gap(1, 1, 0.5)}
    found += [
        Cell(f"n={n}, Beta(1, 1), slope 0.5", classified(calibrated(n, 1, 1, 0.5)), truth)
        for n in (200, 2000)
    ]
    found += [compared_groups(n, one) for one in (False, True) for n in (6, 10, 20)]
    found += [compared_cases(n) for n in (5, 6, 8, 10, 20)]
    found += [compared_tables(40, 0.2), compared_tables(100, 0.5)]
    return [*found, compared_scores(60, 0.5), compared_scores(200, 0.1)]
