"""When a model is told to have met objects that it does not know."""

from __future__ import annotations

import pytest

from brightfield.cards import InputSpec
from brightfield.object_sizes import ObjectSizes
from brightfield.tasks.objects.known_sizes import size_notes

SPEC = InputSpec(objects=ObjectSizes(smallest=6, typical=20, largest=48))


@pytest.mark.parametrize(
    ("diameters", "scale", "warned"),
    [
        ([20.0] * 10, 1.0, False),
        ([20.0] * 19 + [60.0], 1.0, False),
        ([20.0] * 18 + [60.0, 3.0], 1.0, True),
        ([100.0] * 10, 1.0, True),
        ([100.0] * 10, 0.25, False),
        ([20.0] * 10, 0.25, True),
    ],
)
def test_a_tenth_of_other_sizes_is_a_warning(
    diameters: list[float], scale: float, warned: bool
) -> None:
    notes = size_notes(diameters, SPEC, scale, 0.5)
    assert [note.code for note in notes] == ["objects_outside_range"] * warned


@pytest.mark.parametrize(
    ("diameters", "scale", "warned"),
    [([7.0] * 30, 1.0, True), ([7.0] * 26 + [20.0] * 4, 1.0, False), ([7.0] * 30, 2.0, False)],
)
def test_crumbs_alone_are_told(diameters: list[float], scale: float, warned: bool) -> None:
    notes = size_notes(diameters, SPEC, scale, 0.5)
    assert [note.code for note in notes] == ["objects_small"] * warned
    assert all("diameter=7" in note.detail for note in notes)


def test_nothing_found_may_be_a_matter_of_size() -> None:
    (note,) = size_notes([], SPEC, 0.5, None)
    assert note.code == "nothing_found"
    assert "12 to 96 pixels" in note.detail
    assert size_notes(None, SPEC, 0.5, None) == ()


def test_a_card_without_sizes_says_nothing() -> None:
    assert size_notes([1000.0], InputSpec(), 1.0, None) == ()
