"""Sources as pictures on this side, to draw a map over them."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage
from PIL import ImageOps

from brightfield_client.images import NPY, ImageSource, to_payload


def open_picture(source: ImageSource) -> PillowImage.Image:
    """A source as an upright RGB picture; arrays of other than 8 bits are stretched to 0..255.

    Raises `ValueError` for a stored image, whose pixels are not here.
    """
    payload = to_payload(source)
    if payload.stored is not None:
        raise ValueError("The pixels of a stored image are at the service; pass the image itself.")
    if payload.media_type == NPY:
        array = np.load(io.BytesIO(payload.content), allow_pickle=False)
        return as_picture(np.moveaxis(array, 0, -1) if payload.axes == "CYX" else array)
    picture = ImageOps.exif_transpose(PillowImage.open(io.BytesIO(payload.content)))
    if picture.mode in ("I", "F", "I;16", "I;16B"):
        return as_picture(np.asarray(picture))
    return picture.convert("RGB")


def as_picture(array: npt.NDArray[Any]) -> PillowImage.Image:
    """H x W or H x W x C numbers as an RGB picture; other than 8 bits are stretched to 0..255."""
    if array.ndim not in (2, 3):
        raise ValueError(f"An array of shape {array.shape} is not a picture; pass one plane of it.")
    if array.dtype != np.uint8:
        values = np.nan_to_num(array.astype(float))
        low, high = values.min(), values.max()
        array = np.rint(255 * (values - low) / (high - low or 1.0)).astype(np.uint8)
    if array.ndim == 3 and array.shape[2] not in (3, 4):
        array = array[..., 0]
    return PillowImage.fromarray(array).convert("RGB")
