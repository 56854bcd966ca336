"""A COCO data set on disk."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from brightfield_client.evaluating.dataset import Case, Dataset, of_cases


def by_coco(file: Path, images: Path | None) -> Dataset:
    """The images and true objects of a COCO file.

    Images lie in `images`, else in the folder `images` beside the file, else beside it. A case's
    truth is `{"image", "annotations"}`. Raises `ValueError` for what is no such file.
    """
    document = _read(file)
    folder = images or (
        file.parent / "images" if (file.parent / "images").is_dir() else file.parent
    )
    annotations: dict[Any, list[Mapping[str, Any]]] = defaultdict(list)
    for annotation in document["annotations"]:
        annotations[annotation["image_id"]].append(annotation)
    cases = [
        Case(
            str(image["file_name"]),
            folder / str(image["file_name"]),
            {"image": image, "annotations": annotations[image["id"]]},
        )
        for image in document["images"]
    ]
    used = {annotation["category_id"] for annotation in document["annotations"]}
    categories = [{"id": c["id"], "name": str(c["name"])} for c in document["categories"]]
    labels = [category["name"] for category in categories if category["id"] in used]
    return replace(of_cases(cases, file, labels), extra={"categories": categories})


def _read(file: Path) -> dict[str, Any]:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        for name, keys in (
            ("images", ("id", "file_name")),
            ("annotations", ("image_id", "category_id")),
            ("categories", ("id", "name")),
        ):
            for entry in document[name]:
                for key in keys:
                    entry[key]
    except (ValueError, KeyError, TypeError) as fault:
        raise ValueError(
            f"{file} is no COCO data set with images, annotations and categories: "
            f"{type(fault).__name__} {fault}."
        ) from None
    return dict(document)
