"""Label images as JSON carries them: PNG of 16 bits, TIFF beyond and for volumes."""

from __future__ import annotations

import base64
import io

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage
from PIL import ImageSequence

from brightfield_client.results.value import Json

Labels = npt.NDArray[np.uint16] | npt.NDArray[np.uint32]
"""0 is background, k > 0 the pixels of the object with the id k."""

_DTYPES = {16: np.uint16, 32: np.uint32}


def mask_bytes(mask: Json) -> bytes:
    """The file within a mask."""
    return base64.b64decode(mask["data"], validate=True)


def decode_labels(mask: Json) -> Labels:
    """(Z, H, W) of a mask; one plane for an image. Raises `ValueError` where it cannot be read."""
    try:
        with PillowImage.open(io.BytesIO(mask_bytes(mask))) as file:
            # Pillow reads 32 bits as signed; no label comes near the sign.
            planes = [np.array(plane) for plane in ImageSequence.Iterator(file)]
            return np.stack(planes).astype(_DTYPES[mask["bits"]])
    except (OSError, PillowImage.DecompressionBombError) as fault:
        raise ValueError(f"the mask cannot be read ({fault}); ask with format='npy'") from fault


def one_plane(mask: Json) -> Labels:
    """(H, W) of the mask of an image."""
    planes = decode_labels(mask)
    if len(planes) != 1:
        raise ValueError(f"the mask has {len(planes)} planes, not one")
    plane: Labels = planes[0]
    return plane
