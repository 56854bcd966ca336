"""Neighbours as a picture: the query first, then the items, the nearest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from brightfield.images.contact_sheet import Row, SheetCell, contact_sheet
from brightfield.images.legend import PictureLegend, with_legend
from brightfield.images.thumbnail import opened
from brightfield.store.items import Items
from brightfield.tensors import Rgb

_SIDE, _ACROSS = 128, 6
_BLANK = np.full((1, 1, 3), 233, np.uint8)


def neighbor_montage(
    items: Items,
    found: Mapping[str, Any],
    query: bytes | str | None,
    *,
    name: str | None = None,
    legend: bool,
) -> Rgb:
    """A tile for the query and one for each neighbour, with its distance and id.

    `query` is the thumbnail of an image, whose file has the `name` if that is known, the id of an
    item, or None for a vector. A tile is grey
    where there is no picture, as of an item that was added as a vector. Blocks.
    """
    ids = [each["id"] for each in found["neighbors"]]
    asked = query if isinstance(query, str) else None
    pictures = _thumbnails(items, found["collection"], ids if asked is None else [*ids, asked])
    shown = opened(query) if isinstance(query, bytes) else pictures.get(asked or "", _BLANK)
    told = "vector" if query is None else asked or name or "image"
    tiles = [SheetCell((shown,), "query:", told)]
    for each in found["neighbors"]:
        picture = pictures.get(each["id"], _BLANK)
        tiles.append(SheetCell((picture,), f"{each['distance']:.3g}", each["id"]))
    rows = [Row(tiles[start : start + _ACROSS]) for start in range(0, len(tiles), _ACROSS)]
    sheet = contact_sheet(rows, _SIDE)
    return with_legend(sheet, PictureLegend((_told(found),))) if legend else sheet


def _thumbnails(items: Items, name: str, ids: Sequence[str]) -> dict[str, Rgb]:
    """By id, of the items that are there still and have one."""
    with items.moment(name) as moment:
        numbers = {item.number: each for each, item in moment.by_ids(ids).items()}
        key = moment.collection.key
    known = items.thumbnails(key, list(numbers))
    return {numbers[number]: opened(data) for number, data in known.items()}


def _told(found: Mapping[str, Any]) -> str:
    space = {"embedding": "feature space", "pixels": "the space of pixels"}[found["space"]]
    return (
        f"nearest of {found['searched']} items of {found['collection']} in {space}, with the "
        f"{found['metric']} distance"
    )
