"""A TIFF page's photometric interpretation: what its samples mean, brought to grey or RGB."""

from __future__ import annotations

import numpy as np
from tifffile import PHOTOMETRIC, TiffPage

from brightfield.errors import UndecodableImage
from brightfield.images.colors import (
    ALPHA_DROPPED,
    CMYK_CONVERTED,
    PALETTE_CONVERTED,
    paper_to_rgb,
)
from brightfield.images.picture import Note
from brightfield.tensors import Pixels

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _MASK, _CMYK, _YCBCR = range(7)
_COLORS = {
    _WHITE_IS_ZERO: 1,
    _BLACK_IS_ZERO: 1,
    _RGB: 3,
    _PALETTE: 1,
    _MASK: 1,
    _CMYK: 4,
    _YCBCR: 3,
}
_ALPHA = (1, 2)
_JPEG = frozenset({6, 7, 33007, 34892})

_SHOWN_BY_TABLE = Note(
    "lookup_table_ignored",
    "The file's lookup table says how to show its values; the values themselves were used.",
)
_INVERTED = Note(
    "white_is_zero",
    "The file says that zero is white; its values were turned round (the greatest possible value "
    "minus each), as the image is displayed.",
)
NOT_INVERTED = Note(
    "white_is_zero",
    "The file says that zero is white; its values are not unsigned integers and were left alone.",
)


def check_readable(page: TiffPage) -> None:
    """Refuse a page whose samples would be misread: `UndecodableImage` naming the interpretation.

    YCbCr is read within JPEG compression, which brings it to RGB.
    """
    meaning = int(page.photometric)
    readable = meaning in _COLORS and (meaning != _YCBCR or int(page.compression) in _JPEG)
    wrong_inks = meaning == _CMYK and page.samplesperpixel < 4
    if not readable or wrong_inks or _colormap(page) is None:
        name = PHOTOMETRIC(meaning).name if meaning in set(PHOTOMETRIC) else str(meaning)
        raise UndecodableImage(
            f"The TIFF's photometric interpretation {name} is not read in this form; "
            "save it as grey or RGB."
        )


IMAGEJ_SHOWS = frozenset({_WHITE_IS_ZERO, _PALETTE})
"""What is display in an ImageJ file: its values are those stored."""
OME_SHOWS = frozenset({_PALETTE})
"""What is display in an OME file."""


def samples(page: TiffPage, shown_only: frozenset[int] = frozenset()) -> int:
    """Samples a pixel after `interpret`: alpha gone, palette and inks as RGB."""
    meaning = int(page.photometric)
    if meaning == _CMYK or (meaning == _PALETTE and meaning not in shown_only):
        return 3
    return _stored(page) - int(_has_alpha(page))


def grey(page: TiffPage) -> bool:
    """Whether several samples of a pixel are values of their own, and no colour."""
    return int(page.photometric) in (_WHITE_IS_ZERO, _BLACK_IS_ZERO)


def interpret(
    pixels: Pixels, page: TiffPage, shown_only: frozenset[int] = frozenset()
) -> tuple[Pixels, tuple[Note, ...]]:
    """The stored samples (H, W, S) as grey, RGB or channels, with notes of what was converted.

    Interpretations in `shown_only` are display, and the stored values stay.
    """
    meaning = int(page.photometric)
    if meaning in shown_only:
        return _widened(pixels, page), (_SHOWN_BY_TABLE,)
    if meaning == _PALETTE:
        return _looked_up(pixels, page), (PALETTE_CONVERTED,)
    if meaning == _CMYK:
        return _from_inks(pixels, page)
    notes: tuple[Note, ...] = ()
    if _has_alpha(page):
        pixels, notes = pixels[..., : _COLORS[meaning]], (ALPHA_DROPPED,)
    if meaning == _WHITE_IS_ZERO:
        if pixels.dtype.kind not in "bu":
            return pixels, (*notes, NOT_INVERTED)
        if pixels.dtype.kind == "b":
            return ~pixels, (*notes, _INVERTED)
        pixels, notes = _limit(pixels, page) - pixels, (*notes, _INVERTED)
    return _widened(pixels, page), notes


def _stored(page: TiffPage) -> int:
    return int(page.samplesperpixel)


def _has_alpha(page: TiffPage) -> bool:
    extra = tuple(int(kind) for kind in page.extrasamples)
    return (
        _stored(page) == _COLORS[int(page.photometric)] + 1
        and extra[:1] != ()
        and extra[0] in _ALPHA
    )


def _bits(page: TiffPage) -> int:
    bits = page.bitspersample
    return int(bits if isinstance(bits, int) else max(bits))


def _limit(pixels: Pixels, page: TiffPage) -> Pixels:
    """The largest value of the page's bits, as the pixels' own type."""
    return np.array(2 ** _bits(page) - 1, pixels.dtype)


def _widened(pixels: Pixels, page: TiffPage) -> Pixels:
    """2 to 7 bits stretched over 8, as every viewer shows them; 9 to 15 are kept as counts."""
    bits = _bits(page)
    if pixels.dtype != np.uint8 or bits >= 8:
        return pixels
    table = np.arange(256, dtype=np.uint16) * 255 // (2**bits - 1)
    return np.asarray(table.astype(np.uint8)[pixels])


def _colormap(page: TiffPage) -> Pixels | None:
    """(colours, 3) of the palette in 8 bits where that loses nothing; empty without a palette.

    None when the page needs a palette that it does not have or that does not fit its bits.
    """
    if int(page.photometric) != _PALETTE:
        return np.empty((0, 3), np.uint8)
    if page.colormap is None or page.dtype is None or page.dtype.kind != "u" or _stored(page) != 1:
        return None
    table = np.asarray(page.colormap).T
    if table.shape != (2 ** _bits(page), 3):
        return None
    if table.max() < 256:  # written by programs that mistake 16-bit palettes for 8-bit ones
        return table.astype(np.uint8)
    if (table % 257 == 0).all() or (table % 256 == 0).all():
        return (table >> 8).astype(np.uint8)
    return table.astype(np.uint16)


def _looked_up(pixels: Pixels, page: TiffPage) -> Pixels:
    table = _colormap(page)
    assert table is not None  # check_readable has looked
    return np.asarray(table[pixels[..., 0]])


def _from_inks(pixels: Pixels, page: TiffPage) -> tuple[Pixels, tuple[Note, ...]]:
    if pixels.dtype.kind != "u" or _bits(page) not in (8, 16):
        raise UndecodableImage("CMYK is read with 8 or 16 bits; save the TIFF as RGB.")
    notes = (CMYK_CONVERTED, ALPHA_DROPPED) if _stored(page) > 4 else (CMYK_CONVERTED,)
    return paper_to_rgb(np.iinfo(pixels.dtype).max - pixels[..., :4]), notes
