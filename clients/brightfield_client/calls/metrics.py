"""POST /metrics."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import httpx2
import numpy as np

from brightfield_client.arrays import Array
from brightfield_client.calls.call import Call, query_text, read_json
from brightfield_client.images import NPY, to_payload
from brightfield_client.results.evaluation import Evaluation

# For each task with pairs, what the service calls the truth and what is judged by it.
_PAIRS = {"segmentation": ("truth", "prediction"), "restoration": ("reference", "image")}
_FORMS = frozenset({"png", "data", "npy", "rle", "array"})


def metrics(
    truth: Any,
    scores: Any = None,
    *,
    predictions: Any = None,
    task: str = "classification",
    ids: Sequence[Any] | None = None,
    groups: Sequence[Any] | None = None,
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
        groups: what belongs together (patients, slides): intervals are then found by groups.
        labels: the classes in the order of their numbers.
        ci: `{"method", "level", "resamples", "seed"}` of the intervals.
        options: the task's others, as threshold, operating_point, mode, pixel_size, iou_type, bits.

    Raises `UnprocessableError` with the row for wrong types, lengths and labels.
    """
    wanted = {"labels": None if labels is None else [str(label) for label in labels], "ci": ci}
    wanted |= options
    given = {name: _plain(value) for name, value in wanted.items() if value is not None}
    if task == "classification":
        columns = {"truth": truth, "score": scores, "prediction": predictions}
        return _table(columns | {"id": ids, "group": groups}, given)
    if scores is not None:
        raise ValueError(f"`scores` are for classification; pass `predictions` for {task}.")
    document: dict[str, Any] = {"task": task, **given}
    if task in _PAIRS:
        document["pairs"] = _pairs(truth, predictions, ids, _PAIRS[task])
    else:
        document |= {"ground_truth": truth, "detections": predictions}
    return _document(document if groups is None else {**document, "groups": groups})


def _document(document: Mapping[str, Any]) -> Call[Evaluation]:
    """JSON with the options beside the data."""
    body = json.dumps(document, default=_plain).encode()
    call = Call("POST", "/metrics", _read)
    return replace(call, headers={"Content-Type": "application/json"}, content=body)


def _table(columns: Mapping[str, Any], options: Mapping[str, Any]) -> Call[Evaluation]:
    """Arrays as NPZ, which keeps every digit, with the options in the query."""
    stream = io.BytesIO()
    arrays: dict[str, Any] = {
        name: _column(values, name) for name, values in columns.items() if values is not None
    }
    np.savez(stream, **arrays)
    params = {
        name: json.dumps(value) if isinstance(value, list | dict) else query_text(value)
        for name, value in options.items()
    }
    call = Call("POST", "/metrics", _read, params)
    headers = {"Content-Type": "application/x-npz"}
    return replace(call, headers=headers, content=stream.getvalue())


def _column(values: Any, name: str) -> Array:
    """An array of numbers or of texts; what is missing becomes NaN or an empty text."""
    array = np.asarray(values)
    if array.dtype.kind != "O":
        return array
    flat = array.tolist()
    if any(isinstance(value, str) for value in flat):
        return np.array(["" if _missing(value) else str(value) for value in flat], np.str_)
    try:
        return np.array(flat, np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"`{name}` holds neither numbers nor texts alone.") from None


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and value != value)  # noqa: PLR0124 - NaN


def _pairs(
    truth: Any, predictions: Any, ids: Sequence[Any] | None, names: tuple[str, str]
) -> list[dict[str, Any]]:
    if predictions is None or len(truth) != len(predictions):
        count = 0 if predictions is None else len(predictions)
        raise ValueError(f"There are {len(truth)} truths and {count} predictions.")
    found = []
    for index, pair in enumerate(zip(truth, predictions, strict=True)):
        entry = {name: _image(value) for name, value in zip(names, pair, strict=True)}
        found.append(entry if ids is None else {"id": _plain(ids[index]), **entry})
    return found


def _image(source: Any) -> Any:
    """An image or mask inside JSON, None for one that is missing."""
    if source is None or (isinstance(source, Mapping) and _FORMS & set(source)):
        return source
    if isinstance(source, Mapping):  # COCO's encoding, whose counts pycocotools has as bytes
        counts = source["counts"]
        text = counts.decode("ascii") if isinstance(counts, bytes) else counts
        return {"rle": {"size": [int(side) for side in source["size"]], "counts": text}}
    payload = to_payload(source)
    if payload.stored:
        raise ValueError("A stored image cannot be evaluated; pass the image itself.")
    form = "npy" if payload.media_type == NPY else "png"
    return {form: base64.b64encode(payload.content).decode()}


def _plain(value: Any) -> Any:
    """NumPy's values as Python's, also inside lists and dicts that JSON goes through."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, bytes):
        return value.decode("ascii")
    if isinstance(value, tuple | list):
        return [_plain(part) for part in value]
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    return value


def _read(response: httpx2.Response) -> Evaluation:
    return Evaluation.from_json(read_json(response))
