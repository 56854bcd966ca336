"""POST /metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from brightfield_client.calls.call import Call
from brightfield_client.calls.predictions import Columns, as_query, options_of, predictions_of
from brightfield_client.calls.reading import one
from brightfield_client.results.evaluation import Evaluation


def metrics(
    truth: Any,
    scores: Any = None,
    *,
    predictions: Any = None,
    task: str = "classification",
    ids: Sequence[Any] | None = None,
    groups: Columns | None = None,
    labels: Sequence[Any] | None = None,
    ci: Mapping[str, Any] | None = None,
    **options: Any,
) -> Call[Evaluation]:
    """How good predictions are: metrics with intervals, curves, confusion, the worst cases.

    | task | truth | predictions |
    |---|---|---|
    | classification | labels or class numbers | `scores`, or predicted labels |
    | segmentation | masks | masks |
    | detection | a COCO data set | COCO results |
    | restoration | reference images | images |

    Args:
        truth: a sequence or an array, None or NaN where a value is missing; of `detection` a dict.
        scores: of `classification` alone: (n,) or (n, k).
        predictions: as many as there are truths; a mask is a path, an array, a PIL image, or COCO's
            run-length encoding.
        task: what is evaluated.
        ids: names of the rows or pairs.
        groups: what belongs together (patients, slides): intervals are then found by groups. Or
            columns by name: `group` and those of the option `by`.
        labels: the classes in the order of their numbers.
        ci: `{"method", "level", "resamples", "seed"}` of the intervals.
        options: the task's others, as threshold, operating_point, mode, pixel_size, iou_type, bits.

    Raises `UnprocessableError` with the row for wrong types, lengths and labels.
    """
    given = options_of(labels, ci, options)
    found = predictions_of(task, truth, scores, predictions, ids, groups)
    if found.document is not None:  # JSON has the options beside the data
        found = replace(found, document={"task": task, **given, **found.document})
    media_type, content = found.body()
    call = Call("POST", "/metrics", one(Evaluation))
    params = {} if found.document is not None else as_query(given)
    return replace(call, params=params, headers={"Content-Type": media_type}, content=content)
