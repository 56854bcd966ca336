"""Objects by a lab's own code: it gets what the network puts out, and gives labels or boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import skimage
import torch
from numpy.typing import NDArray
from torch.utils import _pytree as pytree

from brightfield.cards import ModelCard
from brightfield.errors import InvalidCard
from brightfield.geometry import Axis, Geometry
from brightfield.images.picture import Note, Picture, Region
from brightfield.images.tiles import Tile
from brightfield.models.architecture import Candidates
from brightfield.models.loading.detection_lists import detections
from brightfield.models.loading.foreign_code import foreign_code
from brightfield.outages import ModelFailed
from brightfield.tasks.kinds.dense import Scene
from brightfield.tasks.objects.maps import Field
from brightfield.tasks.objects.partition import Partition

_THRESHOLD = 0.5


class PostInfo(NamedTuple):
    """What a lab's code is told beside the output."""

    scale: tuple[float, float]
    """Pixels of the image for each pixel of the network's input, down and across."""
    threshold: float
    """The one of the request, else of the card, else 0.5."""
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    """Objects of a field: a label image or boxes, with the class and score of each."""

    labels: NDArray[np.int32] | None
    boxes: NDArray[np.float32] | None
    classes: NDArray[np.int64]
    scores: NDArray[np.float64]


class OwnCode:
    """Collects the maps of each tile over the field, and has the card's `output.python` read them.

    The function is called once for a field, as `function(maps, info)`: `maps` are as the network
    puts them out, each (C, H, W) float32 in pixels of the image and without activation, `info` is a
    `PostInfo`. It gives a label image (H, W) of whole numbers, where 0 is the background, or a dict
    with `labels` (that image), `polygons` (a list of (k, 2) x, y) or `boxes` (n, 4) xmin, ymin,
    xmax, ymax, and maybe `classes` (n,) from 0 and `scores` (n,) from 0 to 1. A polygon with a
    higher score covers others. Places count from the corner of the field, in pixels.

    What it raises is `ModelFailed` with the cause.
    """

    def __init__(self, scene: Scene, threshold: float) -> None:
        self._scene, self._threshold = scene, threshold
        self._fields: list[Field] = []
        self._form: Any = None
        self._scale = (1.0, 1.0)

    def add(self, output: Any, geometry: Geometry, tile: Tile) -> None:
        """Take in the output for a tile (first dimension 1)."""
        maps, self._form = pytree.tree_flatten(output)
        if not maps or not all(_is_map(each) for each in maps):
            raise ModelFailed(
                f"The model {self._scene.card.id} puts out {_said(output)}, and output.python "
                "reads maps (batch, maps, H, W) for segmentation."
            )
        self._scale = (geometry.y.step, geometry.x.step)
        if not self._fields:
            self._fields = [Field(self._scene.region, each.shape[1]) for each in maps]
        for field, each in zip(self._fields, maps, strict=True):
            field.put(each[0].float().numpy(), geometry, tile)

    def partition(self) -> Partition:
        """The objects as parts of the field."""
        shape = (self._scene.region.height, self._scene.region.width)
        if not self._fields:
            return Partition.empty(shape)
        found = self._found()
        if found.labels is None:
            raise ModelFailed(
                f"output.python of {self._scene.card.id} gives boxes; segmentation needs labels or "
                "polygons."
            )
        return Partition(found.labels, found.classes, found.scores)

    def boxes(self) -> Candidates:
        """The objects as boxes, in pixels of the image."""
        card, region = self._scene.card, self._scene.region
        found = self._found()
        boxes = found.boxes if found.labels is None else _around(found.labels, len(found.classes))
        assert boxes is not None
        moved = torch.from_numpy(boxes + np.array([region.x, region.y] * 2, np.float32))
        scores = torch.from_numpy(found.scores).float()
        return detections(moved, scores, torch.from_numpy(found.classes), card)

    def _found(self) -> _Found:
        card = self._scene.card
        maps = pytree.tree_unflatten([field.values() for field in self._fields], self._form)
        answer = called(card, maps, PostInfo(self._scale, self._threshold, card.label_names))
        region = self._scene.region
        with foreign_code(f"Reading what output.python of {card.id} gives", ModelFailed):
            return _read(answer, (region.height, region.width), card)


def called(card: ModelCard, output: Any, info: PostInfo) -> Any:
    """What the card's own code makes of an output."""
    function = card.post
    assert function is not None
    with foreign_code(f"output.python of {card.id}", ModelFailed):
        return function(output, info)


def own_candidates_of(output: Any, card: ModelCard, threshold: float) -> Candidates:
    """Candidates of a tile by the card's own code, of an output that isn't maps: it gets arrays
    without the batch, and gives `boxes` in pixels of the network's input."""
    arrays = pytree.tree_map_only(torch.Tensor, lambda each: each[0].float().numpy(), output)
    answer = called(card, arrays, PostInfo((1.0, 1.0), threshold, card.label_names))
    with foreign_code(f"Reading what output.python of {card.id} gives", ModelFailed):
        found = _read(answer, (1, 1), card)
    if found.boxes is None:
        raise ModelFailed(f"output.python of {card.id} gives no boxes, which /detect needs.")
    boxes, scores = torch.from_numpy(found.boxes), torch.from_numpy(found.scores).float()
    return detections(boxes, scores, torch.from_numpy(found.classes), card)


def examined_own_code(output: Any, card: ModelCard, shape: tuple[int, int, int]) -> Sequence[Note]:
    """Has the card's own code read an output for one image of `shape` (C, H, W), as for a request.

    Raises `InvalidCard` with what it raises, or what is wrong with what it gives.
    """
    _, height, width = shape
    field = Region(0, 0, width, height)
    picture = Picture(np.zeros((height, width, 1), np.uint8), "", "npy", "YXC")
    held = pytree.tree_map_only(torch.Tensor, lambda each: each.cpu(), output)
    try:
        if card.task == "detect" and not all_maps(held):
            own_candidates_of(held, card, _THRESHOLD)
            return ()
        code = OwnCode(Scene(card, picture, field, None), _THRESHOLD)
        geometry = Geometry(Axis.of(width, 0, width), Axis.of(height, 0, height))
        code.add(held, geometry, Tile(field, field))
        _ = code.partition() if card.task == "segment" else code.boxes()
    except ModelFailed as fault:
        raise InvalidCard(fault.detail) from fault
    return ()


def all_maps(output: Any) -> bool:
    """Whether an output is maps alone, which lie over the input."""
    return all(map(_is_map, pytree.tree_leaves(output)))


def _is_map(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.dim() == 4


def _said(output: Any) -> str:
    leaves = pytree.tree_leaves(output)
    shapes = [str(tuple(each.shape)) for each in leaves if isinstance(each, torch.Tensor)]
    return f"{type(output).__name__} of {', '.join(shapes)}" if shapes else type(output).__name__


def _read(answer: Any, shape: tuple[int, int], card: ModelCard) -> _Found:
    given = answer if isinstance(answer, Mapping) else {"labels": answer}
    kinds = [name for name in ("labels", "polygons", "boxes") if given.get(name) is not None]
    if len(kinds) != 1:
        raise ModelFailed(
            f"output.python of {card.id} gives {', '.join(map(str, given)) or 'nothing'}; it gives "
            "a label image, or a dict with one of labels, polygons and boxes."
        )
    return _READERS[kinds[0]](given, shape, card)


def _labels(given: Mapping[str, Any], shape: tuple[int, int], card: ModelCard) -> _Found:
    labels = np.asarray(given["labels"])
    if labels.shape != shape or labels.dtype.kind not in "iub":
        raise ModelFailed(
            f"output.python of {card.id} gives labels of {labels.shape}, {labels.dtype}; the field "
            f"is {shape}, and labels are whole numbers."
        )
    numbers, dense = np.unique(labels, return_inverse=True)
    if numbers[0] < 0:
        raise ModelFailed(f"output.python of {card.id} gives labels below 0.")
    if numbers[0] != 0:  # there is no background
        numbers, dense = np.concatenate([[0], numbers]), dense + 1
    classes, scores = _of_each(given, numbers[1:] - 1, card)
    return _Found(dense.reshape(shape).astype(np.int32), None, classes, scores)


def _polygons(given: Mapping[str, Any], shape: tuple[int, int], card: ModelCard) -> _Found:
    rings = [np.asarray(ring, np.float64).reshape(-1, 2) for ring in given["polygons"]]
    classes, scores = _of_each(given, np.arange(len(rings)), card)
    labels = np.zeros(shape, np.int32)
    for number in np.argsort(scores, kind="stable"):  # the best ones last, so they stay
        # Pixels count by their centres, which lie half a pixel from their corners.
        x, y = rings[number].T - 0.5
        rows, columns = skimage.draw.polygon(y, x, shape)  # type: ignore[no-untyped-call]
        labels[rows, columns] = number + 1
    return _Found(labels, None, classes, scores)


def _boxes(given: Mapping[str, Any], shape: tuple[int, int], card: ModelCard) -> _Found:
    boxes = np.asarray(given["boxes"], np.float32).reshape(-1, 4)
    classes, scores = _of_each(given, np.arange(len(boxes)), card)
    return _Found(None, boxes, classes, scores)


def _of_each(
    given: Mapping[str, Any], rows: NDArray[np.int64], card: ModelCard
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The classes and scores of the objects that have these rows; by default 0 and 1."""
    classes, scores = given.get("classes"), given.get("scores")
    most = int(rows.max(initial=-1)) + 1
    for name, values in (("classes", classes), ("scores", scores)):
        if values is not None and len(values) < most:
            raise ModelFailed(
                f"output.python of {card.id} gives {len(values)} {name} for {most} objects."
            )
    chosen = np.zeros(len(rows)) if classes is None else np.asarray(classes)[rows]
    if len(chosen) and not 0 <= chosen.min() <= chosen.max() < max(len(card.label_names), 1):
        raise ModelFailed(
            f"output.python of {card.id} gives classes from {chosen.min()} to {chosen.max()}; the "
            f"card has {len(card.label_names)} labels, and classes count from 0."
        )
    likely = np.ones(len(rows)) if scores is None else np.asarray(scores, np.float64)[rows]
    if not np.isfinite(likely).all():
        raise ModelFailed(f"output.python of {card.id} gives a score that isn't finite.")
    return chosen.astype(np.int64), likely.astype(np.float64)


def _around(labels: NDArray[np.int32], count: int) -> NDArray[np.float32]:
    """(n, 4) boxes around the parts of a label image."""
    boxes = np.zeros((count, 4), np.float32)
    for number in range(1, count + 1):
        rows, columns = np.nonzero(labels == number)
        if len(rows):
            boxes[number - 1] = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    return boxes


_READERS = {"labels": _labels, "polygons": _polygons, "boxes": _boxes}
