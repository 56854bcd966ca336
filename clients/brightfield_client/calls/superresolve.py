"""POST /superresolve."""

# ruff: noqa: A002 - `format` is the service's name for it

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

from brightfield_client.calls.call import Call
from brightfield_client.calls.image_call import image_call
from brightfield_client.images import Images, ImageSource, to_payload
from brightfield_client.results.batch import Batch
from brightfield_client.results.binary import Binary
from brightfield_client.results.enlargement import Enlargement


@overload
def superresolve(
    image: Images, model: str | None = None, *, format: None = None, **parameters: Any
) -> Call[Batch[Enlargement]]: ...
@overload
def superresolve(
    image: ImageSource, model: str | None = None, *, format: None = None, **parameters: Any
) -> Call[Enlargement]: ...
@overload
def superresolve(
    image: ImageSource | Images, model: str | None = None, *, format: str, **parameters: Any
) -> Call[Binary]: ...
def superresolve(
    image: ImageSource | Images,
    model: str | None = None,
    *,
    scale: int | None = None,
    reference: ImageSource | None = None,
    tile: int | Sequence[int] | None = None,
    overlap: int | None = None,
    format: str | None = None,
    **parameters: Any,
) -> Call[Any]:
    """An image, or each in a list, with more pixels, in its own dtype.

    Args:
        image: path, bytes, open file, PIL image, array, tensor or stored image; a list is a batch.
        model: id of the model; if left out, the service's default for `scale`.
        scale: how many times more pixels along a side (the model's).
        reference: the same view at the higher resolution, to measure `psnr` and `ssim` against;
            page, channels, axes and the like choose in it as in the image.
        tile: side, or (height, width), of the tiles that a large image is cut into.
        overlap: pixels that neighbouring tiles share.
        format: `image` (the file format nearest to what was sent), png, tiff or npy: gives
            `Binary` instead of a typed result, of any size.
        parameters: any other parameter of the endpoint, as region, page, channels, intensity.

    Returns:
        `Enlargement`; for a list a `Batch`, in which failed images are `ItemError`.
    """
    own = {"model": model, "scale": scale, "tile": tile, "overlap": overlap}
    if format in (None, "json"):
        # The endpoint's default is the image alone. Pillow cannot read colour of 16 bits; NumPy
        # reads whatever the service has.
        own |= {"format": "json", "encoding": "npy"}
    else:
        own["format"] = format
    attachments = {} if reference is None else {"reference": to_payload(reference)}
    return image_call("/superresolve", Enlargement.from_json, image, own | parameters, attachments)
