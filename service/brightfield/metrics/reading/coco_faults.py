"""Faults of single images in a COCO data set, each of which costs its image alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from brightfield.errors import BadRequest, InvalidRows, TooLarge, Unsupported
from brightfield.metrics.reading.coco_ids import CocoId, id_text, same_id
from brightfield.metrics.reading.rows import Excluded, MissingReason

Faults = Mapping[str, str | None]
"""What is wrong with images, by their ids as text; None of one that nobody answered about."""

NO_FAULTS: Faults = MappingProxyType({})
OF_AN_IMAGE = (BadRequest, InvalidRows, TooLarge, Unsupported)
"""What can be wrong with an image, not with the options."""


def note_faults(
    entries: Iterable[tuple[int, Any]],
    read: Callable[[Any, int], object],
    images: Mapping[CocoId, Mapping[str, Any]],
    faults: dict[str, str | None],
) -> None:
    """The first fault of each image, of annotations or detections by their rows.

    Raises the fault of an entry that names no image of the data set.
    """
    for row, entry in entries:
        try:
            read(entry, row)
        except OF_AN_IMAGE as fault:
            key = same_id(entry.get("image_id")) if isinstance(entry, dict) else None
            if key is None or key not in images:
                raise
            name = images[key].get("file_name")
            detail = f"{name}: {fault.detail}" if isinstance(name, str) and name else fault.detail
            faults.setdefault(id_text(key), detail)


def unanswered(found: Sequence[Any]) -> dict[str, str | None]:
    """The images that `{"image_id": 1, "missing": true}` among the detections says have none."""
    entries = (entry for entry in found if isinstance(entry, dict) and entry.get("missing") is True)
    return {id_text(entry.get("image_id")): None for entry in entries}


def readable_rows(entries: Sequence[Any], faults: Faults) -> Iterator[tuple[int, Any]]:
    """Annotations or detections with their rows, without those of images with a fault."""
    for row, entry in enumerate(entries):
        named = isinstance(entry, dict) and faults
        if not named or id_text(entry.get("image_id")) not in faults:
            yield row, entry


def left_out_images(images: Sequence[Mapping[str, Any]], faults: Faults) -> Iterator[Excluded]:
    """The images with a fault or without an answer, which are named by their ids."""
    for row, entry in enumerate(images):
        key = id_text(entry["id"])
        if key in faults:
            reason: MissingReason = "missing_prediction" if faults[key] is None else "unreadable"
            yield Excluded(row, reason, str(entry["id"]), detail=faults[key])
