"""The size of a pixel in micrometres, as far as a TIFF file knows it."""

from __future__ import annotations

from math import isfinite

from brightfield.images.imagej import ImageJFacts
from brightfield.images.picture import Note
from brightfield.images.tiff_directory import Directory

_MICROMETRES = {
    "µm": 1.0, "μm": 1.0, "um": 1.0, "micron": 1.0, "microns": 1.0, "micrometer": 1.0,
    "micrometre": 1.0, "\\u00b5m": 1.0, "nm": 1e-3, "pm": 1e-6, "å": 1e-4, "mm": 1e3, "cm": 1e4,
    "m": 1e6, "inch": 25_400.0, "in": 25_400.0,
}  # fmt: skip

# What image editors and printers write when they know nothing: dots per inch.
_PLACEHOLDERS = (72.0, 96.0, 150.0, 300.0)

Length = tuple[object, str]
"""A number and its unit, as written in the file."""


def square(x: Length, y: Length) -> tuple[float | None, tuple[Note, ...]]:
    """Micrometres per pixel when it is known and the same along both axes, to one per cent.

    Pixels that are not square give None and a note.
    """
    width, height = _in_micrometres(*x), _in_micrometres(*y)
    if width is None or height is None:
        return width, ()
    if abs(width - height) > 0.01 * width:
        detail = (
            f"A pixel is {width:g} x {height:g} µm by the file; its size was left unknown because "
            "it is not square. Give pixel_size to set it."
        )
        return None, (Note("pixels_not_square", detail),)
    return width, ()


def _in_micrometres(number: object, unit: str) -> float | None:
    factor = _MICROMETRES.get(unit.strip().lower())
    try:
        size = float(str(number)) * (factor or 0.0)
    except ValueError:
        return None
    return size if isfinite(size) and size > 0 else None


def tagged_size(
    first: Directory, imagej: ImageJFacts | None
) -> tuple[float | None, tuple[Note, ...]]:
    """The pixel size by ImageJ's unit, else by the resolution tags (282, 283, 296).

    ImageJ writes pixels per its own unit. Of the tags, centimetres and inches are known units;
    resolutions of 72, 96, 150 and 300 per inch say how to print, not what was seen.
    """
    x, y = first.ratio(282), first.ratio(283)
    if x is None or y is None:
        return None, ()
    if imagej is not None:
        return square((1 / x, imagej.unit), (1 / y, imagej.unit))
    unit = {2: "inch", 3: "cm"}.get(first.number(296, 2), "")
    per_inch = x * (2.54 if unit == "cm" else 1.0)
    if any(abs(per_inch - dpi) < 0.01 * dpi for dpi in _PLACEHOLDERS):
        return None, ()
    return square((1 / x, unit), (1 / y, unit))
