"""The calibration in the tags and descriptions of a TIFF file other than OME's."""

from __future__ import annotations

import re

from brightfield.images.imagej import ImageJFacts
from brightfield.images.picture import Note
from brightfield.images.tiff_directory import Directory
from brightfield.images.units import INCHES
from brightfield.images.voxel_size import VoxelSize, calibrated

_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT = 282, 283, 296
# TIFF has the first two; tifffile writes the others, too.
_UNITS = {2: "inch", 3: "cm", 4: "mm", 5: "µm"}
# ImageJ takes its unit from the tags, too.
_PRINTED = INCHES | {"cm"}
# Micrometres: no microscope's pixel is larger, and no printer's dot is smaller than about 10.
_DOUBTFUL = 20.0

# Aperio's scanners, and those whose files are to be read as theirs: "|MPP = 0.4990|".
_MPP = re.compile(rb"\|\s*MPP\s*=\s*(\d*[.,]?\d+)")
_MOST_BYTES = 1 << 16


def tagged_calibration(first: Directory, imagej: ImageJFacts | None) -> VoxelSize:
    """The calibration by a scanner's MPP, else ImageJ's unit, else the resolution tags.

    Resolution tags, and ImageJ where it took its unit from them, say as a rule how to print: a
    pixel of more than 20 µm by them alone has no size, with a note.
    """
    if (mpp := _MPP.search(first.description(_MOST_BYTES))) is not None:
        size = (mpp[1].replace(b",", b".").decode(), "µm")
        return calibrated(size, size)
    tagged = _UNITS.get(first.number(_RESOLUTION_UNIT, 2), "")
    x, y = first.ratio(_X_RESOLUTION), first.ratio(_Y_RESOLUTION)
    width, height = (None if ratio is None else 1 / ratio for ratio in (x, y))
    if imagej is None:
        unit = tagged
        found = calibrated((width, unit), (height, unit))
    else:
        unit = imagej.unit or tagged
        along_y, along_z = imagej.y_unit or unit, imagej.z_unit or unit
        found = calibrated((width, unit), (height, along_y), (imagej.spacing, along_z))
    return _doubted(found) if unit.lower() in _PRINTED else found


def _doubted(found: VoxelSize) -> VoxelSize:
    """The calibration without a size that no microscope has."""
    size = found.pixel_size
    if size is None or size <= _DOUBTFUL:
        return found
    detail = (
        f"By its resolution of {25_400 / size:.4g} per inch a pixel is {size:.4g} µm wide, which "
        "says how to print; the size was left unknown. Give pixel_size to set it."
    )
    return VoxelSize(None, found.spacing, (Note("pixel_size_doubtful", detail),))
