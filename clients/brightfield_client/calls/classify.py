"""POST /classify."""

# ruff: noqa: A002 - `format` is the service's name for it

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

from brightfield_client.calls.call import Call
from brightfield_client.calls.image_call import image_call
from brightfield_client.images import Images, ImageSource
from brightfield_client.results.batch import Batch
from brightfield_client.results.binary import Binary
from brightfield_client.results.classification import Classification


@overload
def classify(
    image: Images, model: str | None = None, *, format: None = None, **parameters: Any
) -> Call[Batch[Classification]]: ...
@overload
def classify(
    image: ImageSource, model: str | None = None, *, format: None = None, **parameters: Any
) -> Call[Classification]: ...
@overload
def classify(
    image: ImageSource | Images, model: str | None = None, *, format: str, **parameters: Any
) -> Call[Binary]: ...
def classify(
    image: ImageSource | Images,
    model: str | None = None,
    *,
    top_k: int | None = None,
    threshold: float | None = None,
    window: int | Sequence[int] | None = None,
    stride: int | Sequence[int] | None = None,
    classes: Sequence[str | int] | None = None,
    format: str | None = None,
    **parameters: Any,
) -> Call[Any]:
    """The most probable classes of an image, or of each in a list.

    Args:
        image: path, bytes, open file, PIL image, array, tensor or stored image; a list is a batch.
        model: id of the model; the service's default for this task if left out.
        top_k: most classes to return (5).
        threshold: least score to return (0).
        window: side, or (height, width), of a sliding window in pixels: gives `map` as well.
        stride: step of that window in pixels.
        classes: labels or ids that the map is made for.
        format: a binary format (csv, npy, tiff, ...): gives `Binary` instead of a typed result.
        parameters: any other parameter of the endpoint, as region, page, channels, intensity.

    Returns:
        `Classification`; for a list a `Batch`, in which failed images are `ItemError`.
    """
    own = {
        "model": model,
        "top_k": top_k,
        "threshold": threshold,
        "window": window,
        "stride": stride,
        "classes": classes,
        "format": format,
    }
    return image_call("/classify", Classification.from_json, image, own | parameters)
