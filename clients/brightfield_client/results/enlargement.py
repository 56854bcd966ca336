"""The answer of /superresolve."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from brightfield_client.heat import thumbnail_png
from brightfield_client.pictures import as_picture
from brightfield_client.results import heatmap
from brightfield_client.results.binary import Binary
from brightfield_client.results.result import Json, Result
from brightfield_client.results.saving import save_as
from brightfield_client.results.tiff import write_tiff

_MEDIA_TYPES = {"npy": "application/x-npy", "png": "image/png", "tiff": "image/tiff"}


@dataclass(frozen=True, eq=False, kw_only=True)
class Enlargement(Result):
    """An image with `scale` times more pixels along each side.

    `pixels` has the image's dtype and the `axes` YX, YXS (colour) or CYX (other channels);
    `pixel_size` is that of the new pixels, in micrometres, None where it is unknown. `psnr` (dB)
    and `ssim` compare it with the reference, where one was sent; NaN where the number is not
    finite, as the PSNR of equal images.
    """

    task_name: ClassVar[str] = "superresolve"

    pixels: npt.NDArray[Any] = field(repr=False)
    axes: str
    scale: int
    pixel_size: float | None
    psnr: float | None
    ssim: float | None

    @classmethod
    def _own(cls, result: Json) -> dict[str, Any]:
        image = result["image"]
        content = base64.b64decode(image["data"], validate=True)
        return {
            "pixels": Binary(content, _MEDIA_TYPES[image["format"]], {}).array(),
            "axes": str(image["axes"]),
            "scale": int(result["scale"]),
            "pixel_size": image.get("pixel_size"),
            "psnr": _number(result, "psnr"),
            "ssim": _number(result, "ssim"),
        }

    def picture(self) -> PillowImage.Image:
        """The pixels as an RGB picture of 8 bits, the first channel of several."""
        return as_picture(self.pixels[0] if self.axes == "CYX" else self.pixels)

    def plot(self, *, ax: Any | None = None) -> Any:
        """Draw the picture with matplotlib and return the axes."""
        return heatmap.plot(self.picture(), f"{self.model.id}: {self.scale} times", ax)

    def save(self, path: str | Path) -> Path:
        """Write the pixels as .png, .tif (with the pixel size) or .npy, without loss.

        Raises `ValueError` for what a PNG, or Pillow, does not hold: other channels than grey and
        colour, floats, colour of 16 bits.
        """
        writers = {
            ".png": self._write_png,
            ".tif": self._write_tiff,
            ".tiff": self._write_tiff,
            ".npy": lambda file: np.save(file, self.pixels, allow_pickle=False),
        }
        return save_as(path, writers, "An enlarged image")

    def _write_png(self, path: Path) -> None:
        deep_grey = self.axes == "YX" and self.pixels.dtype == np.uint16
        if not deep_grey and (self.axes == "CYX" or self.pixels.dtype != np.uint8):
            raise ValueError(
                f"Pillow writes no PNG of {self.pixels.dtype} {self.axes}; save as .tif or .npy."
            )
        PillowImage.fromarray(self.pixels).save(path, "PNG")

    def _write_tiff(self, path: Path) -> None:
        write_tiff(path, self.pixels, self.axes, self.pixel_size)

    def _repr_html_(self) -> str:
        title = f"{self.scale} times"
        return f"{thumbnail_png(self.picture(), title)}<br>{self._caption()}"


def _number(result: Json, name: str) -> float | None:
    """None where it was not measured, NaN where it is not finite."""
    if name not in result:
        return None
    value = result[name]
    return float("nan") if value is None else float(value)
