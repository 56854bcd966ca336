"""POST /segment."""

# ruff: noqa: A002, PLR0913 - these are the endpoint's parameters, by their names

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, overload

from brightfield_client.calls.call import Call
from brightfield_client.calls.image_call import image_call
from brightfield_client.images import Images, ImageSource
from brightfield_client.results.batch import Batch
from brightfield_client.results.binary import Binary
from brightfield_client.results.result import Json
from brightfield_client.results.segmentation import Segmentation
from brightfield_client.results.volume import Volume


@overload
def segment(
    image: Images,
    model: str | None = None,
    *,
    volume: Literal[True],
    format: None = None,
    **parameters: Any,
) -> Call[Batch[Volume]]: ...
@overload
def segment(
    image: ImageSource,
    model: str | None = None,
    *,
    volume: Literal[True],
    format: None = None,
    **parameters: Any,
) -> Call[Volume]: ...
@overload
def segment(
    image: Images, model: str | None = None, *, format: None = None, **parameters: Any
) -> Call[Batch[Segmentation]]: ...
@overload
def segment(
    image: ImageSource, model: str | None = None, *, format: None = None, **parameters: Any
) -> Call[Segmentation]: ...
@overload
def segment(
    image: ImageSource | Images, model: str | None = None, *, format: str, **parameters: Any
) -> Call[Binary]: ...
def segment(
    image: ImageSource | Images,
    model: str | None = None,
    *,
    mode: str | None = None,
    threshold: float | None = None,
    min_area: int | None = None,
    classes: str | Sequence[str | int] | None = None,
    outlines: bool | None = None,
    volume: bool | None = None,
    link: float | None = None,
    tile: int | Sequence[int] | None = None,
    overlap: int | None = None,
    format: str | None = None,
    **parameters: Any,
) -> Call[Any]:
    """Which pixels of an image, or of each in a list, belong to which object or class.

    Args:
        image: path, bytes, open file, PIL image, array, tensor or stored image; a list is a batch.
        model: id of the model; the service's default for this task if left out.
        mode: `instance` tells objects of a class apart, `semantic` does not (what the model is
            made for).
        threshold: least probability of a pixel, or of an object (the model's own, else 0.5).
        min_area: smaller objects, in pixels, are left out (the model's own).
        classes: only these labels or class ids.
        outlines: bring each object's polygons along, for `polygons`, `to_geojson()` and `plot()`;
            True unless it is a volume or a binary format. False makes the answer smaller.
        volume: segment every plane of a stack and link the objects: gives `Volume`.
        link: least overlap of an object with its continuation in the next plane (0.25).
        tile: side, or (height, width), of the tiles that a large image is cut into.
        overlap: pixels that neighbouring tiles share.
        format: tiff, png, npy, geojson, coco, rois, csv or overlay: gives `Binary` instead of a
            typed result.
        parameters: any other parameter of the endpoint, as region, page, channels, intensity; and
            offset and downsample, which place `format="geojson"` in a larger image.

    Returns:
        `Segmentation`, or `Volume`; for a list a `Batch`, in which failed images are `ItemError`.
    """
    if outlines is None and not volume and format in (None, "json"):
        outlines = True
    own = {
        "model": model,
        "mode": mode,
        "threshold": threshold,
        "min_area": min_area,
        "classes": classes,
        "outlines": outlines,
        "volume": volume,
        "link": link,
        "tile": tile,
        "overlap": overlap,
        "format": format,
    }
    return image_call("/segment", read_segmentation, image, own | parameters)


def read_segmentation(envelope: Json) -> Segmentation | Volume:
    """An envelope as a `Volume`, where it counts planes, else as a `Segmentation`."""
    result = envelope.get("result")
    kind = Volume if isinstance(result, dict) and "planes" in result else Segmentation
    return kind.from_json(envelope)
