"""What is to be known of detections that were nevertheless evaluated."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from brightfield.images.picture import Note
from brightfield.metrics.counted.coco_matches import ImageCategory, crowded
from brightfield.metrics.counted.detection_rules import DetectionRules
from brightfield.metrics.counted.misread_boxes import misread_boxes
from brightfield.metrics.reading.coco import CocoDataset, CocoObject

# Boxes may reach a little beyond their image, and few of them far.
_EDGE, _FEW = 1.1, 0.1
# Sides of boxes that are shares of the image's.
_UNIT = 1.0


def detection_notes(
    scene: CocoDataset, found: Sequence[ImageCategory], rules: DetectionRules, listed: int
) -> Iterator[Note]:
    """Of limits that cut something off, and of input that is seldom meant so."""
    yield from _cut(scene, found, rules)
    objects = sum(not thing.crowd for thing in scene.true)
    if 0 < listed < objects:
        yield Note(
            "partners_not_listed",
            f"`partners` lists {listed:,} of {objects:,} true objects; send a larger "
            "`list_partners` for more.",
        )
    yield from _seldom_meant(scene)
    yield from _copies(scene)


def _copies(scene: CocoDataset) -> Iterator[Note]:
    """Images with the very objects and detections of another, which only copies have."""
    about: dict[int, list[tuple[float, ...]]] = defaultdict(list)
    for thing in (*scene.true, *scene.found):
        about[thing.image].append(tuple(thing.numbers()[1:]))
    detected = [tuple(sorted(about[image])) for image in {thing.image for thing in scene.found}]
    repeated = len(detected) - len(set(detected))
    if repeated:
        yield Note(
            "repeated_images",
            f"{repeated:,} of {len(scene.images):,} images have the very objects and detections of "
            "another image. Copies make intervals too narrow; leave them out, or send `groups`.",
        )


def _cut(
    scene: CocoDataset, found: Sequence[ImageCategory], rules: DetectionRules
) -> Iterator[Note]:
    """The limit of detections is COCO's, and microscopes see more in a field."""
    counts, limit = crowded(found, scene), rules.limit
    of_what = "of an image" if rules.class_agnostic else "of a category in an image"
    over = [count - limit for count in counts["detections"] if count > limit]
    many = [count for count in counts["objects"] if count > limit]
    if not over and not many:
        return
    parts = []
    if over:
        parts.append(
            f"{sum(over):,} of {len(scene.found):,} detections are beyond the best {limit:,} "
            f"{of_what} ({len(over):,} times) and count in no AP or AR."
        )
    if many:
        parts.append(
            f"Up to {max(many):,} objects {of_what} ({len(many):,} times) are more than "
            f"{limit:,} detections can find."
        )
    most = max([*counts["detections"], *counts["objects"]])
    parts.append(
        f"COCO's limit is 100; max_detections={most} counts all. `errors`, `confusion` and "
        "`partners` are of all detections."
    )
    yield Note("detections_cut", " ".join(parts))


def _seldom_meant(scene: CocoDataset) -> Iterator[Note]:
    repeated = sum(
        count - 1
        for count in Counter(thing.shape for thing in scene.true if not thing.crowd).values()
    )
    if repeated:
        yield Note(
            "repeated_objects",
            f"{repeated:,} true objects have the image, category and shape of another; each "
            "counts, and a detection finds only one of them.",
        )
    boxes = scene.found if not scene.found or scene.found[0].mask is None else ()
    beyond = sum(_beyond(scene, thing) for thing in boxes)
    if beyond > _FEW * len(boxes):
        yield Note(
            "boxes_beyond_images",
            f"{beyond:,} of {len(boxes):,} detected boxes reach beyond their image. A box is x, y, "
            "width, height, not the coordinates of two corners.",
        )
    if boxes and all(max(thing.box) <= _UNIT for thing in boxes) and _wide(scene):
        yield Note(
            "boxes_of_one_pixel",
            "No detected box reaches beyond 1, but true ones do. Boxes are in pixels, not in "
            "shares of the image's sides.",
        )
    yield from misread_boxes(scene)
    if scene.boxed:
        yield Note(
            "area_of_boxes",
            "The detections have boxes and masks, so their areas are those of the boxes, as "
            "pycocotools has them; leave out `bbox` for the areas of the masks.",
        )


def _beyond(scene: CocoDataset, thing: CocoObject) -> bool:
    height, width = scene.sizes[thing.image]
    x, y, wide, high = thing.box
    return x + wide > _EDGE * width or y + high > _EDGE * height


def _wide(scene: CocoDataset) -> bool:
    return any(max(thing.box) > _UNIT for thing in scene.true)
