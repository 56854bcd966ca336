"""The sizes that cards state: nuclei far larger than the network knows are found by scale.

`BRIGHTFIELD_ALL_SIZES=1` draws all sizes, as `benchmarks/object_sizes.py` does.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator

import numpy as np
import pytest

from benchmarks.object_sizes import EDGES, Field, drawn, fluorescence, matched
from brightfield.engine import Answer, Engine
from brightfield.settings import Settings
from brightfield.tasks.objects.objects import Objects
from brightfield.tasks.segment import Segment

ALL = bool(os.environ.get("BRIGHTFIELD_ALL_SIZES"))
SIZES = (20, 32, 48, 64, 80, 100, 140, 170, 200) if ALL else (20, 140)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with Engine(Settings(data=tmp_path_factory.mktemp("data"), device="cpu", threads=1)) as made:
        yield made


def ask(engine: Engine, field: Field, **more: float) -> Answer:
    buffer = io.BytesIO()
    np.save(buffer, field.pixels[..., 0])
    return engine.ask(Segment(), buffer.getvalue(), model="nuclei", **more)


@pytest.mark.slow
@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize("size", SIZES)
def test_nuclei_of_any_size_are_found_by_their_pixel_size(
    engine: Engine, size: int, edge: str
) -> None:
    field = drawn(size, EDGES[edge], fluorescence, seed=1)
    answer = ask(engine, field, pixel_size=10 / size)  # they are 10 micrometres across
    assert isinstance(answer.result, Objects)
    boxes = [found.box for found in answer.result.objects]
    assert (matched(field.boxes, boxes), len(boxes)) == (16, 16)
    assert "objects_outside_range" not in [note.code for note in answer.notes]


@pytest.mark.slow
def test_without_a_size_nobody_takes_them_for_an_empty_field(engine: Engine) -> None:
    answer = ask(engine, drawn(140, 0.0, fluorescence, seed=1))
    assert {"nothing_found", "objects_outside_range"} & {note.code for note in answer.notes}
