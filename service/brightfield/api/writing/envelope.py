"""The JSON around a result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import lru_cache
from typing import Any

import numpy as np

from brightfield.api.problems import problem
from brightfield.engine import Answer, ImageFacts, MultiImageAnswer
from brightfield.errors import BrightfieldError
from brightfield.images.picture import Note
from brightfield.results import MapSpace, counting_nulls
from brightfield.scaling import Scaling


def envelope(
    answer: Answer,
    request_id: str,
    space: MapSpace,
    *,
    name: str | None = None,
    with_result: bool = True,
) -> dict[str, Any]:
    """One image's answer as design and documentation describe it; `name` is that of its file."""
    seen = ImageFacts.of(answer.picture, answer.scaling, answer.region, scale=answer.scale)
    result, notes = _result(answer, space) if with_result else ({}, ())
    return {
        **_origin(answer, request_id),
        "image": {"name": name, **_image(seen, answer.plane_scalings), "tiles": answer.tiles},
        **result,
        **_circumstances(answer, notes),
    }


def together_envelope(
    answer: MultiImageAnswer, request_id: str, space: MapSpace, names: Sequence[str | None]
) -> dict[str, Any]:
    """One answer about several images: `images` in the order sent, each under its name and with its
    own warnings, or with what is wrong with it as `error`."""
    result, notes = _result(answer, space)
    return {
        **_origin(answer, request_id),
        "images": [
            {"error": problem(seen, f"{request_id}.{index}")}
            if isinstance(seen, BrightfieldError)
            else {"name": name, **_image(seen), "warnings": warnings_json(seen.notes)}
            for index, (seen, name) in enumerate(zip(answer.images, names, strict=True))
        ],
        **result,
        **_circumstances(answer, notes),
    }


def _result(
    answer: Answer | MultiImageAnswer, space: MapSpace
) -> tuple[dict[str, Any], tuple[Note, ...]]:
    """The member `result`, and what is to be known of it."""
    with counting_nulls() as nulls:
        payload = answer.result.payload(space)
    if not nulls.count or any(note.code == "not_finite" for note in answer.notes):
        return {"result": payload}, ()
    note = Note(
        "not_finite",
        f"{nulls.count} numbers of the result are NaN or infinite, which JSON doesn't have; they "
        "are null.",
    )
    return {"result": payload}, (note,)


def _origin(answer: Answer | MultiImageAnswer, request_id: str) -> dict[str, Any]:
    return {
        "id": request_id,
        "task": answer.task,
        "model": {
            "id": answer.card.id,
            "version": answer.card.version,
            "sha256": answer.sha256,
            "digest": answer.digest,
            "backend": answer.ran.backend,
            "precision": answer.ran.precision,
        },
    }


def _circumstances(answer: Answer | MultiImageAnswer, further: Sequence[Note]) -> dict[str, Any]:
    return {
        "warnings": warnings_json((*answer.notes, *further)),
        "timing_ms": _milliseconds(answer),
        "batch_size": answer.batch_size,
    }


def warnings_json(notes: Sequence[Note]) -> list[dict[str, str]]:
    return [{"code": note.code, "detail": note.detail} for note in notes]


def _image(seen: ImageFacts, planes: Sequence[Scaling] = ()) -> dict[str, Any]:
    return {
        "sha256": seen.sha256,
        "width": seen.width,
        "height": seen.height,
        "axes": seen.axes,
        "dtype": _name(seen.dtype),
        "orientation_applied": seen.orientation_applied,
        "intensity": intensity_json(seen, planes),
        "pixel_size": seen.pixel_size,
        "scale": seen.scale,
        "spacing": seen.spacing,
        "selection": {
            **seen.address.json(),
            **_level(seen),
            "region": None if seen.region is None else asdict(seen.region),
        },
    }


def _level(seen: ImageFacts) -> dict[str, Any]:
    """The level of a pyramid that was read for its scale."""
    if seen.level is not None:
        return {"level": seen.level.number, "level_by": "scale"}
    return {}


def intensity_json(seen: ImageFacts, planes: Sequence[Scaling] = ()) -> dict[str, Any]:
    """The limits of each plane and channel; `low` and `high` where one pair is for all."""
    if seen.scaling is None:
        return {"mode": "raw", "low": None, "high": None, "limits": []}
    several = list(enumerate(planes)) if len(planes) > 1 else [(None, seen.scaling)]
    used = [
        {"plane": plane, "channel": channel, "low": low, "high": high}
        for plane, scaling in several
        for channel, low, high in _of_channels(scaling, seen.channels)
    ]
    one = used[0] if len(used) == 1 else {"low": None, "high": None}
    mode = seen.scaling.mode
    return {"mode": mode, "low": one["low"], "high": one["high"], "limits": used}


def _of_channels(
    scaling: Scaling, places: Sequence[int]
) -> Iterator[tuple[int | None, float, float]]:
    """The number in the file, low and high of each channel; the number None where all have one."""
    if not scaling.channels:
        yield None, scaling.low, scaling.high
        return
    numbers = places if len(places) == len(scaling.channels) else range(len(scaling.channels))
    for number, (low, high) in zip(numbers, scaling.channels, strict=True):
        yield number, low, high


@lru_cache
def _name(dtype: np.dtype[Any]) -> str:
    """NumPy puts the name together anew at every call."""
    return str(dtype.name)


def _milliseconds(answer: Answer | MultiImageAnswer) -> dict[str, float]:
    return {stage: round(1e3 * value, 3) for stage, value in answer.timing.seconds.items()}
