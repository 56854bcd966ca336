"""What ImageJ writes into the description of a TIFF file: lines of name=value."""

from __future__ import annotations

from dataclasses import dataclass

from brightfield.images.tiff_directory import Directory

# The lines that tell of the axes come first.
_MOST_BYTES, _MOST_LINES = 1 << 16, 256
_DIGITS = 9


@dataclass(frozen=True, slots=True)
class ImageJFacts:
    """The numbers of planes, their order (slowest last), the unit of length, and other units along
    y and z where there are such."""

    images: int
    channels: int
    slices: int
    frames: int
    order: str
    unit: str
    y_unit: str = ""
    z_unit: str = ""
    spacing: str = ""
    """From a plane to the next, in `z_unit`; the sign says the direction."""


def read_imagej(first: Directory) -> ImageJFacts | None:
    """ImageJ's facts from the first or second description of a page, or None."""
    for which in (0, 1):
        text = first.description(_MOST_BYTES, which)
        if text.startswith(b"ImageJ="):
            return _facts(_decoded(text))
    return None


def _decoded(text: bytes) -> str:
    """ImageJ's text, which is in the encoding of the computer that wrote it."""
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("latin-1")


def _facts(text: str) -> ImageJFacts:
    lines = text.splitlines()[:_MOST_LINES]
    parts = (line.partition("=") for line in lines)
    values = {name.strip(): value.strip() for name, _, value in parts}
    order = values.get("order", "").upper()

    def count(name: str) -> int:
        value = values.get(name, "")
        return max(1, int(value)) if value.isdecimal() and len(value) <= _DIGITS else 1

    return ImageJFacts(
        count("images"),
        count("channels"),
        count("slices"),
        count("frames"),
        order if sorted(order) == ["C", "T", "Z"] else "CZT",
        values.get("unit", ""),
        values.get("yunit", ""),
        values.get("zunit", ""),
        values.get("spacing", "").removeprefix("-"),
    )
