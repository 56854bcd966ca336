"""The chunks of a detection run, each a small data set of whole images, as one data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from brightfield.errors import IncomparableRuns
from brightfield.metrics.chunks.chunk import RunChunks
from brightfield.metrics.reading.coco import CocoDataset
from brightfield.metrics.reading.coco_faults import Faults
from brightfield.metrics.reading.coco_ids import id_text
from brightfield.metrics.reading.rows import Origin


@dataclass(frozen=True, slots=True, eq=False)
class JoinedCoco:
    """The data of all chunks, and from which each annotation and detection came."""

    data: dict[str, Any]
    annotated: Origin
    detected: Origin
    faults: Faults = field(default_factory=dict)

    @property
    def images(self) -> list[str]:
        """The ids of the images without faults, as text."""
        every = (id_text(entry["id"]) for entry in self.data["ground_truth"]["images"])
        return [name for name in every if name not in self.faults]

    def only(self, ids: Sequence[str]) -> JoinedCoco:
        """What is about these images alone."""
        wanted, truth = set(ids), self.data["ground_truth"]
        images = truth["images"]
        kept = [place for place, entry in enumerate(images) if id_text(entry["id"]) in wanted]

        def about(entries: list[Any]) -> list[Any]:
            return [entry for entry in entries if id_text(entry["image_id"]) in wanted]

        data = {
            "ground_truth": {
                **truth,
                "images": [images[place] for place in kept],
                "annotations": about(truth["annotations"]),
            },
            "detections": about(self.data["detections"]),
        }
        if "groups" in self.data:
            data["groups"] = [self.data["groups"][place] for place in kept]
        return JoinedCoco(data, Origin(), Origin())


def joined(parts: RunChunks) -> JoinedCoco:
    """Images, annotations, detections and groups one after the other, each category once."""
    documents = {key: document for key, _, document in sorted(parts.documents())}
    truths = [document["ground_truth"] for document in documents.values()]
    categories = {id_text(entry["id"]): entry for truth in truths for entry in truth["categories"]}
    data: dict[str, Any] = {
        "ground_truth": {
            "images": [entry for truth in truths for entry in truth["images"]],
            "annotations": [entry for truth in truths for entry in truth["annotations"]],
            "categories": list(categories.values()),
        },
        "detections": [entry for own in documents.values() for entry in own["detections"]],
    }
    if any("groups" in document for document in documents.values()):
        data["groups"] = [name for own in documents.values() for name in own.get("groups", ())]
    annotated = {key: len(own["ground_truth"]["annotations"]) for key, own in documents.items()}
    detected = {key: len(own["detections"]) for key, own in documents.items()}
    faults = {
        key: text for own in documents.values() for key, text in own.get("faults", {}).items()
    }
    return JoinedCoco(data, Origin.of(annotated), Origin.of(detected), faults)


def check_same_truth(first: CocoDataset, second: CocoDataset) -> None:
    """Raises `IncomparableRuns` where two scenes about the same images have other objects."""
    if _known(first) == _known(second):
        return
    raise IncomparableRuns(
        "The runs have other categories or other true objects in the same images; compare "
        "detections in one data set."
    )


def _known(scene: CocoDataset) -> tuple[list[Any], list[list[float]]]:
    """Categories and true objects, in whichever order they were sent."""
    categories = [(id_text(key), label) for key, label in scene.categories]
    return categories, sorted(thing.numbers() for thing in scene.true)
