"""The bound on pixels, checked from headers before anything is decoded."""

from __future__ import annotations

from brightfield.errors import TooManyPixels, UndecodableImage


def check_pixels(
    width: int, height: int, max_pixels: int, *, planes: int = 1, channels: int = 1
) -> None:
    """Refuse an image whose header promises more than `max_pixels`.

    What counts is width x height x planes, where up to five channels (RGB, CMYK, with alpha) are
    one plane and more count a plane for every three.

    Raises `TooManyPixels`, or `UndecodableImage` when the image has no pixels at all.
    """
    if width < 1 or height < 1:
        raise UndecodableImage(f"The image has no pixels: its header says {width} x {height}.")
    count = planes * max(1, channels // 3)
    if width * height * count <= max_pixels:
        return
    size = f"{width} x {height} pixels" + (f" in {count} planes" if count > 1 else "")
    raise TooManyPixels(
        f"The image has {size}; at most {max_pixels:,} pixels are read at once. "
        "Send a part of it or a smaller version, or raise the setting max_pixels."
    )
