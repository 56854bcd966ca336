"""The answer of /superresolve."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from brightfield_client.pictures import as_picture, on_axes, thumbnail_png
from brightfield_client.results.binary import Binary
from brightfield_client.results.result import Result
from brightfield_client.results.saving import as_npy, save_as, write_tiff
from brightfield_client.results.value import Json, at

_MEDIA_TYPES = {"npy": "application/x-npy", "png": "image/png", "tiff": "image/tiff"}


def _pixels(image: Json) -> npt.NDArray[Any]:
    content = base64.b64decode(image["data"], validate=True)
    return Binary(content, _MEDIA_TYPES[image["format"]], {}).array()


@dataclass(frozen=True, eq=False, kw_only=True)
class Enlargement(Result):
    """An image with `scale` times more pixels along each side.

    `pixels` has the image's dtype and the `axes` YX, YXS (colour) or CYX (other channels);
    `pixel_size` is that of the new pixels, in micrometres, None where it is unknown. `psnr` (dB)
    and `ssim` compare it with the reference, where one was sent; NaN where the number is not
    finite, as the PSNR of equal images.
    """

    pixels: npt.NDArray[Any] = at("image", read=_pixels, repr=False)
    axes: str = at("image.axes")
    scale: int
    pixel_size: float | None = at("image.pixel_size", default=None)
    psnr: float | None = None
    ssim: float | None = None

    @classmethod
    def _read(cls, value: Json) -> dict[str, Any]:
        unknown = {name: float("nan") for name in ("psnr", "ssim") if name in value["result"]}
        return unknown | super()._read(value)

    def picture(self) -> PillowImage.Image:
        """The pixels as an RGB picture of 8 bits, the first channel of several."""
        return as_picture(self.pixels[0] if self.axes == "CYX" else self.pixels)

    def plot(self, *, ax: Any | None = None) -> Any:
        """Draw the picture with matplotlib and return the axes."""
        return on_axes(self.picture(), ax, f"{self.model.id}: {self.scale} times")

    def save(self, path: str | Path) -> Path:
        """Write the pixels as .png, .tif (with the pixel size) or .npy, without loss; or .json.

        What Pillow does not write, other channels than grey and colour, float64 and colour of 16
        bits, is asked of the service again (see `again`) as .png or .tif.
        """
        png, tiff = partial(self._write, "png"), partial(self._write, "tiff")
        return save_as(self, path, {".png": png, ".tif": tiff, ".npy": as_npy(self.pixels)})

    def _write(self, form: str, path: Path) -> None:
        """As Pillow writes it: PNG of 8 and grey of 16 bits, TIFF also of grey float32."""
        grey = (np.uint16, np.float32) if form == "tiff" else (np.uint16,)
        kinds = (np.uint8, *(grey if self.axes == "YX" else ()))
        if self.axes == "CYX" or self.pixels.dtype not in kinds:
            self.again(form).save(path)
        elif form == "png":
            PillowImage.fromarray(self.pixels).save(path, "PNG")
        else:
            write_tiff(path, self.pixels, self.pixel_size)

    def _repr_html_(self) -> str:
        title = f"{self.scale} times"
        return f"{thumbnail_png(self.picture(), title)}<br>{self._caption()}"
