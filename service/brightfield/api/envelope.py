"""The JSON around a result, and the same facts as headers for binary replies."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from brightfield.engine import Answer
from brightfield.results import Space


def envelope(
    answer: Answer, request_id: str, space: Space, *, with_result: bool = True
) -> dict[str, Any]:
    """One image's answer as design and documentation describe it."""
    document = {
        "id": request_id,
        "task": answer.task,
        "model": {
            "id": answer.card.id,
            "version": answer.card.version,
            "sha256": answer.sha256,
        },
        "image": _image(answer),
        "result": answer.result.payload(space) if with_result else None,
        "warnings": [{"code": note.code, "detail": note.detail} for note in answer.notes],
        "timing_ms": _milliseconds(answer),
        "batch_size": answer.batch_size,
    }
    if not with_result:
        del document["result"]
    return document


def _image(answer: Answer) -> dict[str, Any]:
    picture, scaling = answer.picture, answer.scaling
    return {
        "sha256": picture.sha256,
        "width": picture.width,
        "height": picture.height,
        "axes": picture.axes,
        "dtype": _name(picture.pixels.dtype),
        "orientation_applied": picture.orientation_applied,
        "intensity": scaling._asdict() if scaling else {"mode": "raw", "low": None, "high": None},
        "pixel_size": picture.pixel_size,
        "tiles": answer.tiles,
    }


@lru_cache
def _name(dtype: np.dtype[Any]) -> str:
    """NumPy puts the name together anew at every call."""
    return str(dtype.name)


def _milliseconds(answer: Answer) -> dict[str, float]:
    return {stage: round(1e3 * value, 3) for stage, value in answer.timing.seconds.items()}


def facts(answers: Sequence[Answer]) -> dict[str, str]:
    """Headers: the model, the codes of the warnings, and the time per stage over all images; of a
    single one also the numbers of its result, as `X-PSNR`."""
    if not answers:
        return {}
    headers = {"X-Model": f"{answers[0].card.id}@{answers[0].card.version}"}
    codes = dict.fromkeys(note.code for answer in answers for note in answer.notes)
    if codes:
        headers["X-Image-Warnings"] = ", ".join(codes)
    if len(answers) == 1:
        headers |= {
            f"X-{name.upper()}": f"{n:.6g}" for name, n in answers[0].result.numbers.items()
        }
    total: dict[str, float] = {}
    for answer in answers:
        for stage, value in answer.timing.seconds.items():
            total[stage] = total.get(stage, 0.0) + value
    headers["Server-Timing"] = ", ".join(
        f"{stage};dur={1e3 * value:.2f}" for stage, value in total.items()
    )
    return headers
