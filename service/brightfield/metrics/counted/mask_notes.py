"""What is to be known of masks that were nevertheless evaluated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from brightfield.images.picture import Note
from brightfield.metrics.counted.segmented import MeasuredPair
from brightfield.metrics.reports.notes import turned_upright

_SIDES = ("truth", "prediction")


def mask_notes(cases: Sequence[MeasuredPair]) -> Iterator[Note]:
    """Of values that may mean something else, and of distances that missed masks have not."""
    yield from _one_value(cases)
    void = sum("perhaps_void" in case.marks for case in cases)
    if void:
        yield Note(
            "perhaps_void",
            f"In {void:,} of {len(cases):,} pairs the truth has 255 or 65535 beside other values, "
            "which often means void; here it is foreground, or an object. Send ignore=255 if it is "
            "void.",
        )
    several = sum("several_values" in case.marks for case in cases)
    if several:
        yield Note(
            "several_values",
            f"In {several:,} of {len(cases):,} pairs a mask has several values beside 0, which all "
            "are one foreground here. Send `labels` if they are classes, mode=instance if they are "
            "objects, and `ignore` if one is void.",
        )
    turned = [sum(f"{side}_turned" in case.marks for case in cases) for side in _SIDES]
    yield from turned_upright(turned, ("true masks", "predicted ones"), len(cases))
    yield from _missed(cases)


def _one_value(cases: Sequence[MeasuredPair]) -> Iterator[Note]:
    counts = {side: sum(f"{side}_in_one_value" in case.marks for case in cases) for side in _SIDES}
    if any(counts.values()):
        yield Note(
            "one_object_in_parts",
            f"{counts['truth']:,} true and {counts['prediction']:,} predicted masks of "
            f"{len(cases):,} pairs have values that each lie in several parts. With "
            "mode=instance a value is an object; if these are masks of foreground or of classes, "
            "number their parts first (scipy.ndimage.label), or send mode=semantic.",
        )


def _missed(cases: Sequence[MeasuredPair]) -> Iterator[Note]:
    """A model that finds less has fewer distances, which says nothing good about it."""
    reasons = [[outline.without for outline in case.outlines] for case in cases]
    empty = {
        side: sum(f"empty_{side}" in own for own in reasons) for side in ("prediction", "truth")
    }
    if any(empty.values()):
        yield Note(
            "distances_without_missed",
            f"hd95 and assd leave out {empty['prediction']:,} of {len(cases):,} cases in which a "
            f"predicted mask is empty and {empty['truth']:,} in which a true one is; nsd counts "
            "them as 0. missing_distance=diagonal counts the image's diagonal for them.",
        )
