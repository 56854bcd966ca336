"""True and predicted values as the body of a request."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from brightfield_client.arrays import Array, plain
from brightfield_client.images import NPY, to_payload

# For each task with pairs, what the service calls the truth and what is judged by it.
_PAIRS = {"segmentation": ("truth", "prediction"), "restoration": ("reference", "image")}
Evaluand = Literal["classification", "multilabel", "segmentation", "detection", "restoration"]
Columns = Sequence[Any] | Mapping[str, Sequence[Any]]
"""Groups, or columns by name: `group` and those of the option `by`."""
_FORMS = frozenset({"png", "data", "npy", "rle", "array"})


@dataclass(frozen=True)
class Predictions:
    """What is evaluated; `document` is None of a classification, whose columns are arrays."""

    columns: Mapping[str, Any]
    document: Mapping[str, Any] | None

    def body(self) -> tuple[str, bytes]:
        """Its media type and itself: NPZ, which keeps every digit, or JSON."""
        if self.document is not None:
            return "application/json", json.dumps(self.document, default=plain).encode()
        stream = io.BytesIO()
        known = {name: values for name, values in self.columns.items() if values is not None}
        arrays: dict[str, Any] = {name: _column(values, name) for name, values in known.items()}
        np.savez(stream, **arrays)
        return "application/x-npz", stream.getvalue()


def predictions_of(
    task: str,
    truth: Any,
    scores: Any,
    predictions: Any,
    ids: Sequence[Any] | None,
    groups: Columns | None,
) -> Predictions:
    """Raises `ValueError` for what does not belong to the task, or not together."""
    named = groups if isinstance(groups, Mapping) else {"group": groups}
    if task == "classification":
        found = {"truth": truth, "score": scores, "prediction": predictions}
        return Predictions({**found, "id": ids, **named}, None)
    if scores is not None and task != "multilabel":
        raise ValueError(f"`scores` are for classes; pass `predictions` for {task}.")
    others = {name: column for name, column in named.items() if name != "group"}
    document = {"groups": named.get("group"), "columns": others or None}
    if task == "multilabel":
        document |= {"truth": truth, "scores": scores, "predictions": predictions, "ids": ids}
    elif task in _PAIRS:
        document["pairs"] = _pairs(truth, predictions, ids, _PAIRS[task])
    else:
        document |= {"ground_truth": truth, "detections": predictions}
    return Predictions({}, {name: part for name, part in document.items() if part is not None})


def options_of(
    labels: Sequence[Any] | None, ci: Mapping[str, Any] | None, others: Mapping[str, Any]
) -> dict[str, Any]:
    """The options that are given, as JSON has them."""
    text = labels is None or (isinstance(labels, str) and "," in labels)
    every = labels if text else [str(each) for each in labels or ()]
    named = {"labels": every, "ci": ci}
    return {name: value for name, value in {**named, **others}.items() if value is not None}


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
    sides = [[image_entry(value) for value in side] for side in (truth, predictions)]
    found = [dict(zip(names, pair, strict=True)) for pair in zip(*sides, strict=True)]
    known = [{}] * len(found) if ids is None else [{"id": name} for name in ids]
    return [{**name, **each} for name, each in zip(known, found, strict=True)]


def image_entry(source: Any) -> Any:
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
