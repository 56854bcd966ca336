"""COCO's JSON of objects (https://cocodataset.org/#format-data), as pycocotools reads it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from brightfield.images.objects import Object, ObjectSource


def dataset(
    images: Iterable[tuple[ObjectSource, Sequence[Object]]], names: Sequence[str]
) -> dict[str, Any]:
    """Images with their objects, annotations and categories; it loads as truth and as results.

    `names` are the model's labels by class id. Ids begin with 1, so `category_id` is the class
    id + 1; annotations are numbered through all images. `file_name` is the image's SHA-256, since
    the service knows no names. The bounding box is x, y, width, height in pixels from the outer
    corner of the top-left pixel; the segmentation is the run-length encoding, or the box's corners
    for an object without a mask; `area` that of the segmentation. `score` is left out where there
    is none.
    """
    pictures: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for image_id, (source, objects) in enumerate(images, 1):
        pictures.append(
            {
                "id": image_id,
                "width": source.width,
                "height": source.height,
                "file_name": source.sha256,
            }
        )
        annotations.extend(
            {"id": number, "image_id": image_id, **_annotation(found)}
            for number, found in enumerate(objects, len(annotations) + 1)
        )
    categories = [
        {"id": class_id + 1, "name": name, "supercategory": ""}
        for class_id, name in enumerate(names)
    ]
    return {"images": pictures, "annotations": annotations, "categories": categories}


def _annotation(found: Object) -> dict[str, Any]:
    box = found.box
    content: dict[str, Any] = {
        "category_id": found.class_id + 1,
        "bbox": [box.xmin, box.ymin, box.width, box.height],
        "iscrowd": 0,
    }
    if found.rle is None:
        xs, ys = (box.xmin, box.xmax), (box.ymin, box.ymax)
        content["segmentation"] = [[xs[0], ys[0], xs[1], ys[0], xs[1], ys[1], xs[0], ys[1]]]
        content["area"] = box.width * box.height
    else:
        content["segmentation"] = found.rle.json()
        content["area"] = found.rle.area if found.measures is None else found.measures.area_px
    if found.score is not None:
        content["score"] = found.score
    return content
