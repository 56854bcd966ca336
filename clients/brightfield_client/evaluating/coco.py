"""A COCO data set on disk."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from brightfield_client.evaluating.dataset import Case, Dataset, of_cases

_KEYS = {
    "images": ("id", "file_name"),
    "annotations": ("image_id", "category_id"),
    "categories": ("id", "name"),
}


def by_coco(file: Path, images: Path | None) -> Dataset:
    """The images and true objects of a COCO file.

    Images lie in `images`, else in the folder `images` beside the file, else beside it. A case's
    truth is `{"image", "annotations"}`. Raises `ValueError` for what isn't such a file.
    """
    document = _read(file)
    names = {category["id"]: str(category["name"]) for category in document["categories"]}
    used = {annotation["category_id"] for annotation in document["annotations"]}
    return replace(
        of_cases((Case(*found) for found in _images(document, file, images)), file),
        labels=tuple(name for key, name in names.items() if key in used),
        extra={"categories": [{"id": key, "name": name} for key, name in names.items()]},
    )


def by_object(file: Path, images: Path | None) -> Dataset:
    """Every true object of a COCO file as a case, whose group is its image.

    Images lie as in `by_coco`. Raises `ValueError` for what isn't such a file, or has an object
    without a box.
    """
    document = _read(file)
    names = {category["id"]: str(category["name"]) for category in document["categories"]}
    nameless = {each["category_id"] for each in document["annotations"]} - set(names)
    if nameless:
        raise ValueError(f"{file} has objects of the category {nameless.pop()}, which has no name.")
    cases = (
        Case(f"{name}#{place}", path, names[each["category_id"]], name, _box(each, file))
        for name, path, truth in _images(document, file, images)
        for place, each in enumerate(truth["annotations"])
        if not each.get("iscrowd")
    )
    return of_cases(cases, file)


def _images(
    document: Mapping[str, Any], file: Path, images: Path | None
) -> Iterator[tuple[str, Path, dict[str, Any]]]:
    """Name, path and truth of every image."""
    beside = file.parent / "images"
    folder = images or (beside if beside.is_dir() else file.parent)
    annotations: dict[Any, list[Mapping[str, Any]]] = defaultdict(list)
    for annotation in document["annotations"]:
        annotations[str(annotation["image_id"])].append(annotation)
    if strange := annotations.keys() - {str(image["id"]) for image in document["images"]}:
        where = f"{len(strange)} images that it doesn't list, image_id {min(strange)} first"
        raise ValueError(f"{file} has annotations of {where}; list the images or remove these.")
    for image in document["images"]:
        name = str(image["file_name"])
        yield name, folder / name, {"image": image, "annotations": annotations[str(image["id"])]}


def _box(annotation: Mapping[str, Any], file: Path) -> tuple[float, float, float, float]:
    try:
        left, top, width, height = map(float, annotation["bbox"])
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"{file} has an object without a box: {annotation}.") from None
    return left, top, width, height


def _read(file: Path) -> dict[str, Any]:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        for name, keys in _KEYS.items():
            for entry in document[name]:
                _ = [entry[key] for key in keys]
        return dict(document)
    except (ValueError, KeyError, TypeError) as fault:
        raise ValueError(
            f"{file} isn't a COCO data set with images, annotations and categories: "
            f"{type(fault).__name__} {fault}."
        ) from None
