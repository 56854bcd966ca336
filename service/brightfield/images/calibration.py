"""From stored values to calibrated ones, as ImageJ's files state it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from brightfield.images.picture import Note
from brightfield.tensors import Pixels

_POLYNOMIALS = range(4)  # ImageJ's functions 0 to 3: straight line, degrees 2 to 4
_NONE = 20
_SIGNED = (-32768.0, 1.0)
_GREATEST_BITS = 16


@dataclass(frozen=True, slots=True)
class ValueCalibration:
    """A function by ImageJ's number, its coefficients (the constant first), and whether negative
    results become 0."""

    function: int
    coefficients: tuple[float, ...]
    clipped: bool = False

    def __call__(self, pixels: Pixels) -> tuple[Pixels, tuple[Note, ...]]:
        """The calibrated values of grey pixels of 8 or 16 bits, with a note.

        sum over i of c_i * value^i as float32, as ImageJ has them; the offset that ImageJ writes
        for signed 16-bit values gives int16. Other functions, and values of other types, are left
        as stored, with a note. Source: ij.measure.Calibration and ij.io.FileSaver of ImageJ.
        """
        if self._neutral:
            return pixels, ()
        fits = pixels.dtype.kind in "ui" and 8 * pixels.dtype.itemsize <= _GREATEST_BITS
        if self.function not in _POLYNOMIALS or not fits or pixels.shape[-1] != 1:
            return pixels, (_ignored(self.function),)
        signed = self.coefficients == _SIGNED and not self.clipped
        if signed and pixels.dtype == np.uint16:
            return (pixels ^ np.uint16(0x8000)).view(np.int16), (_APPLIED,)
        values = np.polynomial.polynomial.polyval(pixels.astype(np.float64), self.coefficients)
        if self.clipped:
            values = np.maximum(values, 0)
        return values.astype(np.float32), (_APPLIED,)

    @property
    def _neutral(self) -> bool:
        identity = self.function == 0 and self.coefficients in ((), (0.0, 1.0))
        return self.function == _NONE or (identity and not self.clipped)


_APPLIED = Note(
    "calibration_applied",
    "The file's ImageJ calibration was applied: values, limits and measurements are calibrated.",
)


def _ignored(function: int) -> Note:
    return Note(
        "calibration_ignored",
        f"The file has an ImageJ calibration (function {function}) that is not applied; values "
        "and measurements are those stored. To have calibrated ones, save them as 32-bit floats.",
    )
