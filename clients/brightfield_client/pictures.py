"""Pictures on this side: sources as pixels, to draw a map over them, and HTML for notebooks."""

from __future__ import annotations

import base64
import html
import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage
from PIL import ImageOps

from brightfield_client.images import NPY, ImageSource, to_payload
from brightfield_client.optional import require
from brightfield_painting import display

_NUMBERS = frozenset({"I", "F", "I;16", "I;16B", "I;16L"})
_DPI = 100
_GREY = frozenset({"1", "L", "LA"})


def read_pixels(source: ImageSource) -> npt.NDArray[Any]:
    """A source as (H, W, C), upright, in its own dtype; transparency is dropped.

    Raises `ValueError` for a stored image, whose pixels are not here.
    """
    payload = to_payload(source)
    if payload.stored is not None:
        raise ValueError("The pixels of a stored image are at the service; pass the image itself.")
    if payload.media_type == NPY:
        array = np.load(io.BytesIO(payload.content), allow_pickle=False)
        return with_channels(np.moveaxis(array, 0, -1) if payload.axes == "CYX" else array)
    picture = ImageOps.exif_transpose(PillowImage.open(io.BytesIO(payload.content)))
    if picture.mode not in _NUMBERS:
        picture = picture.convert("L" if picture.mode in _GREY else "RGB")
    return with_channels(np.asarray(picture))


def with_channels(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(H, W) or (H, W, C) as (H, W, C), 255 for a true pixel. Raises `ValueError` for others."""
    if array.ndim not in (2, 3):
        raise ValueError(f"An array of shape {array.shape} is not a picture; pass one plane of it.")
    if array.dtype == bool:
        array = array.astype(np.uint8) * 255
    return array[..., None] if array.ndim == 2 else array


def as_picture(array: npt.NDArray[Any]) -> PillowImage.Image:
    """H x W or H x W x C numbers as an RGB picture, as the service shows them."""
    return PillowImage.fromarray(display(with_channels(array)))


def on_axes(picture: PillowImage.Image, ax: Any | None) -> Any:
    """The picture on matplotlib axes; new ones, pixel for pixel, if none are given."""
    pyplot = require("matplotlib.pyplot", "plot()", "brightfield[notebook]")
    if ax is None:
        size = (picture.width / _DPI, picture.height / _DPI)
        _, ax = pyplot.subplots(figsize=size, dpi=_DPI, layout="constrained")
    ax.imshow(picture)
    ax.set_axis_off()
    return ax


def inline_png(image: PillowImage.Image, alt: str) -> str:
    """An <img> element that carries its picture, for notebooks."""
    stream = io.BytesIO()
    image.save(stream, "PNG")
    data = base64.b64encode(stream.getvalue()).decode()
    return f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{data}">'


def thumbnail_png(image: PillowImage.Image, alt: str, side: int = 1024) -> str:
    """`inline_png` of a picture made smaller, so that neither side is longer than `side`."""
    small = image.copy()
    small.thumbnail((side, side))
    return inline_png(small, alt)
