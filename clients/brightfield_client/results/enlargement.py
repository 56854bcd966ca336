"""The answer of /superresolve."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from brightfield_client.pictures import as_picture, on_axes, thumbnail_png
from brightfield_client.results._answers import EnlargedResult
from brightfield_client.results.binary import Binary
from brightfield_client.results.drawn import Drawn
from brightfield_client.results.saving import Writers, as_npy
from brightfield_client.results.value import Json, at

_MEDIA_TYPES = {"npy": "application/x-npy", "png": "image/png", "tiff": "image/tiff"}


def _pixels(image: Json) -> npt.NDArray[Any]:
    content = base64.b64decode(image["data"], validate=True)
    return Binary(content, _MEDIA_TYPES[image["format"]], {}).array()


@dataclass(frozen=True, eq=False, kw_only=True)
class Enlargement(EnlargedResult, Drawn):
    """An image with `scale` times more pixels along each side.

    `pixels` has the image's dtype and the `axes` YX, YXS (colour) or CYX (other channels);
    `pixel_size` is that of the new pixels, in micrometres, None where it is unknown. `psnr` (dB)
    and `ssim` compare it with the reference, where one was sent; NaN where the number is not
    finite, as the PSNR of equal images. Saved without loss as .png, .npy, or .tif with the pixel
    size.
    """

    _form: ClassVar[str] = "beside"
    _forms = ".tif=tiff"
    pixels: npt.NDArray[Any] = at("image", read=_pixels, repr=False)

    @classmethod
    def _read(cls, value: Json) -> dict[str, Any]:
        unknown = {name: float("nan") for name in ("psnr", "ssim") if name in value["result"]}
        return unknown | super()._read(value)

    def picture(self, **choice: Any) -> PillowImage.Image:
        """The pixels as an RGB picture of 8 bits, the first channel of several."""
        return as_picture(self.pixels[0] if self.axes == "CYX" else self.pixels)

    def beside(self, **choice: Any) -> PillowImage.Image:
        """A detail by bicubic interpolation and by the network; see `again`."""
        return super().picture(**choice)

    def plot(self, *which: Any, ax: Any | None = None, **choice: Any) -> Any:
        """Draw `beside()` with matplotlib and return the axes."""
        return on_axes(self.beside(*which, **choice), ax)

    @property
    def _writers(self) -> Writers:
        return {".png": self._write_png, ".npy": as_npy(self.pixels)}

    def _write_png(self, path: Path) -> None:
        kinds = (np.uint8, np.uint16) if self.axes == "YX" else (np.uint8,)
        if self.axes != "CYX" and self.pixels.dtype in kinds:
            PillowImage.fromarray(self.pixels).save(path, "PNG")
        else:
            self.again("png").save(path)

    def _repr_html_(self) -> str:
        title = f"{self.scale} times"
        return f"{thumbnail_png(self.picture(), title)}<br>{self._caption()}"
