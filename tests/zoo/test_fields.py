"""What the shipped model of nuclei finds in fields whose truth is known.

BRIGHTFIELD_FIELDS says how many fields of each kind there are; the default is sized for CI.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import tifffile

from brightfield import Engine, tasks
from brightfield.engine.answer import Answer
from brightfield.tasks.task import Task

from .fields import counts, empty_fields, noise, nuclear_fields, nuclei

NUCLEI = tasks.Segment()
LONG = {"photo-x4", "microscopy-x2"}  # to load and to examine
MANY = int(os.environ.get("BRIGHTFIELD_FIELDS", "1"))

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120 * MANY)]


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine() as started:
        yield started


def asked(
    engine: Engine, array: np.ndarray[Any, Any], task: Task = NUCLEI, model: str = "nuclei"
) -> Answer:
    file = io.BytesIO()
    np.save(file, array)
    return engine.ask(task, file.getvalue(), model=model)


def labels(answer: Answer) -> np.ndarray[Any, Any]:
    return np.asarray(answer.result.raster("image").array)


def codes(answer: Answer) -> set[str]:
    return {note.code for note in answer.notes}


def test_empty_fields_stay_empty(engine: Engine) -> None:
    for seed in range(MANY):
        answers = {kind: asked(engine, field) for kind, field in empty_fields(seed, 256).items()}
        found = {kind: int(labels(answer).max()) for kind, answer in answers.items()}
        assert max(found.values()) <= 2, found
        quiet = {kind for kind, answer in answers.items() if "low_contrast" not in codes(answer)}
        assert quiet <= {"gradient", "debris"}  # which are no noise


def test_nuclei_are_found_however_they_are_shown(engine: Engine) -> None:
    for seed in range(MANY):
        fields, truth = nuclear_fields(seed)
        found = {
            kind: truth.matched(labels(asked(engine, field))) for kind, field in fields.items()
        }
        # In about one of 50 fields, the network cuts a nucleus in two.
        assert min(found.values()) >= (60 if seed == 0 else 59), found


@pytest.mark.parametrize("blur", [0, 1.5])
def test_one_nucleus_in_a_large_field_is_one(engine: Engine, blur: float) -> None:
    truth = nuclei(0, 1, 1000)
    answer = asked(engine, counts(400 + 1000 * truth.unit + 20 * noise(1, blur, 1000)))
    assert int(labels(answer).max()) == truth.matched(labels(answer)) == 1
    assert "few_bright_pixels" in codes(answer)


def test_the_type_of_numbers_changes_no_answer(engine: Engine) -> None:
    for seed in range(20 if MANY > 1 else 2):
        fields, _ = nuclear_fields(seed)
        for kind in ("dim and noisy", "stained"):
            field = fields[kind]
            same = labels(asked(engine, field))
            for other in (field.astype("u2") * np.uint16(257), (field / 255).astype("f4")):
                np.testing.assert_array_equal(labels(asked(engine, other)), same)


def predicted(answer: Answer) -> np.ndarray[Any, Any]:
    found = sorted(answer.result.payload("image")["predictions"], key=lambda one: str(one["label"]))
    return np.array([one["score"] for one in found])


def boxed(answer: Answer) -> np.ndarray[Any, Any]:
    objects = answer.result.payload("image")["objects"]
    return np.array([(one["class_id"], one["score"], *one["box"].values()) for one in objects])


def enlarged(answer: Answer) -> np.ndarray[Any, Any]:
    """In steps of 8 bits, as far as the image's type tells them apart."""
    pixels = np.asarray(answer.result.raster("image").array)
    steps = {"u": 255 / np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else 1}
    return pixels * np.float64(steps.get(pixels.dtype.kind, 255))


SHIPPED: dict[str, tuple[Task, str, Callable[[Answer], np.ndarray[Any, Any]], float, int]] = {
    "imagenet-lite0": (tasks.Classify(), "stained", predicted, 0, 128),
    "blood-cell-types": (tasks.Classify(), "stained", predicted, 0, 128),
    "blood-cells": (tasks.Detect(), "stained", boxed, 0, 128),
    "photo-x2": (tasks.Superresolve(), "stained", enlarged, 0.51, 32),
    "photo-x4": (tasks.Superresolve(), "stained", enlarged, 0.51, 32),
    "microscopy-x2": (tasks.Superresolve(), "dim and noisy", enlarged, 0.51, 32),
}


@pytest.mark.parametrize(
    "model", SHIPPED if MANY > 1 else [name for name in SHIPPED if name not in LONG]
)
def test_the_type_of_numbers_changes_no_shipped_models_answer(engine: Engine, model: str) -> None:
    """To the last bit; enlarged pixels are rounded in the type that was sent."""
    task, kind, values, rounding, side = SHIPPED[model]
    for seed in range(20 if MANY > 1 else 1):
        field = nuclear_fields(seed)[0][kind][:side, :side]
        same = values(asked(engine, field, task, model))
        for factor in (np.uint16(257), np.float32(1 / 255)):
            other = values(asked(engine, (field * factor).astype(type(factor)), task, model))
            np.testing.assert_allclose(other, same, rtol=0, atol=rounding)


def test_planes_out_of_focus_stay_dark(engine: Engine) -> None:
    truth = nuclei(3, 20, 256)
    focus = (0, 0, 1, 1, 0, 0)
    planes = [
        counts(400 + 3500 * sharp * truth.unit + 20 * noise(place, 1.5, 256))
        for place, sharp in enumerate(focus)
    ]
    file = io.BytesIO()
    tifffile.imwrite(file, np.stack(planes), imagej=True, metadata={"axes": "ZYX"})
    answer = engine.ask(tasks.Segment(volume=True), file.getvalue(), model="nuclei")
    assert len(answer.result.objects) == 20  # type: ignore[attr-defined]
    assert answer.plane_scalings == ()
    alone = engine.ask(
        tasks.Segment(volume=True, intensity_over="plane"), file.getvalue(), model="nuclei"
    )
    assert len(alone.plane_scalings) == len(focus)
    assert alone.plane_scalings[0] != alone.plane_scalings[2]
