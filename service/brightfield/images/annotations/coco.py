"""COCO's JSON of objects (https://cocodataset.org/#format-data), as pycocotools reads it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brightfield.images.contours import ObjectOutline, Polygon
from brightfield.images.objects import Object, ObjectSource

Dataset = dict[str, Any]
"""`images`, `annotations` and `categories`."""


@dataclass(frozen=True, slots=True)
class CocoImage:
    """An image with its objects.

    `name` is that of its file, None where nobody told it. Objects are written by their run-length
    encodings, and by polygons where `outlines` has their ids: those of an image that was placed
    in a larger one, whose own size is not known.
    """

    source: ObjectSource
    objects: Sequence[Object]
    name: str | None = None
    outlines: Mapping[int, ObjectOutline] | None = None


def dataset(images: Iterable[CocoImage], labels: Sequence[str]) -> Dataset:
    """Images with their objects, annotations and categories; it loads as truth and as results.

    `labels` are the model's by class id. Ids begin with 1, so `category_id` is the class id + 1;
    annotations are numbered through all images. `file_name` is the name of the file, or the
    image's SHA-256 where no name is known; an image also says which plane it is, as far as one was
    chosen (`page`, `z`, `t`, `channels`). The bounding box is x, y, width, height in pixels from
    the outer corner of the top-left pixel; the segmentation is the run-length encoding, a
    polygon, or the box's corners for an object without a mask; `area` that of the segmentation.
    `score` is left out where there is none.
    """
    pictures: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for image_id, image in enumerate(images, 1):
        pictures.append({"id": image_id, **_picture(image)})
        annotations.extend(
            {"id": number, "image_id": image_id, **_annotation(found, image.outlines)}
            for number, found in enumerate(image.objects, len(annotations) + 1)
        )
    categories = [
        {"id": class_id + 1, "name": name, "supercategory": ""}
        for class_id, name in enumerate(labels)
    ]
    return {"images": pictures, "annotations": annotations, "categories": categories}


def merged(datasets: Sequence[Dataset]) -> Dataset:
    """Several data sets of one model as one: ids go on from one to the next."""
    whole: Dataset = {"images": [], "annotations": [], "categories": []}
    for part in datasets:
        images, annotations = len(whole["images"]), len(whole["annotations"])
        whole["images"] += [{**each, "id": each["id"] + images} for each in part["images"]]
        whole["annotations"] += [
            {**each, "id": each["id"] + annotations, "image_id": each["image_id"] + images}
            for each in part["annotations"]
        ]
        whole["categories"] = part["categories"]
    return whole


def _picture(image: CocoImage) -> dict[str, Any]:
    source = image.source
    named = {"file_name": image.name or source.sha256, "sha256": source.sha256}
    size = {} if source.pixel_size is None else {"pixel_size": source.pixel_size}
    known = {"width": source.width, "height": source.height, **named, **size}
    return {**known, **source.address.known}


def _annotation(found: Object, outlines: Mapping[int, ObjectOutline] | None) -> dict[str, Any]:
    box = found.box
    content: dict[str, Any] = {
        "category_id": found.class_id + 1,
        "bbox": [box.xmin, box.ymin, box.width, box.height],
        "iscrowd": 0,
    }
    outline = None if outlines is None else outlines.get(found.id)
    if outline is not None:
        content["segmentation"] = [_without_holes(part).reshape(-1).tolist() for part in outline]
    elif found.rle is not None:
        content["segmentation"] = found.rle.json()
    else:
        xs, ys = (box.xmin, box.xmax), (box.ymin, box.ymax)
        content["segmentation"] = [[xs[0], ys[0], xs[1], ys[0], xs[1], ys[1], xs[0], ys[1]]]
    if found.measures is not None:
        content["area"] = found.measures.area_px
    else:
        content["area"] = box.width * box.height if found.rle is None else found.rle.area
    if found.score is not None:
        content["score"] = found.score
    return content


def _without_holes(part: Polygon) -> NDArray[Any]:
    """One ring (n, 2): holes, which COCO's polygons have not, hang on bridges of no width."""
    ring: NDArray[Any] = part.exterior
    for hole in part.holes:
        apart = np.abs(ring[:, None] - hole[None]).sum(axis=2)
        at, begin = np.unravel_index(int(apart.argmin()), apart.shape)
        around = np.concatenate([hole[begin:], hole[: begin + 1]])
        ring = np.concatenate([ring[: at + 1], around, ring[at:]])
    return ring
