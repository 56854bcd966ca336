"""POST /metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any, Unpack

from brightfield_client.calls import _parameters as given
from brightfield_client.calls.call import Call, query
from brightfield_client.calls.predictions import Columns, Evaluand, options_of, predictions_of
from brightfield_client.calls.reading import one
from brightfield_client.results.evaluation import Evaluation

_FILES = {".npz": "application/x-npz", ".json": "application/json"}


def metrics(  # noqa: PLR0913 - all of an evaluation
    truth: Any,
    scores: Any = None,
    *,
    predictions: Any = None,
    task: Evaluand = "classification",
    ids: Sequence[Any] | None = None,
    groups: Columns | None = None,
    labels: Sequence[Any] | None = None,
    ci: Mapping[str, Any] | None = None,
    require: str | Sequence[str] | None = None,
    timeout: float | None = None,
    **options: Unpack[given.EvaluationParameters],
) -> Call[Evaluation]:
    """How good predictions are: metrics with intervals, curves, confusion, the worst cases.

    Raises `UnprocessableError` with the row for wrong types, lengths and labels.

    | task | truth | predictions |
    |---|---|---|
    | classification | labels or class numbers | `scores`, or predicted labels |
    | multilabel | labels of each row, or 0 and 1 | `scores`, or predicted labels |
    | segmentation | masks | masks |
    | detection | a COCO data set | COCO results |
    | restoration | reference images | images |

    Args:
        truth: a sequence or an array, None or NaN where a value is missing; of `detection` a dict;
            or the path of a CSV, NPZ or JSON file with all that is sent.
        scores: of `classification` alone: (n,) or (n, k).
        predictions: as many as there are truths; a mask is a path, an array, a PIL image, or COCO's
            run-length encoding.
        task: what is evaluated.
        ids: names of the rows or pairs.
        groups: what belongs together (patients, slides): intervals are then found by groups. Or
            columns by name: `group` and those of the option `by`.
        labels: the classes in the order of their numbers.
        ci: `{"method", "level", "resamples", "seed"}` of the intervals.
        require: what numbers must reach, as `auroc>=0.9`; `timeout`: seconds for this call.
    """
    call = Call("POST", "/metrics", one(Evaluation), timeout=timeout)
    chosen = options_of(labels, ci, {"require": require, **options})
    if isinstance(truth, str | PathLike):
        file, named = Path(truth), {} if task == "classification" else {"task": task}
        kind = _FILES.get(file.suffix.lower(), "text/csv")
        params, headers = query(named | chosen), {"Content-Type": kind}
        return replace(call, params=params, headers=headers, content=file.read_bytes())
    found = predictions_of(task, truth, scores, predictions, ids, groups)
    if found.document is not None:  # JSON has the options beside the data
        found = replace(found, document={"task": task, **chosen, **found.document})
    media_type, content = found.body()
    params = {} if found.document is not None else query(chosen)
    return replace(call, params=params, headers={"Content-Type": media_type}, content=content)
