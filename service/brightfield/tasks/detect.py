"""Detection: objects by their boxes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

from pydantic import Field

from brightfield.cards import ModelCard
from brightfield.errors import InvalidCard, InvalidParameter
from brightfield.geometry import Geometry
from brightfield.images.objects import Box, Object
from brightfield.images.picture import Note
from brightfield.images.tiles import Tile
from brightfield.models.architecture import Candidates
from brightfield.models.examination.gaps import Gap
from brightfield.models.examination.outputs import described
from brightfield.outages import ModelFailed
from brightfield.parameters import Commas
from brightfield.results import Result
from brightfield.targets import Aim, Kind, Target
from brightfield.tasks.closeness.candidates import compared_candidates
from brightfield.tasks.kinds.dense import Canvas, Dense, Scene
from brightfield.tasks.objects.objects import Objects, source_of
from brightfield.tasks.objects.own_code import (
    OwnCode,
    all_maps,
    examined_own_code,
    own_candidates_of,
)
from brightfield.tasks.objects.suppression import Detections, concatenate, suppress
from brightfield.tasks.objects.tiled_candidates import (
    clipped,
    columns_misfit,
    limit_notes,
    own_candidates,
)
from brightfield.tasks.segment import Segment, SegmentCanvas
from brightfield.tasks.targets.detection_targets import detection_targets
from brightfield.tasks.targets.labels import class_id, label
from brightfield.tasks.targets.model_output import ModelOutput
from brightfield.tasks.targets.own_code_targets import refuse_own_code

_THRESHOLD = 0.5


class Detect(Dense):
    """Where the objects of an image are: a box, a class and a score for each."""

    tasks_of_model: ClassVar[tuple[str, ...] | None] = ("detect", "segment")
    result: ClassVar[type[Result]] = Objects
    default_model: ClassVar[str | None] = "blood-cells"
    explainable: ClassVar[bool] = True
    hidden_kind: ClassVar[Kind] = "similarity"

    threshold: Annotated[float, Field(ge=0, le=1)] | None = None
    """Least score of an object. Default: the card's, else 0.5."""
    iou: Annotated[float, Field(gt=0, le=1)] | None = None
    """Where the boxes of two objects of one class overlap by more than this (intersection over
    union), the better one stays. Default: the card's, else 0.5."""
    max_detections: Annotated[int, Field(ge=1, le=100_000)] = 300
    """How many objects to name, best first; 1 finds a single one."""
    classes: Commas | None = None
    """Only objects of these classes, by label or id. Default: all."""

    @classmethod
    def examined(cls, output: Any, card: ModelCard, shape: tuple[int, int, int]) -> Sequence[Note]:
        if card.post is not None:
            return examined_own_code(output, card, shape)
        if not isinstance(output, Candidates):
            raise InvalidCard(
                f"The model {card.id} detects, so its network should put out boxes "
                "(brightfield.models.architecture.Candidates); it puts out "
                f"{described(output)}. Let a module around it make candidates of that."
            )
        if (misfit := columns_misfit(output, card)) is not None:
            raise InvalidCard(misfit)
        return ()

    @classmethod
    def compared(cls, expected: Any, found: Any, card: ModelCard) -> Sequence[Gap]:
        if card.post is not None:
            return super().compared(expected, found, card)
        return compared_candidates(expected, found, card)

    def check(self, scene: Scene) -> None:
        _class_ids(self.classes, scene.card)
        if scene.card.task != "segment":
            return
        if self.iou is not None:
            raise InvalidParameter(
                f"iou is for overlapping boxes, and {scene.card.id} finds objects by their pixels; "
                "leave it out.",
                errors=[{"location": "iou"}],
            )
        Segment().check(scene)

    def canvas(self, scene: Scene) -> Detecting:
        return Detecting(scene, self)

    @classmethod
    def targets(cls, aim: Aim, model_output: ModelOutput, kind: Kind | None) -> list[Target]:
        refuse_own_code(model_output)
        canvas = cls().canvas(
            Scene(model_output.card, model_output.picture, model_output.field, None)
        )
        canvas.add(
            model_output.output, model_output.geometry, Tile(model_output.field, model_output.field)
        )
        return detection_targets(aim, model_output, kind, canvas.result().objects)


class Detecting(Canvas):
    """Collects the likely candidates of each tile; doubles are told apart at the end, so that an
    object on a seam is found once and whole.

    Of a model that segments the instances are taken, by their boxes.
    """

    def __init__(self, scene: Scene, task: Detect) -> None:
        super().__init__(scene)
        self._task = task
        card = scene.card
        given = card.output.threshold
        default = _THRESHOLD if given is None else given
        self._threshold = default if task.threshold is None else task.threshold
        self._classes = _class_ids(task.classes, card)
        self._tiles: list[Candidates] = []
        self._masks: SegmentCanvas | None = None
        self._own: OwnCode | None = None

    def add(self, output: Any, geometry: Geometry, tile: Tile) -> None:
        if isinstance(output, Candidates):
            self._tiles.append(
                own_candidates(output, geometry, tile, self.scene.card, self._threshold)
            )
            self.notes.extend(limit_notes(output))
            return
        if self.scene.card.post is not None and self.scene.card.task == "detect":
            self._add_own(output, geometry, tile)
            return
        if self.scene.card.task != "segment":
            raise ModelFailed(
                f"The model {self.scene.card.id} isn't a detector: its output has no boxes."
            )
        if self._masks is None:
            self._masks = Segment(mode="instance").canvas(self.scene)
        self._masks.add(output, geometry, tile)

    def _add_own(self, output: Any, geometry: Geometry, tile: Tile) -> None:
        """By the card's own code: of maps when all tiles are there, else tile by tile."""
        card = self.scene.card
        if all_maps(output):
            self._own = self._own or OwnCode(self.scene, self._threshold)
            self._own.add(output, geometry, tile)
        else:
            found = own_candidates_of(output, card, self._threshold)
            self._tiles.append(own_candidates(found, geometry, tile, card, self._threshold))

    def result(self) -> Objects:
        found = self._boxed() if self._masks is None else self._segmented(self._masks)
        most = self._task.max_detections
        if len(found) > most:
            self.notes.append(_cut(len(found), most))
        return Objects(found[:most], source_of(self.scene), self.scene.card)

    def _boxed(self) -> tuple[Object, ...]:
        """All objects, the best first."""
        if self._own is not None:
            self._tiles = [self._own.boxes()]
        if not self._tiles:
            return ()
        task, output = self._task, self.scene.card.output
        found = suppress(
            concatenate(self._tiles),
            output.activation,
            threshold=self._threshold,
            iou=output.iou if task.iou is None else task.iou,
            classes=self._classes,
        )
        return tuple(_objects(found, self.scene))

    def _segmented(self, canvas: SegmentCanvas) -> tuple[Object, ...]:
        wanted = [
            found
            for found in canvas.result().objects
            if (found.score is None or found.score >= self._threshold)
            and (self._classes is None or found.class_id in self._classes)
        ]
        wanted.sort(key=lambda found: -(found.score or 0.0))
        self.notes.extend(canvas.notes)
        return tuple(
            Object(number, found.label, found.class_id, found.box, found.score)
            for number, found in enumerate(wanted, 1)
        )


def _cut(found: int, most: int) -> Note:
    return Note(
        "detections_cut",
        f"{found} objects were found, and the best {most} are named: max_detections is {most}. "
        "Raise it to name all.",
    )


def _objects(found: Detections, scene: Scene) -> list[Object]:
    """The detections as objects; what lies outside the region altogether is none."""
    objects: list[Object] = []
    boxes = clipped(found.boxes, scene.region)
    for box, index, score in zip(boxes, found.class_ids, found.scores, strict=True):
        if box[2] > box[0] and box[3] > box[1]:
            edges = Box(*(round(float(edge), 3) for edge in box))
            name = label(int(index), scene.card)
            objects.append(Object(len(objects) + 1, name, int(index), edges, float(score)))
    return objects


def _class_ids(classes: Commas | None, card: ModelCard) -> frozenset[int] | None:
    if classes is None:
        return None
    return frozenset(class_id(name, card, len(card.label_names)) for name in classes)
