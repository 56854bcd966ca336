"""Segmentation: which pixels belong to what, by class or object by object, also through a stack."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
import torch
from pydantic import Field as Parameter
from pydantic import model_validator

from brightfield.cards import ModelCard
from brightfield.errors import InvalidCard, InvalidParameter
from brightfield.geometry import Geometry
from brightfield.images import rle
from brightfield.images.objects import measure
from brightfield.images.picture import Note
from brightfield.images.tiles import Tile
from brightfield.models.architecture import Candidates
from brightfield.models.examination.gaps import Gap
from brightfield.outages import ModelFailed
from brightfield.parameters import Commas
from brightfield.results import Result
from brightfield.targets import Aim, Kind, Target
from brightfield.tasks.closeness.candidates import compared_candidates
from brightfield.tasks.closeness.maps import compared_maps
from brightfield.tasks.kinds.dense import Canvas, Dense, Scene
from brightfield.tasks.objects.examined_maps import class_maps, examined_maps, needed_maps
from brightfield.tasks.objects.instances import rules_at
from brightfield.tasks.objects.linking import SegmentedPlane, linked
from brightfield.tasks.objects.maps import Field
from brightfield.tasks.objects.objects import Paint, source_of
from brightfield.tasks.objects.own_code import OwnCode, examined_own_code
from brightfield.tasks.objects.partition import Partition, by_class, by_object, from_masks
from brightfield.tasks.objects.segmentation import Mode, SegmentedObjects
from brightfield.tasks.objects.suppression import concatenate, suppress
from brightfield.tasks.objects.tiled_candidates import limit_notes, own_candidates
from brightfield.tasks.objects.volume import Volume
from brightfield.tasks.targets.detection_targets import detection_targets
from brightfield.tasks.targets.labels import class_id
from brightfield.tasks.targets.model_output import ModelOutput
from brightfield.tasks.targets.own_code_targets import own_code_targets
from brightfield.tasks.targets.region_targets import region_targets
from brightfield_painting import display, scale

_THRESHOLD = 0.5


class Segment(Dense):
    """The pixels of each class, or of each object."""

    tasks_of_model: ClassVar[tuple[str, ...] | None] = ("segment",)
    result: ClassVar[type[Result]] = SegmentedObjects
    default_model: ClassVar[str | None] = "nuclei"
    explainable: ClassVar[bool] = True
    output_axes: ClassVar[int | None] = 4

    mode: Mode | None = None
    """`instance` tells objects of a class apart, `semantic` does not. Default: what the model is
    made for."""
    threshold: Annotated[float, Parameter(ge=0, le=1)] | None = None
    """Least probability of a pixel, or of an object where the model finds objects first. Default:
    the card's, else 0.5."""
    min_area: Annotated[int, Parameter(ge=0)] | None = None
    """Least area of an object in pixels; smaller ones are dropped. Default: the card's, else 0."""
    classes: Commas | None = None
    """Only these classes, by label or id. Default: all."""
    outlines: bool = False
    """Give each object's polygons in JSON, too: rings of pixel corners, the exterior and holes."""
    volume: bool = False
    """Segment every plane of a stack along Z (or of its pages) and link the objects of
    neighbouring planes to a label volume."""
    intensity_over: Literal["stack", "plane"] = "stack"
    """Whether the planes of a volume share their intensity limits, or each finds its own."""
    paint: Paint = "class"
    """What the colours of pictures stand for: an object's class, or the object itself."""
    link: Annotated[float, Parameter(gt=0, le=1)] = 0.25
    """Least overlap (intersection over union) of an object with its continuation in the next
    plane of a volume."""

    of_formats: ClassVar[Mapping[str, tuple[str, ...]]] = {"paint": ("overlay",)}

    @model_validator(mode="after")
    def _of_a_volume(self) -> Self:
        if "link" in self.changed and not self.volume:
            raise ValueError("link joins the planes of a volume; give volume=true, too")
        if self.outlines and self.volume:
            raise ValueError("outlines belong to single images; format=geojson has a volume's")
        return self

    @classmethod
    def every_format(cls) -> tuple[str, ...]:
        return SegmentedObjects.formats

    @property
    def formats(self) -> tuple[str, ...]:
        return Volume.formats if self.volume else SegmentedObjects.formats

    @property
    def stacked(self) -> bool:
        return self.volume

    @property
    def plane_by_plane(self) -> bool:
        return self.intensity_over == "plane"

    @classmethod
    def examined(cls, output: Any, card: ModelCard, shape: tuple[int, int, int]) -> Sequence[Note]:
        if card.post is not None:
            return examined_own_code(output, card, shape)
        _check_labels(card)
        return examined_maps(output, card, shape)

    @classmethod
    def compared(cls, expected: Any, found: Any, card: ModelCard) -> Sequence[Gap]:
        if card.post is not None:
            return super().compared(expected, found, card)
        if isinstance(expected, Candidates):
            return compared_candidates(expected, found, card)
        return compared_maps(expected, found, card)

    def check(self, scene: Scene) -> None:
        self.class_ids(scene.card)
        _check_labels(scene.card)

    def canvas(self, scene: Scene) -> SegmentCanvas:
        return SegmentCanvas(scene, self)

    @classmethod
    def targets(cls, aim: Aim, model_output: ModelOutput, kind: Kind | None) -> list[Target]:
        def segmented(mode: Mode) -> SegmentCanvas:
            scene = Scene(model_output.card, model_output.picture, model_output.field, None)
            cls().check(scene)
            canvas = cls(mode=mode).canvas(scene)
            canvas.add(
                model_output.output,
                model_output.geometry,
                Tile(model_output.field, model_output.field),
            )
            return canvas

        if isinstance(model_output.output, Candidates):
            return detection_targets(
                aim, model_output, kind, segmented("instance").result().objects
            )

        def partitioned(mode: Mode) -> Partition:
            return segmented(mode).partition()[0]

        if model_output.card.post is not None:
            return own_code_targets(aim, model_output, kind, partitioned)
        return region_targets(aim, model_output, kind, partitioned)

    def combined(self, canvases: Iterable[Canvas]) -> Result:
        if self.volume:
            # It keeps no canvas that is done.
            return replace(linked(map(_plane, canvases), self.link), paint=self.paint)
        (segmentation,) = map(_segmented, canvases)
        return segmentation

    def mode_for(self, card: ModelCard, finds_objects: bool) -> Mode:
        """The mode that is asked for, else objects where the model has a way to tell them apart."""
        if self.mode is not None:
            return self.mode
        return "instance" if finds_objects or card.output.instances is not None else "semantic"

    def class_ids(self, card: ModelCard) -> frozenset[int] | None:
        if self.classes is None:
            return None
        return frozenset(class_id(name, card, len(card.label_names)) for name in self.classes)


class SegmentCanvas(Canvas):
    """Probabilities per class, and what else the model says about each pixel, over the field; of
    models that find objects first the candidates of each tile with their masks."""

    def __init__(self, scene: Scene, task: Segment) -> None:
        super().__init__(scene)
        self._task = task
        self._field: Field | None = None
        self._tiles: list[Candidates] = []
        self._own: OwnCode | None = None
        self._step = 1.0
        self._classes = task.class_ids(scene.card)
        output = scene.card.output
        self._softmax = output.activation == "softmax"
        wanted = output.threshold if task.threshold is None else task.threshold
        self._likely = _THRESHOLD if wanted is None else wanted
        # The most probable class of a pixel needs no threshold to be found.
        self._threshold = 0.0 if wanted is None and self._softmax else self._likely

    def add(self, output: Any, geometry: Geometry, tile: Tile) -> None:
        card = self.scene.card
        self._step = math.sqrt(geometry.x.step * geometry.y.step)
        if isinstance(output, Candidates):
            if output.masks is None:
                raise ModelFailed(f"The model {card.id} finds boxes and no masks; use /detect.")
            self._tiles.append(own_candidates(output, geometry, tile, card, self._likely))
            self.notes.extend(limit_notes(output))
            return
        if card.post is not None:
            self._own = self._own or OwnCode(self.scene, self._likely)
            self._own.add(output, geometry, tile)
            return
        maps = self._activated(output)
        if self._field is None:
            self._field = Field(self.scene.region, len(maps))
        self._field.put(maps, geometry, tile)

    def partition(self) -> tuple[Partition, Mode]:
        """The region's pixels by class or object."""
        task, card = self._task, self.scene.card
        given = card.output.instances
        rules = None if given is None else rules_at(given, self._step)
        mode = task.mode_for(card, finds_objects=bool(self._tiles) or self._own is not None)
        if self._own is not None:
            found = self._own.partition()
            parts = found if mode == "instance" else found.merged()
        elif self._field is None:
            found = self._from_masks()
            parts = found if mode == "instance" else found.merged()
        elif mode == "semantic":
            parts = by_class(self._probabilities(), self._threshold, self._softmax)
        else:
            output = card.output.model_copy(update={"instances": rules})
            parts = by_object(self._field.values(), output, self._threshold, self._count)
        parts = parts.of_classes(self._classes)
        preset = 0 if rules is None else rules.min_area
        least = preset if task.min_area is None else task.min_area
        if mode == "semantic" and task.min_area is not None:
            raise InvalidParameter(
                "min_area drops objects, and mode=semantic has classes; leave it out, or ask for "
                "mode=instance.",
                errors=[{"location": "min_area"}],
            )
        return (parts.at_least(least) if mode == "instance" else parts), mode

    def result(self) -> SegmentedObjects:
        scene, region = self.scene, self.scene.region
        parts, mode = self.partition()
        labels = np.zeros((scene.picture.height, scene.picture.width), np.int32)
        place = slice(region.y, region.y + region.height), slice(region.x, region.x + region.width)
        labels[place] = parts.labels
        pixels = scene.picture.full
        measured = measure(labels, pixels, scene.picture.pixel_size)
        index = measured.labels - 1
        objects = measured.objects(
            scene.card.label_names,
            parts.class_ids[index],
            parts.scores[index],
            rle.encode_labels(labels),
        )
        return SegmentedObjects(
            objects=objects,
            source=source_of(scene),
            card=scene.card,
            labels=labels,
            mode=mode,
            channels=pixels.shape[2],
            with_outlines=self._task.outlines,
            paint=self._task.paint,
        )

    @property
    def _count(self) -> int:
        """Maps that stand for classes; under softmax the first is the background's."""
        return class_maps(self.scene.card)

    def _activated(self, output: Any) -> np.ndarray[Any, np.dtype[np.float32]]:
        """(C, h, w): probabilities of the classes, and the other maps as they are."""
        card = self.scene.card
        if not isinstance(output, torch.Tensor) or output.dim() != 4:
            raise ModelFailed(f"The model {card.id} does not put out maps (batch, maps, H, W).")
        if output.shape[1] < needed_maps(card):
            raise ModelFailed(
                f"The card of {card.id} needs {needed_maps(card)} maps, and the model has "
                f"{output.shape[1]}."
            )
        maps = output[0].float().clone()
        classes = maps[: self._count]
        match card.output.activation:
            case "softmax":
                maps[: self._count] = classes.softmax(dim=0)
            case "sigmoid":
                maps[: self._count] = classes.sigmoid()
        if maps.amax().isnan():
            raise ModelFailed(f"The model {card.id} has NaN among its outputs.")
        return maps.numpy()

    def _probabilities(self) -> np.ndarray[Any, np.dtype[np.float32]]:
        assert self._field is not None
        return self._field.values()[: self._count]

    def _from_masks(self) -> Partition:
        region = self.scene.region
        if not self._tiles:
            return Partition.empty((region.height, region.width))
        candidates = concatenate(self._tiles)
        output = self.scene.card.output
        found = suppress(
            candidates,
            output.activation,
            threshold=self._likely,
            iou=output.iou,
        )
        return from_masks(found, candidates, region)


def _check_labels(card: ModelCard) -> None:
    if not card.label_names:
        raise InvalidCard(
            f"The card of {card.id} names no labels; a model that segments needs one for each of "
            "its classes."
        )


def _segmented(canvas: Canvas) -> SegmentedObjects:
    assert isinstance(canvas, SegmentCanvas)
    return canvas.result()


def _plane(canvas: Canvas) -> SegmentedPlane:
    """A plane of a stack, and how it looks: in the limits that the model saw it in."""
    picture, scaling = canvas.scene.picture, canvas.scene.scaling
    if scaling is None:
        return _segmented(canvas), display(picture.full)
    unit = scale(picture.full, scaling.low, scaling.high)
    return _segmented(canvas), display(np.rint(unit * 255).astype(np.uint8))
