"""From the columns of a classification to predictions whose types, classes and scores are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brightfield.errors import InvalidParameter, InvalidRows
from brightfield.metrics.reading.by_columns import read_columns, wanted_columns
from brightfield.metrics.reading.columns import (
    ClassColumn,
    ScoreColumns,
    class_text,
    names,
    same_length,
    score_table,
)
from brightfield.metrics.reading.groups import Groups
from brightfield.metrics.reading.predictions import Predictions

_MOST_CLASSES = 1000
# Two words of which everybody takes the second for the positive class, in small letters.
_PAIRS = (
    ("negative", "positive"),
    ("neg", "pos"),
    ("no", "yes"),
    ("n", "y"),
    ("false", "true"),
    ("absent", "present"),
    ("-", "+"),
)


def read_predictions(
    data: Mapping[str, Any],
    labels: tuple[str, ...] | None,
    *,
    alone: bool,
    positive: str | int | None = None,
    by: Sequence[str] | None = None,
) -> Predictions:
    """The rows as they came. Scores of two columns stay two columns.

    `alone` says that there are no other rows, so that labels which nobody named can be told from
    these; rows of one chunk of many do not tell them. Of two texts one must be known as the
    positive: by `positive`, or because everybody takes it so (no and yes). Raises `InvalidRows`,
    `InvalidParameter`.
    """
    wanted_columns(data, by)
    given = {name: column for name, column in data.items() if column is not None}
    if "truth" not in given or not ("scores" in given or "predictions" in given):
        raise InvalidParameter("Send `truth` and `scores`, or `truth` and `predictions`.")
    scores = score_table(given["scores"], "scores") if "scores" in given else None
    classes: dict[str, ClassColumn] = {
        name: ClassColumn.of(given[name], name)
        for name in ("truth", "predictions")
        if name in given
    }
    known = _labels(given.get("scores"), classes, labels, scores, alone, positive)
    if scores is not None and len(known.names) > 2 and scores.ndim == 1:
        scores = np.full((scores.size, len(known.names)), np.nan)  # rows that are all missing
    ids, groups = (
        names(given[name], name) if name in given else None for name in ("ids", "groups")
    )
    columns: dict[str, Any] = {"truth": classes["truth"], "scores": scores, **classes}
    columns |= {"ids": ids, "groups": groups}
    same_length({name: column for name, column in columns.items() if column is not None})
    codes = {name: column.codes(known.code) for name, column in classes.items()}
    own = None if groups is None else Groups.of(groups)
    return Predictions(
        known.names,
        codes["truth"],
        scores,
        codes.get("predictions"),
        own,
        _checked_ids(ids),
        by=read_columns(data, by, codes["truth"].size),
    )


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
    columns: Any,
    classes: Mapping[str, ClassColumn],
    labels: tuple[str, ...] | None,
    scores: NDArray[np.float64] | None,
    alone: bool,
    positive: str | int | None,
) -> _Labels:
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
    in_columns = scores is not None and scores.ndim == 2
    names = labels or _inferred(classes, width, alone, None if in_columns else positive)
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


def _inferred(
    classes: Mapping[str, ClassColumn], width: int, alone: bool, positive: str | int | None
) -> tuple[str, ...]:
    """The labels when nobody names them: class numbers, or the texts in their order."""
    texts = sorted({class_text(value) for own in classes.values() for value in own.known()})
    numbered = all(text.isdecimal() for text in texts)
    if numbered and (width > 2 or set(texts) <= {"0", "1"}):
        return tuple(str(number) for number in range(max(2, width)))
    if not alone:
        raise InvalidParameter(
            f"These rows alone do not tell all classes ({', '.join(texts[:5])}); name them with "
            "`labels` in the options of the run.",
            errors=[{"location": "labels", "received": texts[:5]}],
        )
    if not numbered and len(texts) == 2 and width in (0, 2):
        return _two_texts(texts, positive)
    if width:
        raise InvalidParameter(_unknown_order(texts, width), errors=[{"location": "labels"}])
    return tuple(sorted(texts, key=int)) if numbered else tuple(texts)


def _unknown_order(texts: Sequence[str], width: int) -> str:
    shown = ", ".join(texts[:5])
    if len(texts) == width:
        return (
            f"Nobody says which score is for which of the classes {shown}; name them with "
            "`labels`, in the order of their scores."
        )
    return (
        f"The truth has {len(texts)} classes ({shown}) and the scores are for {width}; name all "
        "classes with `labels`, in the order of their scores."
    )


def _two_texts(texts: Sequence[str], positive: str | int | None) -> tuple[str, ...]:
    """The negative class and the positive. Raises `InvalidParameter` where nobody says which."""
    by_word = {text.strip().lower(): text for text in texts}
    for pair in _PAIRS:
        if set(by_word) == set(pair):
            return tuple(by_word[word] for word in pair)
    if positive is None:
        raise InvalidParameter(
            f"The classes are {texts[0]} and {texts[1]}, and nobody says which is the positive "
            f"one; send positive={texts[0]} or positive={texts[1]} for single scores, else "
            "`labels` in the order of the scores, the positive class second.",
            errors=[{"location": "positive", "expected": list(texts)}],
        )
    return tuple(texts)


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
