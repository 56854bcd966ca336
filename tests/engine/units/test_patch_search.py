"""Patches of real models against a search by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from torch import nn

from brightfield.engine import MultiImageAnswer, View
from brightfield.engine.image_bytes import ImageReader
from brightfield.errors import Cancelled, ImageExpired, InvalidParameter, UndecodableImage
from brightfield.explain.method import Step
from brightfield.images.cutouts import gradient_picture
from brightfield.images.objects import Box
from brightfield.images.selection import Selection
from brightfield.runtime.ahead import ROWS_AHEAD
from brightfield.runtime.ticket import Ticket
from brightfield.tasks.patches import FindPatches, Patches

from ...toys.engines import Bench, noise, png
from .test_inside import hooked, module, taken  # noqa: F401 - a fixture

IMAGES = [noise(24, 24, seed) for seed in range(5)]


def source(data: bytes) -> ImageReader:
    return lambda: data


def search(
    bench: Bench,
    task: FindPatches,
    images: Sequence[NDArray[Any] | ImageReader] = IMAGES,
    model: str = "bare",
    ticket: Ticket | None = None,
    progress: Callable[[Step], None] | None = None,
) -> MultiImageAnswer:
    sources = [image if callable(image) else source(png(image)) for image in images]
    view, ticket = View(model=model), ticket or Ticket()
    return asyncio.run(
        bench.engine.answer_together(task, sources, view, Selection(), ticket, progress)
    )


def patches(survey: MultiImageAnswer) -> Patches:
    assert isinstance(survey.result, Patches)
    return survey.result


def by_hand(maps: list[NDArray[np.float32]], unit: int, k: int) -> list[tuple[Any, ...]]:
    """Of a 3 x 3 kernel: a lower value next to a higher one, or beside its corner, is left out."""
    every = sorted(
        (
            (-float(values[unit, y, x]), index, y, x)
            for index, values in enumerate(maps)
            for y in range(24)
            for x in range(24)
            if values[unit, y, x] > values[unit].min()
        ),
    )
    kept: list[tuple[float, int, int, int]] = []
    for value, index, y, x in every:
        if len(kept) == k:
            break
        if not any(i == index and _near(y, b) and _near(x, a) for _, i, b, a in kept):
            kept.append((value, index, y, x))
    return [(index, y, x, pytest.approx(-value, abs=1e-5)) for value, index, y, x in kept]


def _near(worse: int, better: int) -> bool:
    """Whether the middle of the clipped field of one lies in the clipped field of the other."""
    middle = (max(0, worse - 1) + min(24, worse + 2)) / 2
    return max(0, better - 1) <= middle < min(24, better + 2)


def test_it_finds_what_a_search_by_hand_finds(
    bench: Bench,
    module: nn.Module,  # noqa: F811
) -> None:
    found = patches(search(bench, FindPatches(layer="1", units="6,1,3", k=4, per_image=4)))
    maps = [hooked(module, taken(image), "1") for image in IMAGES]
    assert list(found.units) == [6, 1, 3]
    for unit, mine in found.units.items():
        assert [(p.image, p.row, p.column, p.value) for p in mine] == by_hand(maps, unit, 4)


def test_the_most_active_units_are_those_with_the_greatest_sum(
    bench: Bench,
    module: nn.Module,  # noqa: F811
) -> None:
    found = patches(search(bench, FindPatches(layer="1", most=3, k=2)))
    maps = [hooked(module, taken(image), "1") for image in IMAGES]
    sums = [sum(one[3].expected for one in by_hand(maps, unit, 2)) for unit in range(8)]
    assert list(found.units) == np.argsort(sums)[::-1][:3].tolist()


def test_a_patch_is_the_part_that_the_unit_sees_with_the_gradient_beside_it(
    bench: Bench,
    module: nn.Module,  # noqa: F811
) -> None:
    """Of a rectified convolution the guided gradient is the kernel itself, clipped at borders."""
    survey = search(bench, FindPatches(layer="1", units="2", k=6))
    assert patches(survey).rule == "guided"
    assert [note.code for note in survey.notes] == ["fails_sanity_check"]
    weight = module.get_submodule("0").weight.detach()  # type: ignore[union-attr,operator]
    for patch in patches(survey).units[2]:
        top, left = patch.row - 1, patch.column - 1
        rows, columns = (slice(max(0, a), min(24, a + 3)) for a in (top, left))
        assert patch.box == Box(columns.start, rows.start, columns.stop, rows.stop)
        assert np.array_equal(patch.picture, IMAGES[patch.image][rows, columns])
        kernel = weight[2][:, rows.start - top : rows.stop - top][
            :, :, columns.start - left : columns.stop - left
        ]
        whole = Box(0, 0, kernel.shape[2], kernel.shape[1])
        assert np.array_equal(patch.gradient, gradient_picture(kernel.numpy(), whole, bgr=False))


def test_before_any_relu_the_gradient_is_plain(bench: Bench) -> None:
    survey = search(bench, FindPatches(layer="0", units="0", k=1))
    assert patches(survey).rule == "plain"
    assert [note.code for note in survey.notes] == ["plain_gradient"]
    assert patches(survey).units[0][0].gradient is not None


def test_of_a_flat_layer_a_patch_is_the_whole_image(bench: Bench) -> None:
    survey = search(bench, FindPatches(layer="logits", units="1", k=9), model="activated")
    mine = patches(survey).units[1]
    assert sorted(patch.image for patch in mine) == [0, 1, 2, 3, 4]
    assert all(patch.box == Box(0, 0, 24, 24) for patch in mine)
    assert [patch.value for patch in mine] == sorted((p.value for p in mine), reverse=True)


def test_a_bad_image_stands_in_its_place(bench: Bench) -> None:
    def gone() -> bytes:
        raise ImageExpired("It is gone.")

    images = [gone, IMAGES[0], source(b"\x89PNG\r\n\x1a\ncut"), IMAGES[1]]
    survey = search(bench, FindPatches(layer="1", units="0", k=9), images)
    assert [type(image).__name__ for image in survey.images][::2] == [
        "ImageExpired",
        "TruncatedImage",
    ]
    assert {patch.image for patch in patches(survey).units[0]} == {1, 3}
    assert "images_left_out" in [note.code for note in survey.notes]
    assert survey.images[1].width == 24  # type: ignore[union-attr]


def test_where_none_can_be_read_the_first_fault_is_raised(bench: Bench) -> None:
    def broken() -> bytes:
        raise UndecodableImage("Not an image.")

    with pytest.raises(UndecodableImage):
        search(bench, FindPatches(), [broken, broken])
    with pytest.raises(InvalidParameter, match="no unit 8"):
        search(bench, FindPatches(layer="1", units="8"))


def test_progress_is_told_and_a_withdrawn_search_ends(bench: Bench) -> None:
    steps: list[Step] = []
    search(bench, FindPatches(layer="1", k=1), progress=steps.append)
    done = [step.done for step in steps]
    assert done == sorted(done) and (done[-1], steps[-1].total) == (10, 10)
    ticket = Ticket()
    asked: list[int] = []

    def withdrawing() -> bytes:
        asked.append(1)
        ticket.cancel()
        return png(IMAGES[0])

    with pytest.raises(Cancelled):
        search(bench, FindPatches(layer="1"), [withdrawing] * 9, ticket=ticket)
    assert len(asked) == 1


def test_few_images_are_in_memory_at_a_time(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Maps are handed on as they come; no more than eight images are ahead of the gallery."""
    from brightfield.tasks.units.top_activations import TopActivations

    opened: list[int] = []
    ahead: list[int] = []
    taken_in = TopActivations.add

    def add(self: TopActivations, image: int, *more: Any) -> None:
        ahead.append(len(opened) - image)
        taken_in(self, image, *more)

    def counted(index: int) -> ImageReader:
        def read() -> bytes:
            opened.append(index)
            return png(noise(24, 24, index))

        return read

    monkeypatch.setattr(TopActivations, "add", add)
    search(bench, FindPatches(layer="1", k=1), [counted(index) for index in range(30)])
    assert max(ahead) <= ROWS_AHEAD
    assert len(opened) <= 60
