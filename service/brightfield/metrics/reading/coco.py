"""A COCO data set and detections in it, checked and in canonical order."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from brightfield.errors import InvalidParameter, InvalidRows
from brightfield.images.limits import Limits
from brightfield.metrics.reading.coco_columns import image_columns
from brightfield.metrics.reading.coco_faults import (
    NO_FAULTS,
    Faults,
    left_out_images,
    note_faults,
    readable_rows,
)
from brightfield.metrics.reading.coco_ids import CocoId, id_text, in_order, same_id
from brightfield.metrics.reading.coco_masks import CocoMask, read_coco_mask
from brightfield.metrics.reading.columns import names, wrong_row
from brightfield.metrics.reading.groups import Groups, dense
from brightfield.metrics.reading.predictions import missing_values
from brightfield.metrics.reading.rows import ONE_CALL, Excluded, Origin, codes, digest
from brightfield.metrics.statistics.resampling import Codes

IouType = Literal["bbox", "segm"]


@dataclass(frozen=True, slots=True)
class CocoObject:
    """A true object or a detection; `image` and `category` are places in the scene's lists.

    `row` is its place in the list that was sent, `id` what an annotation was called there; `box` is
    x, y, width, height in pixels; `score` is 0 and `crowd` may be True for a true object.
    """

    row: int
    image: int
    category: int
    box: tuple[float, float, float, float]
    area: float
    score: float = 0.0
    crowd: bool = False
    mask: CocoMask | None = None
    id: CocoId | None = None

    @property
    def place(self) -> tuple[int, int, float, int]:
        """The canonical order: the best score first, of equal scores the one that was sent first,
        as pycocotools has it."""
        return self.image, self.category, -self.score, self.row

    @property
    def shape(self) -> tuple[int, int, tuple[float, ...], str]:
        """What two that lie over each other have in common."""
        return self.image, self.category, self.box, "" if self.mask is None else self.mask.text

    def numbers(self) -> list[float]:
        """The row that the digest covers."""
        counts = [] if self.mask is None else self.mask.counts
        own = [self.image, self.category, *self.box, self.area, self.crowd, self.score]
        return [float(number) for number in (*own, len(counts), *counts)]


@dataclass(frozen=True, eq=False)
class CocoDataset:
    """Images and categories by ascending id, with what is in them and what was detected.

    Objects and detections are in the order of their `place`; `annotated` and `detected` say where
    their rows came from. `sizes` are the images' (height, width), infinite where nobody tells.
    `boxed` says that detections with masks have boxes as well.
    """

    images: tuple[Any, ...]
    categories: tuple[tuple[Any, str], ...]
    true: tuple[CocoObject, ...]
    found: tuple[CocoObject, ...]
    groups: Codes | None
    excluded: tuple[Excluded, ...]
    sizes: tuple[tuple[float, float], ...]
    boxed: bool = False
    annotated: Origin = ONE_CALL
    detected: Origin = ONE_CALL
    by: Mapping[str, Groups] = field(default_factory=dict)
    """Columns of the images by whose values there are numbers."""

    def part(self, images: Codes) -> CocoDataset:
        """Some images alone, by their ascending places."""
        place = {old: new for new, old in enumerate(images.tolist())}

        def inside(things: tuple[CocoObject, ...]) -> tuple[CocoObject, ...]:
            own = (thing for thing in things if thing.image in place)
            return tuple(replace(thing, image=place[thing.image]) for thing in own)

        return replace(
            self,
            images=tuple(self.images[old] for old in place),
            true=inside(self.true),
            found=inside(self.found),
            groups=None if self.groups is None else dense(self.groups[images]),
            sizes=tuple(self.sizes[old] for old in place),
            by={},
        )

    @property
    def group_count(self) -> int | None:
        """How many groups the images are of, None where there are no groups."""
        return None if self.groups is None else int(self.groups.max(initial=-1)) + 1

    def sha256(self) -> str:
        """Of categories, images, true objects and detections as float64, in canonical order."""
        head = [float(len(self.images)), float(len(self.categories))]
        things = (thing.numbers() for thing in (*self.true, *self.found))
        tables: list[NDArray[np.float64]] = [np.array(head)]
        if self.groups is not None:
            tables.append(self.groups.astype(np.float64))
        return digest(*tables, *(np.array(numbers) for numbers in things))


def read_scene(
    data: Mapping[str, Any],
    iou_type: IouType,
    missing: str,
    limits: Limits,
    faults: Faults = NO_FAULTS,
    by: Sequence[str] = (),
) -> CocoDataset:
    """The scene in `ground_truth` (COCO) and `detections` (COCO results).

    Detections without a score are left out, and so are the images with `faults`. Raises
    `InvalidRows` with the row of an annotation or detection that is wrong, `InvalidParameter` where
    the data set has no images or categories.
    """
    truth, found = _lists(data)
    every = _by_id(truth, "images")
    images = {key: entry for key, entry in every.items() if id_text(key) not in faults}
    categories = _by_id(truth, "categories")
    lacking = tuple(
        Excluded(row, "missing_score") for row, entry in enumerate(found) if _lacks_score(entry)
    )
    if lacking and missing == "refuse":
        raise missing_values(list(lacking))
    left_out = {entry.row for entry in lacking}
    rows = [(row, entry) for row, entry in readable_rows(found, faults) if row not in left_out]
    boxed = _boxed(iou_type, rows)
    reader = _Reader(images, categories, iou_type, limits, boxed=boxed)
    annotations = readable_rows(_list(truth, "annotations"), faults)
    true = [reader.true_thing(entry, row) for row, entry in annotations]
    detections = [reader.detection(entry, row) for row, entry in rows]
    return CocoDataset(
        tuple(entry["id"] for entry in images.values()),
        tuple((entry["id"], str(entry.get("name", entry["id"]))) for entry in categories.values()),
        tuple(sorted(true, key=lambda thing: thing.place)),
        tuple(sorted(detections, key=lambda thing: thing.place)),
        _groups(data.get("groups"), _list(truth, "images"), list(images)),
        (*lacking, *left_out_images(_list(truth, "images"), faults)),
        tuple((_side(entry, "height"), _side(entry, "width")) for entry in images.values()),
        boxed and bool(rows),
        by=image_columns(data, by, images),
    )


def find_faults(data: Mapping[str, Any], iou_type: IouType, limits: Limits) -> Faults:
    """What is wrong with the annotations or detections of single images.

    Raises as `read_scene` for what is wrong with the data set, or with an image that it lacks.
    """
    truth, found = _lists(data)
    images, categories = _by_id(truth, "images"), _by_id(truth, "categories")
    scored = [(row, entry) for row, entry in enumerate(found) if not _lacks_score(entry)]
    boxed = iou_type == "segm" and all(
        bool(entry.get("bbox")) for _, entry in scored if isinstance(entry, dict)
    )
    reader = _Reader(images, categories, iou_type, limits, boxed=boxed)
    known: dict[CocoId, int] = {}

    def true_thing(entry: Any, row: int) -> None:
        reader.true_thing(entry, row)
        _check_own_id(entry, row, known)

    faults: dict[str, str | None] = {}
    note_faults(enumerate(_list(truth, "annotations")), true_thing, images, faults)
    note_faults(scored, reader.detection, images, faults)
    return faults


def _lists(data: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[Any]]:
    truth, found = data.get("ground_truth"), data.get("detections")
    if not isinstance(truth, dict) or not isinstance(found, list):
        raise InvalidParameter(
            "Send `ground_truth` (a COCO data set: images, annotations, categories) and "
            "`detections` (a list of COCO results)."
        )
    return truth, found


def check_annotation_ids(data: Mapping[str, Any]) -> None:
    """Raises `InvalidRows` where two annotations of a data set have one id: nobody can tell whether
    they are one object, and pycocotools takes the last of them for both."""
    known: dict[CocoId, int] = {}
    for row, entry in enumerate(_list(data["ground_truth"], "annotations")):
        _check_own_id(entry, row, known)


def _check_own_id(entry: Mapping[str, Any], row: int, known: dict[CocoId, int]) -> None:
    key = same_id(entry["id"]) if "id" in entry else None
    if key is not None and known.setdefault(key, row) != row:
        expected = f"annotation {known[key]} has this id; give each its own, or none any"
        raise wrong_row("annotations.id", row, expected, entry["id"])


def _boxed(iou_type: IouType, rows: Sequence[tuple[int, Any]]) -> bool:
    """Whether all detections with masks have boxes as well."""
    boxes = (isinstance(entry, dict) and bool(entry.get("bbox")) for _, entry in rows)
    return iou_type == "segm" and all(boxes)


def _lacks_score(entry: Any) -> bool:
    if not isinstance(entry, dict):
        return False
    score = entry.get("score")
    return score is None or (isinstance(score, float) and np.isnan(score))


def _list(document: Mapping[str, Any], name: str) -> list[Any]:
    value = document.get(name)
    if not isinstance(value, list):
        raise InvalidParameter(
            f"`ground_truth` has no list `{name}`.", errors=[{"location": f"ground_truth.{name}"}]
        )
    return value


def _by_id(document: Mapping[str, Any], name: str) -> dict[CocoId, Mapping[str, Any]]:
    """The entries of a list by their ids, ascending."""
    found: dict[CocoId, Mapping[str, Any]] = {}
    for row, entry in enumerate(_list(document, name)):
        given = entry.get("id") if isinstance(entry, dict) else None
        key = same_id(given)
        if key is None or key in found:
            expected = "an object with an id of its own (integer or text) is expected"
            raise wrong_row(name, row, expected, given)
        found[key] = entry
    return dict(sorted(found.items(), key=lambda item: in_order(item[1]["id"])))


def _groups(given: Any, images: list[Any], order: list[CocoId]) -> Codes | None:
    """A code for each image in ascending order; `given` are in the order of `images`."""
    if given is None:
        return None
    found = names(given, "groups")
    if len(found) != len(images):
        raise InvalidRows(
            f"There are {len(images)} images and {len(found)} groups; send one for each image.",
            errors=[{"location": "groups", "row": min(len(images), len(found))}],
        )
    if None in found:
        raise wrong_row("groups", found.index(None), "each image needs a group", None)
    of_image = {same_id(i["id"]): str(group) for i, group in zip(images, found, strict=True)}
    return codes([of_image[key] for key in order])


class _Reader:
    """Checks single annotations and detections."""

    def __init__(
        self,
        images: Mapping[CocoId, Mapping[str, Any]],
        categories: Mapping[CocoId, Any],
        iou_type: IouType,
        limits: Limits,
        *,
        boxed: bool,
    ) -> None:
        self._images = {key: place for place, key in enumerate(images)}
        self._categories = {key: place for place, key in enumerate(categories)}
        self._sizes = [(entry.get("height"), entry.get("width")) for entry in images.values()]
        self._iou_type = iou_type
        self._limits = limits
        self._boxed = boxed

    def true_thing(self, entry: Any, row: int) -> CocoObject:
        thing = self._thing(entry, "annotations", row)
        crowd = entry.get("iscrowd", 0)
        if crowd not in (0, 1):
            raise wrong_row("annotations.iscrowd", row, "0 or 1 is expected", crowd)
        area = thing.area
        if entry.get("area") is not None:
            area = _number(entry["area"], "annotations.area", row)
        return replace(thing, area=area, crowd=bool(crowd), id=same_id(entry.get("id")))

    def detection(self, entry: Any, row: int) -> CocoObject:
        thing = self._thing(entry, "detections", row)
        score, area = _number(entry["score"], "detections.score", row), thing.area
        if self._boxed:  # as pycocotools does
            _, _, width, height = _box(entry["bbox"], "detections.bbox", row)
            area = width * height
        return replace(thing, score=score, area=area)

    def _thing(self, entry: Any, name: str, row: int) -> CocoObject:
        if not isinstance(entry, dict):
            raise wrong_row(name, row, "an object is expected", entry)
        image = self._known(entry, "image_id", self._images, name, row)
        category = self._known(entry, "category_id", self._categories, name, row)
        if self._iou_type == "bbox":
            box = _box(entry.get("bbox"), f"{name}.bbox", row)
            return CocoObject(row, image, category, box, box[2] * box[3])
        size = self._sizes[image]
        place = f"{name}.segmentation"
        mask = read_coco_mask(entry.get("segmentation"), size, place, row, self._limits)
        return CocoObject(row, image, category, (0.0,) * 4, float(mask.area), mask=mask)

    def _known(
        self, entry: Mapping[str, Any], key: str, places: Mapping[CocoId, int], name: str, row: int
    ) -> int:
        known = same_id(entry.get(key))
        if known is None or known not in places:
            raise wrong_row(f"{name}.{key}", row, "no such id in `ground_truth`", entry.get(key))
        return places[known]


def _side(image: Mapping[str, Any], name: str) -> float:
    side = image.get(name)
    known = isinstance(side, int | float) and not isinstance(side, bool) and side > 0
    return float(side) if known else math.inf  # type: ignore[arg-type]


def _number(value: Any, name: str, row: int) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise wrong_row(name, row, "a number is expected", value)
    return float(value)


def _box(value: Any, name: str, row: int) -> tuple[float, float, float, float]:
    if not isinstance(value, list) or len(value) != 4:
        raise wrong_row(name, row, "x, y, width and height are expected", value)
    x, y, width, height = (_number(number, name, row) for number in value)
    if width < 0 or height < 0:
        raise wrong_row(name, row, "width and height are not negative", value)
    return x, y, width, height
