"""POST /occlusion."""

# ruff: noqa: A002, PLR0913 - these are the endpoint's parameters, by their names

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

from brightfield_client.calls.call import Call
from brightfield_client.calls.image_call import image_call
from brightfield_client.images import Images, ImageSource, to_payload
from brightfield_client.results.batch import Batch
from brightfield_client.results.binary import Binary
from brightfield_client.results.occlusion import Occlusion


@overload
def occlusion(
    image: Images, model: str | None = None, *, format: None = None, **parameters: Any
) -> Call[Batch[Occlusion]]: ...
@overload
def occlusion(
    image: ImageSource, model: str | None = None, *, format: None = None, **parameters: Any
) -> Call[Occlusion]: ...
@overload
def occlusion(
    image: ImageSource | Images, model: str | None = None, *, format: str, **parameters: Any
) -> Call[Binary]: ...
def occlusion(
    image: ImageSource | Images,
    model: str | None = None,
    *,
    method: str | None = None,
    window: int | Sequence[int] | None = None,
    stride: int | Sequence[int] | None = None,
    baseline: str | float | None = None,
    border: str | None = None,
    target: str | int | Sequence[str | int] | None = None,
    output: str | None = None,
    engine: str | None = None,
    hide: Sequence[float] | Sequence[Sequence[float]] | None = None,
    box: Sequence[float] | None = None,
    point: Sequence[float] | None = None,
    object: int | None = None,
    within: Sequence[float] | Sequence[Sequence[float]] | None = None,
    reference: ImageSource | None = None,
    reference_layer: str | None = None,
    format: str | None = None,
    **parameters: Any,
) -> Call[Any]:
    """How the scores of classes change when a window hides a part of the image.

    Args:
        image: path, bytes, open file, PIL image, array, tensor or stored image; a list is a batch.
        model: id of the model; the service's default for /classify if left out.
        method: occlusion (the default), or rise: random masks instead of a window.
        window: side, or (height, width), of the window, in pixels of the model's input, or of the
            image with `unit="image"` (a seventh of the input's short side).
        stride: step of the window (half of it).
        baseline: what hides: mean (the default), zero, grey, blur or a number.
        border: the last window is moved back (`shift`, the default), `cut` or `drop`ped.
        target: one or several labels or class ids, or `all` for every class; `top`, the default,
            is the highest score.
        output: `logit`, `probability`, or of models that find boxes `similarity`, the greatest
            IoU x probability over all candidates (of these `similarity`, else `logit`).
        engine: `auto` (the default), `plain` or `incremental`, which computes only what changes.
        hide: one what-if: (x, y, width, height), or the corners ((x1, y1), (x2, y2), ...), hidden.
        box: of models that find or segment objects, the one at (xmin, ymin, xmax, ymax), in pixels
            of the image; left out, a detector explains its best detection.
        point: likewise, the one at (x, y).
        object: likewise, the one of this id, as `detect` and `segment` number them.
        within: of models that segment, the part over which the class's score is averaged:
            (x, y, width, height), or the corners ((x1, y1), (x2, y2), ...) of a polygon.
        reference: another image; then the likeness of the two is explained, and not a class.
        reference_layer: the layer whose features are compared (penultimate).
        format: overlay, png, tiff, npy or csv: gives `Binary` instead of a typed result.
        parameters: the method's own (masks, cells, p, seed of rise), `checks=True`, and the
            endpoint's others.

    Returns:
        `Occlusion`; for a list a `Batch`, in which failed images are `ItemError`.
    """
    own = {
        "model": model,
        "method": method,
        "window": window,
        "stride": stride,
        "baseline": baseline,
        "border": border,
        "target": target,
        "output": output,
        "engine": engine,
        "hide": hide,
        "box": box,
        "point": point,
        "object": object,
        "within": within,
        "reference_layer": reference_layer,
        "format": format,
    }
    attachments = {} if reference is None else {"reference": to_payload(reference)}
    return image_call("/occlusion", Occlusion.from_json, image, own | parameters, attachments)
