"""A decoded plane, and what is shown of it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import numpy as np

from brightfield.images.area import at_size
from brightfield.images.contents import ImageContents
from brightfield.images.intensity import Intensity
from brightfield.images.intensity_limits import IntensityLimits, limits
from brightfield.images.picture import Note, Picture, Region
from brightfield.preprocess import field_of
from brightfield.tensors import Pixels
from brightfield_painting import scale

_MOST_KEPT = 64
_EIGHT_BITS = (0.0, 255.0)


@dataclass(frozen=True, slots=True)
class Shown:
    """(h, w) or (h, w, 3) uint8 for the eye, and what is to be known of it."""

    pixels: Pixels
    notes: tuple[Note, ...]


@dataclass(slots=True)
class ViewedPlane:
    """A plane with its pixels. Limits of intensities are found once. Safe from several threads."""

    contents: ImageContents
    picture: Picture
    _limits: dict[Intensity, IntensityLimits] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def nbytes(self) -> int:
        return self.picture.pixels.nbytes

    def limits(self, intensity: Intensity) -> IntensityLimits:
        """Which values become black and white, as at the image endpoints."""
        with self._lock:
            found = self._limits.get(intensity)
        if found is None:
            separate = self.picture.facts.separate
            found = limits(self.picture.pixels, intensity, separate=separate)
            with self._lock:
                if len(self._limits) >= _MOST_KEPT:  # any: each is found again when it is needed
                    self._limits.pop(next(iter(self._limits)))
                self._limits[intensity] = found
        return found

    def values(self, region: Region | None) -> Pixels:
        """(h, w, C) in the file's own dtype. Raises `InvalidRegion`."""
        part = field_of(self.picture, region)
        y, x = part.y, part.x
        return self.picture.pixels[y : y + part.height, x : x + part.width]

    def shown(self, region: Region | None, height: int, width: int, intensity: Intensity) -> Shown:
        """A part at a size: grey, or red, green and blue; of two channels red and green, and of
        more than three the first three, with a note. Raises `InvalidRegion`."""
        part = self.values(region)
        found = self.limits(intensity)
        kept = 3 if part.shape[2] > 3 else part.shape[2]
        pixels = painted(at_size(part[..., :kept], height, width), found)
        notes = (*self.picture.notes, *found.notes)
        if part.shape[2] > kept:
            notes = (*notes, _not_shown(part.shape[2]))
        if kept == 2:
            pixels = np.concatenate([pixels, np.zeros_like(pixels[..., :1])], axis=2)
        return Shown(pixels[..., 0] if kept == 1 else pixels, notes)


def painted(pixels: Pixels, found: IntensityLimits) -> Pixels:
    """(h, w, C) as uint8: the low limit black, the high one white, NaN black."""
    if pixels.dtype == np.uint8 and found.pairs == (_EIGHT_BITS,):
        return pixels
    pairs = found.pairs if len(found.pairs) > 1 else found.pairs * pixels.shape[2]
    channels = [scale(pixels[..., c : c + 1], *pairs[c]) for c in range(pixels.shape[2])]
    return np.rint(np.concatenate(channels, axis=2) * 255).astype(np.uint8)


def _not_shown(count: int) -> Note:
    return Note(
        "channels_not_shown",
        f"The image has {count} channels, and the first three are shown; choose with channels=.",
    )
