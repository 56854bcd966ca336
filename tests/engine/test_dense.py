"""The choice of the model, what is refused, and what comes with an image."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from brightfield.errors import AmbiguousAxes, InvalidCard, InvalidParameter, UnfitImage, WrongTask
from brightfield.outages import ModelFailed
from brightfield.tasks.detect import Detect
from brightfield.tasks.segment import Segment
from brightfield.tasks.superresolve import Superresolve

from ..toys.engines import Bench, EngineOf, noise, npy, png

IMAGE = png(noise(20, 30))


@pytest.fixture(scope="module")
def desk(engine_of: EngineOf) -> Bench:
    return Bench(engine_of(default_models="superresolve=repeat-x2"))


class TestTheModelByScale:
    def test_the_default_where_it_does(self, desk: Bench) -> None:
        for task in (Superresolve(), Superresolve(scale=2)):
            assert desk.answer(task, IMAGE).card.id == "repeat-x2"

    def test_else_the_one_that_is_named_most_alike(self, desk: Bench) -> None:
        assert desk.answer(Superresolve(scale=3), IMAGE).card.id == "repeat-x3"
        assert desk.answer(Superresolve(scale=4), IMAGE).card.id == "repeat-x4"

    def test_else_none(self, desk: Bench) -> None:
        with pytest.raises(InvalidParameter, match=r"not 7 times\. No other model does"):
            desk.answer(Superresolve(scale=7), IMAGE)

    def test_a_named_model_of_another_scale_is_refused(self, desk: Bench) -> None:
        with pytest.raises(InvalidParameter, match="repeat-x2 enlarges 2 times, not 3"):
            desk.answer(Superresolve(scale=3), IMAGE, "repeat-x2")


@pytest.mark.parametrize(
    ("task", "model", "error", "match"),
    [
        (Segment(), "cells-4", WrongTask, "'detect'"),
        (Superresolve(), "bright", WrongTask, "'segment'"),
        (Detect(), "repeat-x2", WrongTask, "'superresolve'"),
        (Segment(classes=("cell",)), "bright", InvalidParameter, "no class 'cell'"),
        (Detect(classes=("2",)), "cells-4", InvalidParameter, "no class '2'"),
        (Segment(), "unnamed", InvalidCard, "names no labels"),
        (Detect(), "unnamed", InvalidCard, "names no labels"),
        (Segment(), "one-map", InvalidCard, "needs 2 maps"),
        (Detect(), "one-label", InvalidCard, "names 1 labels"),
        (Superresolve(), "fixed-x2", UnfitImage, "resizes or crops"),
        (Superresolve(), "small", InvalidCard, "enlarges 2 times"),
        (Superresolve(), "nothing", ModelFailed, "has NaN among its outputs"),
    ],
)
def test_refusals(bench: Bench, task: Any, model: str, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        bench.answer(task, IMAGE, model)


def test_a_fixed_size_is_no_hindrance_where_the_image_has_it(bench: Bench) -> None:
    image = noise(16, 16)
    found: Any = bench.answer(Superresolve(), png(image), "fixed-x2").result
    assert np.array_equal(found.pixels, image.repeat(2, 0).repeat(2, 1))


class TestReferences:
    def test_its_faults_come_before_the_work(self, bench: Bench) -> None:
        steps: list[Any] = []
        more: dict[str, Any] = {"attachments": {"reference": IMAGE}, "progress": steps.append}
        for task in (Superresolve(), Superresolve(tile=16)):
            # `nothing` would fail in its forward pass.
            with pytest.raises(InvalidParameter, match=r"30 x 20 pixels .* have 60 x 40") as raised:
                bench.answer(task, IMAGE, "nothing", **more)
            assert raised.value.errors[0]["location"] == "reference"
        grey = {"reference": png(np.zeros((40, 60), np.uint8))}
        with pytest.raises(InvalidParameter, match="1 channels"):
            bench.answer(Superresolve(), IMAGE, "nothing", attachments=grey)
        assert steps == []

    def test_a_fault_names_the_file(self, bench: Bench) -> None:
        odd = {"reference": npy(np.zeros((2, 40, 60), np.uint8))}
        with pytest.raises(AmbiguousAxes, match=r"^`reference`: The axes"):
            bench.answer(Superresolve(), IMAGE, "repeat-x2", attachments=odd)

    def test_it_is_read_as_the_image_is(self, bench: Bench) -> None:
        cube = np.random.default_rng(0).integers(0, 99, (4, 2, 10, 12), np.uint16)
        wide = cube.repeat(2, 2).repeat(2, 3)
        answer: Any = bench.answer(
            Superresolve(), npy(cube), "repeat-x2", axes="ZCYX", z=1, channels="1",
            attachments={"reference": npy(wide)},
        ).result  # fmt: skip
        assert np.array_equal(answer.pixels[..., 0], wide[1, 1])
        assert answer.payload("image")["psnr"] is None  # infinite
        assert answer.payload("image")["ssim"] == pytest.approx(1)
