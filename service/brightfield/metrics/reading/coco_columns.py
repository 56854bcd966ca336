"""Columns of the images of a COCO data set, by whose values a report has numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from brightfield.metrics.reading.by_columns import COLUMNS, read_columns, sent_columns
from brightfield.metrics.reading.coco_ids import CocoId, same_id
from brightfield.metrics.reading.groups import Groups


def with_columns(data: Mapping[str, Any], by: Sequence[str]) -> Mapping[str, Any]:
    """The data with the lists in `columns`, in the order of its images, as members of these."""
    truth, given = data.get("ground_truth"), sent_columns(data)
    images = truth.get("images") if isinstance(truth, dict) else None
    if not given or not isinstance(truth, dict) or not isinstance(images, list):
        return data
    named = [name for name in by if name in given]
    columns = read_columns({COLUMNS: given}, named, len(images))
    entries = [
        {**image, **{name: given[name][row] for name in columns}}
        for row, image in enumerate(images)
    ]
    others = {name: value for name, value in data.items() if name != COLUMNS}
    return {**others, "ground_truth": {**truth, "images": entries}}


def image_columns(
    data: Mapping[str, Any], by: Sequence[str], images: Mapping[CocoId, Mapping[str, Any]]
) -> dict[str, Groups]:
    """Members of the images, and the groups, in ascending order of the images."""
    if not images:
        return {}
    entries = list(images.values())
    inside = {
        name: [entry.get(name) for entry in entries]
        for name in by
        if any(name in entry for entry in entries)
    }
    groups = data.get("groups")
    if groups is not None:
        sent = zip(data["ground_truth"]["images"], groups, strict=True)
        of_image = {same_id(image["id"]): group for image, group in sent}
        groups = [of_image[key] for key in images]
    return read_columns({COLUMNS: inside, "groups": groups}, by, len(entries))
