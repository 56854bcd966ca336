"""What maps over an image have in common: drawing and saving."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PillowImage

from brightfield_client.arrays import FloatArray
from brightfield_client.heat import colorize, lay_over
from brightfield_client.images import ImageSource
from brightfield_client.optional import require
from brightfield_client.pictures import open_picture

Region = tuple[float, float, float, float]  # x, y, width, height in pixels of the image


def draw(
    values: FloatArray, region: Region | None, image: ImageSource | None, alpha: float
) -> PillowImage.Image:
    """The map as a picture, over the image where one is given."""
    if image is None:
        return PillowImage.fromarray(colorize(values))
    return lay_over(values, open_picture(image), region, alpha)


def save(values: FloatArray, path: str | Path, picture: FloatArray) -> Path:
    """Write `values` as .npy, or the one plane `picture` as .tiff (float32) or .png (colours)."""
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix == ".npy":
        np.save(path, values, allow_pickle=False)
    elif suffix in (".tif", ".tiff"):
        PillowImage.fromarray(picture.astype(np.float32)).save(path)
    elif suffix == ".png":
        PillowImage.fromarray(colorize(picture)).save(path)
    else:
        raise ValueError(
            f"A map is saved as .npy or .tiff (numbers) or .png (colours), not as {suffix!r}."
        )
    return path


def plot(picture: PillowImage.Image, title: str, ax: Any | None) -> Any:
    """The picture on a matplotlib axes, a new one if none is given."""
    pyplot = require("matplotlib.pyplot", "plot()", "brightfield[notebook]")
    if ax is None:
        _, ax = pyplot.subplots()
    ax.imshow(picture)
    ax.set_title(title)
    ax.set_axis_off()
    return ax


def as_region(value: Any) -> Region | None:
    """Four numbers as a region; None stays None (the map covers the whole image)."""
    if value is None:
        return None
    x, y, width, height = (float(number) for number in value)
    return x, y, width, height
