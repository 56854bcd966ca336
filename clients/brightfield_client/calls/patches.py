"""POST /patches."""

# ruff: noqa: A002 - `format` is the service's name for it

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

from brightfield_client.calls.call import Call
from brightfield_client.calls.image_call import image_call
from brightfield_client.images import Images, ImageSource
from brightfield_client.results.binary import Binary
from brightfield_client.results.patches import Patches


@overload
def patches(
    image: ImageSource | Images,
    model: str | None = None,
    *,
    format: None = None,
    **parameters: Any,
) -> Call[Patches]: ...
@overload
def patches(
    image: ImageSource | Images, model: str | None = None, *, format: str, **parameters: Any
) -> Call[Binary]: ...
def patches(
    image: ImageSource | Images,
    model: str | None = None,
    *,
    layer: str | None = None,
    units: int | Sequence[int] | None = None,
    k: int | None = None,
    most: int | None = None,
    format: str | None = None,
    **parameters: Any,
) -> Call[Any]:
    """The parts of images that excite the units of a layer most, over all images together.

    Args:
        image: a list of paths, bytes, open files, PIL images, arrays, tensors or stored images;
            store many with `put_image` first. A single one is searched alone.
        model: id of the model; the service's default for /classify if left out.
        layer: the layer, as `layers(model)` names it (the one that the model's card explains with,
            else the last one with maps).
        units: these channels, counted from 0 (the `most` active ones).
        k: patches per unit (6).
        most: how many units, where `units` names none (6).
        format: png (a sheet, a row per unit) or csv: gives `Binary` instead of a typed result.
        parameters: any other parameter of the endpoint, as region, page, channels, intensity.

    Returns:
        `Patches`, one for all images.
    """
    own = {"model": model, "layer": layer, "units": units, "k": k, "most": most, "format": format}
    return image_call("/patches", Patches.from_json, image, own | parameters)
