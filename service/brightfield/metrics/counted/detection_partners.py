"""Every true object with the detection that found it."""

from __future__ import annotations

from typing import Any, Literal

from brightfield.metrics.counted.detection_errors import DetectionErrors
from brightfield.metrics.reading.coco import CocoDataset

ObjectOutcome = Literal["found", "confused", "missed"]
"""An object has a detection of its class (or, without classes, any), one of another, or none."""


def object_partners(scene: CocoDataset, faults: DetectionErrors, most: int) -> list[dict[str, Any]]:
    """The first `most` objects by image and category, crowds left out, each with its detection."""
    pairs = {pair.true: pair for pair in (*faults.outcome.pairs, *faults.confused)}
    confused = {pair.true for pair in faults.confused}
    listed = [place for place, thing in enumerate(scene.true) if not thing.crowd][:most]
    found = []
    for place in listed:
        thing, pair = scene.true[place], pairs.get(place)
        name = scene.annotated.name(thing.row) if thing.id is None else {"id": thing.id}
        entry = {"image_id": scene.images[thing.image], **name}
        entry["label"] = scene.categories[thing.category][1]
        outcome: ObjectOutcome = "missed"
        if pair is not None:
            outcome = "confused" if place in confused else "found"
        entry["outcome"] = outcome
        partner: dict[str, Any] = dict.fromkeys(("detection", "prediction", "score", "iou"))
        if pair is not None:
            other = scene.found[pair.found]
            partner["detection"] = scene.detected.name(other.row)
            partner["prediction"] = scene.categories[other.category][1]
            partner |= {"score": other.score, "iou": pair.iou}
        found.append({**entry, **partner})
    return found
