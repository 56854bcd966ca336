"""The COCO data set of many images, from those of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def take_in(whole: dict[str, Any], part: Mapping[str, Any], file_name: str) -> None:
    """Add a part's images and annotations, numbered anew. A single image gets the `file_name`; the
    planes of a stack have names of their own."""
    images, annotations = whole.setdefault("images", []), whole.setdefault("annotations", [])
    named = {"file_name": file_name} if len(part["images"]) == 1 else {}
    ids = {each["id"]: len(images) + n for n, each in enumerate(part["images"], 1)}
    images += [{**each, **named, "id": ids[each["id"]]} for each in part["images"]]
    for number, each in enumerate(part["annotations"], len(annotations) + 1):
        annotations.append({**each, "id": number, "image_id": ids[each["image_id"]]})
    whole.update({**part, **whole})
