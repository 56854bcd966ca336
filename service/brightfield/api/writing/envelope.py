"""The JSON around a result."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from brightfield.api.problems import problem
from brightfield.engine import Answer, ImageFacts, MultiImageAnswer
from brightfield.errors import BrightfieldError
from brightfield.images.picture import Note
from brightfield.results import MapSpace


def envelope(
    answer: Answer, request_id: str, space: MapSpace, *, with_result: bool = True
) -> dict[str, Any]:
    """One image's answer as design and documentation describe it."""
    seen = ImageFacts.of(answer.picture, answer.scaling)
    document = {
        **_origin(answer, request_id),
        "image": {**_image(seen), "tiles": answer.tiles},
        "result": answer.result.payload(space) if with_result else None,
        **_circumstances(answer),
    }
    if not with_result:
        del document["result"]
    return document


def together_envelope(answer: MultiImageAnswer, request_id: str, space: MapSpace) -> dict[str, Any]:
    """One answer about several images: `images` in the order sent, each with its own warnings, or
    with what is wrong with it as `error`."""
    return {
        **_origin(answer, request_id),
        "images": [
            {"error": problem(seen, f"{request_id}.{index}")}
            if isinstance(seen, BrightfieldError)
            else {**_image(seen), "warnings": _warnings(seen.notes)}
            for index, seen in enumerate(answer.images)
        ],
        "result": answer.result.payload(space),
        **_circumstances(answer),
    }


def _origin(answer: Answer | MultiImageAnswer, request_id: str) -> dict[str, Any]:
    return {
        "id": request_id,
        "task": answer.task,
        "model": {
            "id": answer.card.id,
            "version": answer.card.version,
            "sha256": answer.sha256,
            "digest": answer.digest,
        },
    }


def _circumstances(answer: Answer | MultiImageAnswer) -> dict[str, Any]:
    return {
        "warnings": _warnings(answer.notes),
        "timing_ms": _milliseconds(answer),
        "batch_size": answer.batch_size,
    }


def _warnings(notes: Sequence[Note]) -> list[dict[str, str]]:
    return [{"code": note.code, "detail": note.detail} for note in notes]


def _image(seen: ImageFacts) -> dict[str, Any]:
    scaling = seen.scaling
    return {
        "sha256": seen.sha256,
        "width": seen.width,
        "height": seen.height,
        "axes": seen.axes,
        "dtype": _name(seen.dtype),
        "orientation_applied": seen.orientation_applied,
        "intensity": scaling._asdict() if scaling else {"mode": "raw", "low": None, "high": None},
        "pixel_size": seen.pixel_size,
    }


@lru_cache
def _name(dtype: np.dtype[Any]) -> str:
    """NumPy puts the name together anew at every call."""
    return str(dtype.name)


def _milliseconds(answer: Answer | MultiImageAnswer) -> dict[str, float]:
    return {stage: round(1e3 * value, 3) for stage, value in answer.timing.seconds.items()}
