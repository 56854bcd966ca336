"""What is explained of a segmenter: the mean score of a class over some pixels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from brightfield.cards import ModelCard
from brightfield.errors import InvalidParameter, InvalidRegion, UnknownTarget
from brightfield.geometry import Axis, Geometry
from brightfield.images.objects import Box
from brightfield.images.rle import Mask
from brightfield.images.shapes import covered, parse_shape
from brightfield.targets import Aim, Kind, Target
from brightfield.tasks.objects.partition import Partition
from brightfield.tasks.objects.segmentation import Mode
from brightfield.tasks.targets.labels import activate, find_class, label
from brightfield.tasks.targets.model_output import ModelOutput

Partitioned = Callable[[Mode], Partition]
"""The model's own segmentation of the field, (h, w) of its pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class RegionScore:
    """(B,): sum of w * score of the class / sum of w, over a part of the maps (B, C, h, w).

    `weights` (h', w') begin at `top`, `left` and say how many of the explained pixels of the image
    lie in a cell of the maps. Without `activated`, the number of maps that stand for classes, the
    score is the logit, else the probability.
    """

    card: ModelCard
    column: int
    weights: Tensor
    top: int
    left: int
    activated: int | None = None

    def __call__(self, maps: Tensor) -> Tensor:
        height, width = self.weights.shape
        part = maps[..., self.top : self.top + height, self.left : self.left + width]
        if self.activated is not None:
            part = activate(part[:, : self.activated], self.card)
        weights = self.weights.to(part)
        return (part[:, self.column] * weights).sum((1, 2)) / weights.sum()


@dataclass(frozen=True, slots=True)
class RegionTarget(Target):
    """A class over so many `pixels` of the image, which lie in the `box`; `object_id` is that of
    the object they are, if they are one."""

    pixels: int
    box: Box
    object_id: int | None

    @property
    def frame(self) -> Box:
        return self.box

    def payload(self) -> dict[str, Any]:
        return {
            "label": self.label,
            "class_id": self.class_id,
            "measure": f"mean {self.kind} of the class over the pixels",
            "pixels": self.pixels,
            "box": self.box.json(),
            **({} if self.object_id is None else {"object": self.object_id}),
        }


def region_targets(
    aim: Aim, model_output: ModelOutput, kind: Kind | None, partitioned: Partitioned
) -> list[Target]:
    """A target for each wanted class, over pixels that the whole image's prediction fixes.

    The pixels are those `within` a shape, or of the object that the aim names, else those that the
    model gives to the class. The class is the one that is named, else the object's, else the one
    with the highest mean logit within the shape, else the one with the most pixels. By
    default `kind` is `logit`.

    Raises `InvalidParameter`, `InvalidRegion` where none of the pixels is seen by the model, and
    `UnknownTarget` where there is no such class, no such object, or no pixel of the class.
    """
    if kind == "similarity":
        raise InvalidParameter(
            "output=similarity is for models that find boxes, and for a reference; this model "
            "scores pixels: take logit or probability."
        )
    pixels = _Pixels(aim, model_output, partitioned)
    return [pixels.target(name, kind or "logit") for name in aim.target]


class _Pixels:
    """The pixels that an aim means, whatever the class, and the targets over them."""

    def __init__(self, aim: Aim, model_output: ModelOutput, partitioned: Partitioned) -> None:
        self._model_output = model_output
        self._card = model_output.card
        self._softmax = self._card.output.activation == "softmax"
        self._count = len(self._card.label_names)
        self._partitioned = partitioned
        self._object: int | None = None
        self._class: int | None = None
        self._mask: Mask | None = None
        if aim.within is not None:
            self._mask = self._inside(aim.within)
        elif aim.place is not None:
            parts = partitioned("instance")
            self._object = self._number(aim, parts)
            self._class = int(parts.class_ids[self._object - 1])
            self._mask = parts.labels == self._object

    def target(self, name: str, kind: Kind) -> RegionTarget:
        card = self._card
        wanted = None if name == "top" else find_class(name, card, self._count)
        class_id, mask = self._class_and_mask(wanted)
        score = self._score(class_id, mask, kind)
        return RegionTarget(
            label(class_id, card),
            class_id,
            score,
            float(score(self._model_output.output)[0]),
            kind=kind,
            pixels=int(mask.sum()),
            box=self._box(mask),
            object_id=self._object,
        )

    def _class_and_mask(self, wanted: int | None) -> tuple[int, Mask]:
        if self._mask is not None:
            known = self._class if wanted is None else wanted
            return self._highest(self._mask) if known is None else known, self._mask
        labels = self._partitioned("semantic").labels
        areas = np.bincount(labels.reshape(-1), minlength=self._count + 1)[1:]
        class_id = int(areas.argmax()) if wanted is None else wanted
        if not areas[class_id]:
            what = "any class" if wanted is None else label(class_id, self._card)
            raise UnknownTarget(
                f"The model {self._card.id} gives no pixel of the image to {what}; name "
                "the pixels with within=x,y,width,height."
            )
        return class_id, labels == class_id + 1

    def _inside(self, within: str) -> Mask:
        """(h, w) of the field's pixels."""
        field = self._model_output.field
        width, height = self._model_output.geometry.x.pixels, self._model_output.geometry.y.pixels
        there = Geometry(
            Axis.of(width, field.x, field.width), Axis.of(height, field.y, field.height)
        )
        return covered(parse_shape(within, "within"), there)

    def _number(self, aim: Aim, parts: Partition) -> int:
        """The part that the aim names: by its number, a point in it, or the box whose pixels it
        has most in common with (intersection over union)."""
        labels, count = parts.labels, len(parts.class_ids)
        if aim.object is not None:
            if not (labels == aim.object).any():
                raise UnknownTarget(
                    f"There is no object {aim.object}: the model {self._card.id} finds "
                    f"{count} in the image, numbered from 1."
                )
            return aim.object
        if aim.box is not None:
            x0, y0, x1, y1 = aim.box
            inside, where = self._inside(f"{x0},{y0},{x1 - x0},{y1 - y0}"), "in the box"
        else:
            assert aim.point is not None
            x, y = (int(np.floor(value)) for value in aim.point)
            inside, where = self._inside(f"{x},{y},1,1"), f"at {aim.point[0]:g},{aim.point[1]:g}"
        shared = np.bincount(labels[inside], minlength=count + 1)[1:]
        if not shared.any():
            raise UnknownTarget(
                f"The model {self._card.id} finds no object {where}; /segment?mode=instance "
                "shows those that there are, and within=x,y,width,height takes any pixels."
            )
        areas = np.bincount(labels.reshape(-1), minlength=count + 1)[1:]
        union = areas + int(inside.sum()) - shared
        return int(np.argmax(shared / np.maximum(union, 1))) + 1

    def _highest(self, mask: Mask) -> int:
        """The class with the highest mean logit."""
        output = self._model_output.output
        means = [
            float(self._score(class_id, mask, "logit")(output)[0])
            for class_id in range(self._count)
        ]
        return int(np.argmax(means))

    def _score(self, class_id: int, mask: Mask, kind: Kind) -> RegionScore:
        weights = self._weights(mask)
        rows, columns = (np.flatnonzero(weights.any(axis)) for axis in (1, 0))
        if not rows.size:
            x, y, width, height = self._model_output.geometry.region_in_image
            raise InvalidRegion(
                "None of the explained pixels is seen by the model, whose input lies at "
                f"x {x:.0f} to {x + width:.0f}, y {y:.0f} to {y + height:.0f} of the image."
            )
        top, left = int(rows[0]), int(columns[0])
        part = weights[top : int(rows[-1]) + 1, left : int(columns[-1]) + 1]
        return RegionScore(
            self._card,
            class_id + self._softmax,
            torch.from_numpy(np.ascontiguousarray(part)),
            top,
            left,
            self._count + self._softmax if kind == "probability" else None,
        )

    def _weights(self, mask: Mask) -> NDArray[np.float32]:
        """(h, w) of the model's maps: how many pixels of the mask have their centre in a cell."""
        field, geometry = self._model_output.field, self._model_output.geometry
        height, width = self._model_output.output.shape[2:]
        ys, xs = np.nonzero(mask)
        down = geometry.y.to_input(ys.astype(np.float64) + (field.y + 0.5))
        across = geometry.x.to_input(xs.astype(np.float64) + (field.x + 0.5))
        rows = np.floor(down * (height / geometry.y.inputs)).astype(np.int64)
        columns = np.floor(across * (width / geometry.x.inputs)).astype(np.int64)
        inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        cells = rows[inside] * width + columns[inside]
        counts = np.bincount(cells, minlength=height * width)
        return counts.reshape(height, width).astype(np.float32)

    def _box(self, mask: Mask) -> Box:
        rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
        x, y = self._model_output.field.x, self._model_output.field.y
        return Box(
            float(x + columns[0]),
            float(y + rows[0]),
            float(x + columns[-1] + 1),
            float(y + rows[-1] + 1),
        )
