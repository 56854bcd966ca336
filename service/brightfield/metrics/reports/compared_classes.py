"""Two classifications of the same rows, compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brightfield.errors import IncomparableRuns
from brightfield.images.picture import Note
from brightfield.metrics.counted.counts import CountTable
from brightfield.metrics.reading.groups import dense
from brightfield.metrics.reading.rows import Rows
from brightfield.metrics.reports.binary import Binary
from brightfield.metrics.reports.comparison import Difference, Shared, below, differences
from brightfield.metrics.reports.multiclass import Multiclass
from brightfield.metrics.reports.notes import from_same_data, unlike_predictions
from brightfield.metrics.reports.paired_design import Design
from brightfield.metrics.statistics.confidence import Confidence
from brightfield.metrics.statistics.exchange import CellExchange, Exchange, GroupCellExchange
from brightfield.metrics.statistics.family import MetricPath, MetricSpec
from brightfield.metrics.statistics.intervals import Drawing
from brightfield.metrics.statistics.resampling import (
    CellResampler,
    ClusterResampler,
    Codes,
    SampleWeights,
)
from brightfield.metrics.statistics.resampling import RowResampler as RowSampler
from brightfield.progress import Progress

ClassReport = Binary | Multiclass

# Cells of a table by truth and both predictions, times groups: 80 MB.
_MOST_CELLS = 10_000_000


def aligned(first: Rows, second: Rows) -> tuple[Rows, Rows, Shared]:
    """The rows that both have, in the order of their ids, with one set of groups.

    Raises `IncomparableRuns` where labels, truth or groups differ.
    """
    if first.labels != second.labels:
        raise IncomparableRuns(
            f"The runs have other labels: {', '.join(first.labels)} and "
            f"{', '.join(second.labels)}; compare runs with one set of labels.",
            errors=[{"location": "labels"}],
        )
    shared = Shared.of(first.ids, second.ids)
    one, two = first.taken(shared.first), second.taken(shared.second)
    _check_equal(one.truth, two.truth, shared, "truth")
    groups = _groups(one, two, shared)
    return replace(one, groups=groups), replace(two, groups=groups), shared


def class_differences(
    first: ClassReport, second: ClassReport, confidence: Confidence, progress: Progress
) -> dict[MetricPath, Difference]:
    """The difference of every number of two views of the same rows."""
    rows = first.sample.rows
    drawing = Drawing(RowSampler(np.zeros_like(rows.truth)), RowSampler(rows.truth))
    if rows.groups is not None:
        drawing = Drawing.of(ClusterResampler.of_rows(rows.groups), clustered=True)
    design = Design.shared(drawing, rows.groups)
    found = differences(first.row_lines(), second.row_lines(), design, confidence, progress)
    if first.predicted is not None and second.predicted is not None:
        cells = _joint(rows, first.predicted, second.predicted)
        lines = first.cell_lines(), second.cell_lines()
        found |= differences(*lines, cells, confidence, progress)
    nowhere = {key: value.undefined for key, value in (second.missing() | first.missing()).items()}
    missing = {key: Difference(None, None, why, why or "mixed") for key, why in nowhere.items()}
    return found | missing


def _joint(rows: Rows, first: Codes, second: Codes) -> Design:
    """Units are the cells of a table by truth, the first's prediction and the second's."""
    k = len(rows.labels)
    whole = [CountTable.of(rows.truth, predicted, k).cells for predicted in (first, second)]

    def split(weights: SampleWeights) -> tuple[SampleWeights, SampleWeights]:
        cube = weights.reshape(-1, k, k, k)
        flat = (len(cube), k * k)
        return cube.sum(axis=3).reshape(flat), cube.sum(axis=2).reshape(flat)

    groups = rows.groups
    count = 1 if groups is None else int(groups.max(initial=-1)) + 1
    if k**3 * count > _MOST_CELLS:
        return Design(None, (whole[0], whole[1]), split, None)
    codes = (rows.truth * k + first) * k + second
    cube = np.bincount(codes, minlength=k**3).reshape(k, k, k)
    drawing = Drawing(CellResampler(cube), CellResampler(cube, within=True))
    exchange: Exchange = CellExchange(cube, split)
    if groups is not None:
        drawing = Drawing.of(ClusterResampler.of_cells(groups, codes, k**3), clustered=True)
        of_groups = np.bincount(groups * k**3 + codes, minlength=count * k**3)
        cubes = of_groups.reshape(count, k, k, k).astype(np.float64)
        exchange = GroupCellExchange(cubes, split)
    discordant = partial(_discordant, cube)
    return Design(drawing, (whole[0], whole[1]), split, exchange, discordant)


def _discordant(cube: NDArray[np.int64], line: MetricSpec[Any]) -> tuple[int, int] | None:
    """Rows that the first alone has right, and the second alone, of the rows that a share is of:
    accuracy of all, sensitivity of a class, specificity of the others."""
    if line.name not in ("accuracy", "sensitivity", "specificity") or len(line.samples) > 1:
        return None
    classes = np.arange(len(cube))
    of_class = getattr(line.samples[0], "class_id", None)
    counted, right = np.ones(len(cube), np.bool_), classes[:, None] == classes[None, :]
    if line.name != "accuracy":
        if of_class is None:
            return None
        counted = (classes == of_class) == (line.name == "sensitivity")
        right = np.broadcast_to(counted, right.shape)
    wrong = ~right
    first = counted[:, None, None] & right[:, :, None] & wrong[:, None, :]
    return int(cube[first].sum()), int(cube[first.swapaxes(1, 2)].sum())


def _groups(one: Rows, two: Rows, shared: Shared) -> Codes | None:
    """Those of the run that has them; both must agree where both have."""
    found = [dense(rows.groups) for rows in (one, two) if rows.groups is not None]
    if len(found) == 2:
        _check_equal(found[0], found[1], shared, "groups")
    return found[0] if found else None


def _check_equal(first: Codes, second: Codes, shared: Shared, name: str) -> None:
    places = np.flatnonzero(first != second)
    if places.size:
        ids = [shared.ids[place] for place in places[:10].tolist()]
        raise IncomparableRuns(
            f"The runs differ in the {name} of {places.size} ids, of {ids[0]!r} first; compare "
            "runs about one data set.",
            errors=[{"location": name, "received": row_id} for row_id in ids],
        )


def class_report(
    labels: Sequence[str], found: Mapping[MetricPath, Difference], ids: Sequence[str]
) -> dict[str, Any]:
    """The differences over all classes, and of each class that has numbers of its own."""
    of_class = [below(found, ("per_class", c), ids) for c in range(len(labels))]
    return {
        "metrics": below(found, ("metrics",), ids),
        "per_class": [
            {"label": label, "class_id": c, "metrics": own}
            for c, (label, own) in enumerate(zip(labels, of_class, strict=True))
            if own
        ],
    }


def chosen_here(*views: ClassReport) -> list[Note]:
    """The warning about thresholds that were chosen on the rows that are compared."""
    rules = [
        view.choice.rule for view in views if isinstance(view, Binary) and view.choice.on_same_data
    ]
    return [from_same_data(rules[0])] if rules else []


def scores_of_one(*views: ClassReport) -> list[Note]:
    """Of predictions alone beside scores, which have numbers that the others can't have."""
    scored = [view.sample.rows.scores is not None for view in views]
    cut = [view.choice.told for view in views if isinstance(view, Binary) and view.choice.known]
    return unlike_predictions(scored, f"the threshold {cut[0]}" if cut else "the greatest score")


def other_points(*views: ClassReport) -> list[Note]:
    """Of thresholds that differ: what then differs may be where runs cut, not what they know."""
    choices = [view.choice for view in views if isinstance(view, Binary)]
    if len(choices) < 2 or choices[0].same_as(choices[1]):
        return []
    return [
        Note(
            "different_operating_points",
            f"Run a calls positive from {choices[0].told} and run b from {choices[1].told}, so "
            "sensitivity, specificity and what follows from them may differ by the thresholds "
            "alone. AUROC and average precision do not depend on them; for the others compare at "
            "one operating point, such as operating_point=specificity>=0.9 in both runs.",
        )
    ]
