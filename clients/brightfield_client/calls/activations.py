"""POST /activations."""

# ruff: noqa: A002 - `format` is the service's name for it

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

from brightfield_client.calls.call import Call
from brightfield_client.calls.image_call import image_call
from brightfield_client.images import Images, ImageSource
from brightfield_client.results.activations import Activations
from brightfield_client.results.batch import Batch
from brightfield_client.results.binary import Binary


@overload
def activations(
    image: Images, model: str | None = None, *, format: None = None, **parameters: Any
) -> Call[Batch[Activations]]: ...
@overload
def activations(
    image: ImageSource, model: str | None = None, *, format: None = None, **parameters: Any
) -> Call[Activations]: ...
@overload
def activations(
    image: ImageSource | Images, model: str | None = None, *, format: str, **parameters: Any
) -> Call[Binary]: ...
def activations(
    image: ImageSource | Images,
    model: str | None = None,
    *,
    layer: str | None = None,
    units: int | Sequence[int] | None = None,
    format: str | None = None,
    **parameters: Any,
) -> Call[Any]:
    """The feature maps that a layer makes of an image, or of each in a list.

    Args:
        image: path, bytes, open file, PIL image, array, tensor or stored image; a list is a batch.
        model: id of the model; the service's default for /classify if left out.
        layer: the layer, as `layers(model)` names it (the one that the model's card explains with,
            else the last one with maps).
        units: only these channels, counted from 0 (all).
        format: png or overlay (a sheet of maps), npy, tiff or csv: gives `Binary` instead of a
            typed result.
        parameters: any other parameter of the endpoint, as region, page, channels, intensity.

    Returns:
        `Activations`; for a list a `Batch`, in which failed images are `ItemError`.
    """
    own = {"model": model, "layer": layer, "units": units, "format": format}
    return image_call("/activations", Activations.from_json, image, own | parameters)
