"""Writing arrays as TIFF, with the size of a pixel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from brightfield_client.optional import require

_CENTIMETRE = 3  # TIFF's resolution unit
_MICROMETRES = 1e4  # in a centimetre


def write_tiff(path: Path, array: npt.NDArray[Any], axes: str, pixel_size: float | None) -> None:
    """`axes` as `YX`, `YXS` or `CYX`; `pixel_size` in micrometres goes into the resolution tags.

    Pillow writes grey of 8 and 16 bits and of float32 and colour of 8 bits; the rest needs
    tifffile. Raises `ImportError` where it is missing.
    """
    resolution = None if pixel_size is None else _MICROMETRES / pixel_size
    if _fits_pillow(array):
        tags: dict[str, Any] = {"compression": "tiff_adobe_deflate"}
        if resolution is not None:
            tags |= {"resolution_unit": _CENTIMETRE}
            tags |= {"x_resolution": resolution, "y_resolution": resolution}
        PillowImage.fromarray(array).save(path, "TIFF", **tags)
        return
    tifffile = require("tifffile", f"A TIFF of {array.dtype} {axes}", "tifffile")
    size: dict[str, Any] = {}
    if resolution is not None:
        size = {"resolution": (resolution, resolution), "resolutionunit": _CENTIMETRE}
    tifffile.imwrite(
        path,
        array,
        photometric="rgb" if axes.endswith("S") else "minisblack",
        metadata={"axes": axes},
        compression="zlib",
        **size,
    )


def _fits_pillow(array: npt.NDArray[Any]) -> bool:
    if array.ndim == 2:
        return array.dtype in (np.uint8, np.uint16, np.float32)
    return array.dtype == np.uint8 and array.ndim == 3 and array.shape[2] == 3
