"""From the columns of a classification to rows whose classes and scores are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brightfield.errors import InvalidParameter, InvalidRows, MissingValues
from brightfield.metrics.columns import (
    ScoreColumns,
    class_codes,
    class_text,
    distinct,
    is_missing,
    names,
    same_length,
    score_table,
)
from brightfield.metrics.resampling import Codes
from brightfield.metrics.rows import Excluded, MissingReason, Rows, codes

_MOST_CLASSES = 1000


def read_rows(data: Mapping[str, Any], labels: tuple[str, ...] | None, missing: str) -> Rows:
    """The rows that can be counted, in canonical order; what is missing is in `excluded`.

    Scores of two columns stay two columns. Raises `InvalidRows`, `InvalidParameter`, or
    `MissingValues` with `missing="refuse"`.
    """
    given = {name: column for name, column in data.items() if column is not None}
    if "truth" not in given or not ("scores" in given or "predictions" in given):
        raise InvalidParameter("Send `truth` and `scores`, or `truth` and `predictions`.")
    scores = score_table(given["scores"], "scores") if "scores" in given else None
    known = _labels(given, labels, scores)
    if scores is not None and len(known.names) > 2 and scores.ndim == 1:
        scores = np.full((scores.size, len(known.names)), np.nan)  # rows that are all missing
    ids, groups = (
        names(given[name], name) if name in given else None for name in ("ids", "groups")
    )
    columns = {"truth": given["truth"], "scores": scores, "predictions": given.get("predictions")}
    columns |= {"ids": ids, "groups": groups}
    same_length({name: column for name, column in columns.items() if column is not None})
    truth = class_codes(given["truth"], "truth", known.code)
    predictions = None
    if "predictions" in given:
        predictions = class_codes(given["predictions"], "predictions", known.code)
    raw = _Raw(truth, scores, predictions, groups, _checked_ids(ids))
    return raw.rows(known.names, missing)


@dataclass(frozen=True, slots=True)
class _Labels:
    """The names of the classes, in the order of their numbers."""

    names: tuple[str, ...]

    def code(self, value: Any) -> int | None:
        """The number of a class: a text that is its name, else its number."""
        text = class_text(value)
        if text in self.names:
            return self.names.index(text)
        if text.isdecimal() and int(text) < len(self.names):
            return int(text)
        return None


def _labels(
    given: Mapping[str, Any], labels: tuple[str, ...] | None, scores: NDArray[np.float64] | None
) -> _Labels:
    columns = given.get("scores")
    if isinstance(columns, ScoreColumns):
        if labels is not None and labels != columns.labels:
            raise InvalidParameter(
                f"`labels` are {', '.join(labels)} and the columns of scores are for "
                f"{', '.join(columns.labels)}; name them alike, or leave `labels` out."
            )
        labels = columns.labels
    width = 0
    if scores is not None and scores.ndim == 2:
        width = scores.shape[1]
    elif scores is not None and not np.isnan(scores).all():
        width = 2
    names = labels or _inferred(given, width)
    if len(set(names)) < len(names) or not 2 <= len(names) <= _MOST_CLASSES:
        raise InvalidParameter(
            f"There are {len(names)} labels; 2 to {_MOST_CLASSES} different ones are needed."
        )
    if width and width != len(names):
        raise InvalidParameter(
            f"There are {len(names)} labels and scores of {width} classes; a list of single "
            "scores is for two classes, else a row has a score for each class."
        )
    return _Labels(names)


def _inferred(given: Mapping[str, Any], width: int) -> tuple[str, ...]:
    """The labels when nobody names them: class numbers, or the texts in their order."""
    values = [
        value
        for name in ("truth", "predictions")
        if name in given
        for value in distinct(given[name], name)
    ]
    texts = sorted({class_text(value) for value in values})
    numbered = all(text.isdecimal() for text in texts)
    if numbered and (width > 2 or set(texts) <= {"0", "1"}):
        return tuple(str(number) for number in range(max(2, width)))
    if width:
        if len(texts) == width and not numbered:
            return tuple(texts)
        raise InvalidParameter(
            f"The truth has {len(texts)} classes ({', '.join(texts[:5])}) and the scores are for "
            f"{width}; name all classes with `labels`, in the order of their scores."
        )
    return tuple(sorted(texts, key=int)) if numbered else tuple(texts)


def _checked_ids(ids: list[str | None] | None) -> tuple[str, ...] | None:
    if ids is None:
        return None
    known: dict[str, int] = {}
    for row, name in enumerate(ids):
        if name is None or name in known:
            problem = "is missing" if name is None else f"is that of row {known[name]}, too"
            raise InvalidRows(
                f"The id of row {row} {problem}; give each row an id of its own, or none any.",
                errors=[{"location": f"ids.{row}", "row": row, "received": name}],
            )
        known[name] = row
    return tuple(known)


@dataclass(frozen=True, slots=True)
class _Raw:
    """Columns of one length, before incomplete rows are left out."""

    truth: Codes
    scores: NDArray[np.float64] | None
    predictions: Codes | None
    groups: list[str | None] | None
    ids: tuple[str, ...] | None

    def rows(self, labels: tuple[str, ...], missing: str) -> Rows:
        excluded = self._excluded()
        if excluded and missing == "refuse":
            raise missing_values(excluded)
        kept = np.ones(self.truth.size, bool)
        kept[[entry.row for entry in excluded]] = False
        places = np.flatnonzero(kept)
        groups = None
        if self.groups is not None:
            groups = np.zeros(self.truth.size, np.int64)
            groups[places] = codes([str(self.groups[row]) for row in places.tolist()])
        everything = Rows(
            labels,
            self.truth,
            self.scores,
            self.predictions,
            groups,
            self.ids,
            np.arange(self.truth.size),
        )
        by_id = sorted(excluded, key=lambda entry: (entry.id or "", entry.row))
        rows = everything.taken(places)
        return Rows(**{**vars(rows), "excluded": tuple(by_id)}).canonical()

    def _excluded(self) -> list[Excluded]:
        faults: list[tuple[MissingReason, NDArray[np.bool_]]] = [
            ("missing_truth", self.truth < 0),
        ]
        if self.scores is not None:
            across = self.scores if self.scores.ndim == 2 else self.scores[:, None]
            faults.append(("missing_score", np.asarray(np.isnan(across).any(axis=1))))
            faults.append(("infinite_score", np.asarray(np.isinf(across).any(axis=1))))
        if self.predictions is not None:
            faults.append(("missing_prediction", self.predictions < 0))
        if self.groups is not None:
            nameless = np.array([is_missing(group) for group in self.groups], bool)
            faults.append(("missing_group", nameless))
        reasons: dict[int, MissingReason] = {}
        for reason, found in faults:
            for row in np.flatnonzero(found).tolist():
                reasons.setdefault(row, reason)
        ids = self.ids
        return [
            Excluded(row, reasons[row], None if ids is None else ids[row])
            for row in sorted(reasons)
        ]


def missing_values(excluded: list[Excluded]) -> MissingValues:
    """The refusal of rows that lack something."""
    first = excluded[0]
    return MissingValues(
        f"{len(excluded)} rows lack something, first row {first.row} ({first.reason}); complete "
        "them, or let missing=exclude leave them out.",
        errors=[
            {"location": str(entry.row), "row": entry.row, "received": entry.reason}
            for entry in excluded[:100]
        ],
    )
