"""Maps as colours, without a plotting library."""

from __future__ import annotations

import base64
import html
import io

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from brightfield_client.arrays import FloatArray

Colors = npt.NDArray[np.uint8]  # (H, W, 3) RGB

_BLUE, _WHITE, _RED = np.array([(33, 102, 172), (247, 247, 247), (178, 24, 43)], dtype=float)


def colorize(values: FloatArray) -> Colors:
    """H x W numbers as H x W x 3 RGB.

    A map without negative values runs from black over red and yellow to white, linear between its
    minimum and maximum. A signed map runs from blue (-m) over white (0) to red (+m), m being its
    largest magnitude. NaN is grey.
    """
    known = np.isfinite(values)
    finite = np.where(known, values, 0.0).astype(float)
    colors = _diverging(finite) if finite.min(initial=0.0) < 0 else _sequential(finite)
    colors = np.where(known[..., None], colors, 128.0)
    return np.clip(np.rint(colors), 0, 255).astype(np.uint8)


def _sequential(values: FloatArray) -> FloatArray:
    low, high = values.min(initial=np.inf), values.max(initial=-np.inf)
    share = (values - low) / (high - low) if high > low else np.zeros_like(values)
    ramps = (3 * share, 3 * share - 1, 3 * share - 2)
    return 255.0 * np.stack([np.clip(ramp, 0, 1) for ramp in ramps], axis=-1)


def _diverging(values: FloatArray) -> FloatArray:
    share = (values / np.abs(values).max())[..., None]
    end = np.where(share < 0, _BLUE, _RED)
    colors: FloatArray = _WHITE + np.abs(share) * (end - _WHITE)
    return colors


def lay_over(
    values: FloatArray,
    image: PillowImage.Image,
    region: tuple[float, float, float, float] | None = None,
    alpha: float = 0.5,
) -> PillowImage.Image:
    """The colours of a map over the part `region` (x, y, width, height) of a picture."""
    canvas = image.convert("RGB")
    x, y, width, height = region or (0, 0, *canvas.size)
    heat = PillowImage.fromarray(colorize(values))
    size = (max(1, round(width)), max(1, round(height)))
    heat = heat.resize(size, PillowImage.Resampling.BILINEAR)
    corner = (round(x), round(y))
    below = canvas.crop((*corner, corner[0] + size[0], corner[1] + size[1]))
    canvas.paste(PillowImage.blend(below, heat, alpha), corner)
    return canvas


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
