"""POST /detect."""

# ruff: noqa: A002, PLR0913 - these are the endpoint's parameters, by their names

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

from brightfield_client.calls.call import Call
from brightfield_client.calls.image_call import image_call
from brightfield_client.images import Images, ImageSource
from brightfield_client.results.batch import Batch
from brightfield_client.results.binary import Binary
from brightfield_client.results.detections import Detections


@overload
def detect(
    image: Images, model: str | None = None, *, format: None = None, **parameters: Any
) -> Call[Batch[Detections]]: ...
@overload
def detect(
    image: ImageSource, model: str | None = None, *, format: None = None, **parameters: Any
) -> Call[Detections]: ...
@overload
def detect(
    image: ImageSource | Images, model: str | None = None, *, format: str, **parameters: Any
) -> Call[Binary]: ...
def detect(
    image: ImageSource | Images,
    model: str | None = None,
    *,
    threshold: float | None = None,
    iou: float | None = None,
    max_detections: int | None = None,
    classes: str | Sequence[str | int] | None = None,
    tile: int | Sequence[int] | None = None,
    overlap: int | None = None,
    format: str | None = None,
    **parameters: Any,
) -> Call[Any]:
    """Where the objects of an image are, or of each in a list: a box, a class, a score.

    Args:
        image: path, bytes, open file, PIL image, array, tensor or stored image; a list is a batch.
        model: id of the model, one that detects or segments; the service's default if left out.
        threshold: least score of an object (the model's own, else 0.5).
        iou: of two objects of a class whose boxes overlap by more, the better one stays (the
            model's own, else 0.5).
        max_detections: most objects, best first (300).
        classes: only objects of these labels or class ids.
        tile: side, or (height, width), of the tiles that a large image is cut into.
        overlap: pixels that neighbouring tiles share.
        format: csv, geojson, coco, rois or overlay: gives `Binary` instead of a typed result.
        parameters: any other parameter of the endpoint, as region, page, channels, intensity; and
            offset and downsample, which place `format="geojson"` in a larger image.

    Returns:
        `Detections`; for a list a `Batch`, in which failed images are `ItemError`.
    """
    own = {
        "model": model,
        "threshold": threshold,
        "iou": iou,
        "max_detections": max_detections,
        "classes": classes,
        "tile": tile,
        "overlap": overlap,
        "format": format,
    }
    return image_call("/detect", Detections.from_json, image, own | parameters)
