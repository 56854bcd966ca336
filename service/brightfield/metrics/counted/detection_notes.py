"""What is to be known of detections that were nevertheless evaluated."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence

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
    repeated = _repeated(thing.shape for thing in scene.true if not thing.crowd)
    if repeated:
        yield Note(
            "repeated_objects",
            f"{repeated:,} true objects have the image, category and shape of another; each "
            "counts, and a detection finds only one of them.",
        )
    doubled = _repeated((*thing.shape, thing.score) for thing in scene.found)
    if doubled:
        yield Note(
            "repeated_detections",
            f"{doubled:,} detections have the image, category, shape and score of another; each "
            "counts, and all but one of them are false.",
        )
    names = Counter(name for _, name in scene.categories)
    alike = [name for name, count in names.items() if count > 1]
    if alike:
        yield Note(
            "repeated_labels",
            f"Several categories are called {', '.join(alike[:5])}; they count as different ones. "
            "Give them one id if they are one.",
        )
    boxes = scene.found if not scene.found or scene.found[0].mask is None else ()
    beyond = sum(_beyond(scene, thing) for thing in boxes)
    if beyond > _FEW * len(boxes):
        yield Note(
            "boxes_beyond_images",
            f"{beyond:,} of {len(boxes):,} detected boxes reach beyond their image. A box is x, y, "
            "width, height, not the coordinates of two corners.",
        )
    yield from _shares(scene)
    yield from misread_boxes(scene)
    if scene.boxed:
        yield Note(
            "area_of_boxes",
            "The detections have boxes and masks, so their areas are those of the boxes, as "
            "pycocotools has them; leave out `bbox` for the areas of the masks.",
        )


def _repeated(shapes: Iterable[Hashable]) -> int:
    """How many are the same as an earlier one."""
    return sum(count - 1 for count in Counter(shapes).values())


def _beyond(scene: CocoDataset, thing: CocoObject) -> bool:
    height, width = scene.sizes[thing.image]
    x, y, wide, high = thing.box
    return x + wide > _EDGE * width or y + high > _EDGE * height


def _shares(scene: CocoDataset) -> Iterator[Note]:
    """Of boxes on one side whose numbers are all shares, beside pixels on the other."""
    if any(thing.mask is not None for thing in scene.found):
        return
    sides = {"detected": scene.found, "true": scene.true}
    small = [
        name
        for name, things in sides.items()
        if things and all(max(thing.box) <= _UNIT for thing in things)
    ]
    if len(small) == 1 and all(sides.values()):
        (other,) = sides.keys() - set(small)
        yield Note(
            "boxes_of_one_pixel",
            f"No {small[0]} box reaches beyond 1, but {other} ones do. Boxes are in pixels, not in "
            "shares of the image's sides.",
        )
