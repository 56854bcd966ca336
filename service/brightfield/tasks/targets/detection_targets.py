"""What is explained of a detector: the score of one box and class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from brightfield.errors import InvalidParameter, UnknownTarget
from brightfield.images.objects import Box, Object
from brightfield.models.architecture import Candidates
from brightfield.results import finite
from brightfield.targets import Aim, Kind, Target
from brightfield.tasks.targets.candidate_scores import CandidateScore, Place, Similarity, Spot
from brightfield.tasks.targets.labels import find_class, label
from brightfield.tasks.targets.model_output import ModelOutput

_MEASURES = {
    "logit": "logit of the class at the candidate",
    "probability": "probability of the class at the candidate",
    "similarity": "max over candidates of IoU x probability of the class",
}


@dataclass(frozen=True, slots=True)
class DetectionTarget(Target):
    """A class at a `box`; `candidate` is the nearest box that the model puts out, `iou` their
    intersection over union. Boxes are in pixels of the image."""

    box: Box
    candidate: Box
    iou: float

    @property
    def frame(self) -> Box:
        return self.box

    def payload(self) -> dict[str, Any]:
        return {
            "label": self.label,
            "class_id": self.class_id,
            "measure": _MEASURES[self.kind],
            "box": _rounded(self.box),
            "candidate": _rounded(self.candidate),
            "iou": finite(round(self.iou, 4)),
        }


def detection_targets(
    aim: Aim, model_output: ModelOutput, kind: Kind | None, objects: Sequence[Object]
) -> list[Target]:
    """A target for each wanted class; `objects` are those that the model finds in the image.

    The box is the aim's, else that of the object that the aim names, else that of the best object
    (of the class, where one is named). The class is the one that is named, else the object's; at a
    box of the caller's the one with the greatest IoU x probability. By default `kind`
    is `similarity`.

    Raises `InvalidParameter` for what only pixels have, and `UnknownTarget` where there is no such
    class, no such object, or no box of the model's.
    """
    if aim.within is not None:
        raise InvalidParameter(
            f"within belongs to models that score pixels, and {model_output.card.id} scores boxes; "
            "name one with box=xmin,ymin,xmax,ymax."
        )
    return [_target(name, aim, model_output, kind or "similarity", objects) for name in aim.target]


def _target(
    name: str, aim: Aim, model_output: ModelOutput, kind: Kind, objects: Sequence[Object]
) -> DetectionTarget:
    wanted = None if name == "top" else find_class(name, model_output.card, _classes(model_output))
    if aim.box is not None:
        box, found = Box(*aim.box), None
    else:
        found = _chosen(aim, model_output, objects, wanted)
        box = found.box
    spot = Spot(model_output.card, wanted or 0, _to_input(box, model_output), _bounds(model_output))
    if wanted is None:
        spot = replace(spot, class_id=found.class_id if found else _likeliest(spot, model_output))
    return _at(spot, box, model_output, kind)


def _at(spot: Spot, box: Box, model_output: ModelOutput, kind: Kind) -> DetectionTarget:
    candidates: Candidates = model_output.output
    name = label(spot.class_id, model_output.card)
    ious = spot.overlaps(candidates)[0]
    row = int(ious.argmax())
    if not ious[row] > 0:
        raise UnknownTarget(
            f"No box of the class {name} that the model {model_output.card.id} puts out overlaps "
            f"{box.xmin:g},{box.ymin:g},{box.xmax:g},{box.ymax:g}; take a box that /detect gives."
        )
    boxes = candidates.boxes[0]
    nearest = (boxes[row] if boxes.dim() == 2 else boxes[row, spot.class_id]).tolist()
    similar = kind == "similarity"
    score = Similarity(spot) if similar else CandidateScore(spot, kind, row, candidates.points)
    return DetectionTarget(
        name,
        spot.class_id,
        score,
        float(score(candidates)[0]),
        kind=kind,
        box=box,
        candidate=_to_image(nearest, model_output),
        iou=float(ious[row]),
    )


def _chosen(
    aim: Aim, model_output: ModelOutput, objects: Sequence[Object], wanted: int | None
) -> Object:
    """The object that the aim names, else the best one."""
    if aim.object is not None:
        named = next((found for found in objects if found.id == aim.object), None)
        if named is None:
            raise UnknownTarget(
                f"There is no object {aim.object}: the model {model_output.card.id} finds "
                f"{len(objects)} in the image, numbered from 1."
            )
        return named
    there = [
        found
        for found in objects
        if (wanted is None or found.class_id == wanted)
        and (aim.point is None or _holds(found.box, aim.point))
    ]
    if not there:
        what = "nothing" if wanted is None else f"no {label(wanted, model_output.card)}"
        where = "in the image" if aim.point is None else f"at {aim.point[0]:g},{aim.point[1]:g}"
        raise UnknownTarget(
            f"The model {model_output.card.id} finds {what} {where}; name a place with "
            "box=xmin,ymin,xmax,ymax to explain the score there, however low."
        )
    return max(there, key=lambda found: found.score or 0.0)


def _holds(box: Box, point: tuple[float, float]) -> bool:
    return box.xmin <= point[0] < box.xmax and box.ymin <= point[1] < box.ymax


def _classes(model_output: ModelOutput) -> int:
    return int(model_output.output.logits.shape[2]) - (
        model_output.card.output.activation == "softmax"
    )


def _likeliest(spot: Spot, model_output: ModelOutput) -> int:
    """The class with the greatest IoU x probability at the box."""

    def likeness(class_id: int) -> float:
        return float(Similarity(replace(spot, class_id=class_id))(model_output.output)[0])

    return max(range(_classes(model_output)), key=likeness)


def _to_input(box: Box, model_output: ModelOutput) -> Place:
    start = model_output.geometry.point_to_input(box.xmin, box.ymin)
    return (*start, *model_output.geometry.point_to_input(box.xmax, box.ymax))


def _to_image(edges: Sequence[float], model_output: ModelOutput) -> Box:
    x, y, width, height = model_output.geometry.box_to_image(
        edges[0], edges[1], edges[2] - edges[0], edges[3] - edges[1]
    )
    return Box(x, y, x + width, y + height)


def _bounds(model_output: ModelOutput) -> Place:
    """What of the model's input shows the image, in its pixels."""
    x, y, width, height = model_output.geometry.region_in_image
    return _to_input(Box(x, y, x + width, y + height), model_output)


def _rounded(box: Box) -> dict[str, float | None]:
    return {name: finite(round(float(edge), 3)) for name, edge in box.json().items()}
