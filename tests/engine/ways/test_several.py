"""One answer about several images, by toy tasks of that kind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

import numpy as np
import pytest

from brightfield.cards import ModelCard
from brightfield.engine import MultiImageAnswer
from brightfield.errors import BrightfieldError, Cancelled, TruncatedImage
from brightfield.outages import ModelFailed
from brightfield.results import Result
from brightfield.runtime.ticket import Ticket
from brightfield.tasks.embed import Embed
from brightfield.tasks.kinds.several import ImageOutput, Several

from ...toys.engines import Bench, noise, npy, png
from ...toys.number import Number

IMAGES = [png(noise(24, 24, seed)) for seed in range(11)]


class Gathered(Several):
    """The sum of a layer's values over all images; keeps which images it was given."""

    result: ClassVar[type[Result]] = Number
    borrows: ClassVar[str | None] = "classify"
    given: ClassVar[list[int]] = []

    layer: str | None = None
    """The layer."""

    @property
    def reads(self) -> str | None:
        return self.layer

    def combined(self, outputs: Iterable[ImageOutput], card: ModelCard) -> Number:
        self.given.clear()
        total = 0.0
        for one in outputs:
            assert len(one.output) == 1
            self.given.append(one.image)
            total += float(one.output.double().sum())
        return Number(total)


def ask(
    bench: Bench, images: Sequence[bytes | Callable[[], bytes]], **options: Any
) -> MultiImageAnswer:
    task = Gathered(layer=options.pop("layer", None))
    return asyncio.run(bench.engine.answer_together(task, images, **options))


def test_each_image_goes_through_the_layer_once_and_in_order(bench: Bench) -> None:
    answer = ask(bench, IMAGES, layer="0", model="bare")
    alone = (bench.answer(Embed(layer="0", pool="none"), image, "bare") for image in IMAGES)
    expected = sum(one.result.raster("image").array.sum(dtype=np.float64) for one in alone)
    assert answer.result.payload("image")["number"] == pytest.approx(expected, rel=1e-6)
    assert Gathered.given == list(range(len(IMAGES)))
    assert (answer.task, answer.card.id, answer.notes) == ("test_several", "bare", ())
    assert answer.batch_size > 1


def test_what_cannot_be_read_is_left_out_and_said(bench: Bench) -> None:
    def absent() -> bytes:
        raise BrightfieldError("The image is gone.")

    answer = ask(bench, [IMAGES[0][:-300], IMAGES[1], absent, IMAGES[2]])
    assert Gathered.given == [1, 3]
    first, second, third, fourth = answer.images
    assert isinstance(first, TruncatedImage) and str(third) == "The image is gone."
    assert not isinstance(second, BrightfieldError) and not isinstance(fourth, BrightfieldError)
    assert second.width == 24
    (note,) = answer.notes
    assert note.code == "images_left_out" and note.detail.startswith("2 of 4 images")


def test_one_that_the_model_fails_on_is_left_out(bench: Bench) -> None:
    black = png(np.zeros((8, 8, 3), np.uint8))
    answer = ask(bench, [black, IMAGES[0], black], model="fragile")
    assert Gathered.given == [0, 2]
    assert isinstance(answer.images[1], ModelFailed)


def test_where_none_can_be_read_the_first_fault_is_raised(bench: Bench) -> None:
    with pytest.raises(TruncatedImage):
        ask(bench, [IMAGES[0][:-300], npy(np.zeros((4, 4, 9)))])


def test_progress_and_withdrawal(bench: Bench) -> None:
    steps: list[tuple[int, int]] = []
    ask(bench, IMAGES, progress=lambda step: steps.append((step.done, step.total)))
    assert steps == [(done, len(IMAGES)) for done in range(1, len(IMAGES) + 1)]
    ticket = Ticket()
    with pytest.raises(Cancelled):
        ask(bench, IMAGES, model="single", ticket=ticket, progress=lambda _: ticket.cancel())
    assert len(Gathered.given) < len(IMAGES)
