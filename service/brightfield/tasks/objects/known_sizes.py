"""Whether what a model has found is as large as the objects that it knows."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from brightfield.cards import InputSpec
from brightfield.images.picture import Note
from brightfield.object_sizes import ObjectSizes

# Of the objects, so that a few crumbs or clumps are no reason to doubt all others.
_MANY = 0.1


def size_notes(
    diameters: Sequence[float] | None, spec: InputSpec, scale: float, pixel_size: float | None
) -> tuple[Note, ...]:
    """A warning where a tenth or more of the objects are larger or smaller than those that the
    model knows, or nearly all are little larger than the smallest, as debris is; and where there
    are none, so nobody takes objects of other sizes for an empty image.

    `diameters` are in pixels of the image, of which the model saw `scale` pixels each.
    """
    if spec.objects is None or diameters is None:
        return ()
    known = spec.objects.times(1 / scale)
    if not diameters:
        return (_nothing(known),)
    sizes = np.asarray(diameters)
    outside = (sizes < known.smallest) | (sizes > known.largest)
    low, middle, high = np.percentile(sizes, [10, 50, 90])
    if outside.mean() < _MANY:
        return (_small(sizes, known),) if high < math.sqrt(known.smallest * known.typical) else ()
    micrometres = "" if pixel_size is None else f" ({middle * pixel_size:.3g} µm)"
    detail = (
        f"{outside.sum()} of {len(sizes)} objects are of other sizes than the model knows "
        f"({(sizes < known.smallest).sum()} smaller, {(sizes > known.largest).sum()} larger), "
        f"which are {known.smallest:.3g} to {known.largest:.3g} pixels of the image: most are "
        f"{low:.3g} to {high:.3g} pixels across, half of them less than {middle:.3g}{micrometres}. "
        "Say how large they are with diameter, or set scale."
    )
    return (Note("objects_outside_range", detail),)


def _small(sizes: NDArray[np.float64], known: ObjectSizes) -> Note:
    low, middle, high = np.percentile(sizes, [10, 50, 90])
    return Note(
        "objects_small",
        f"Most of the {len(sizes)} objects are {low:.3g} to {high:.3g} pixels across, little "
        f"larger than the smallest that the model knows ({known.smallest:.3g}; it knows those of "
        f"{known.typical:.3g} best). Debris looks like that, too: compare with a field without "
        f"objects. If they are what you look for, say diameter={middle:.3g}.",
    )


def _nothing(known: ObjectSizes) -> Note:
    return Note(
        "nothing_found",
        f"The model found no objects. It knows those of {known.smallest:.3g} to "
        f"{known.largest:.3g} pixels of the image across; if there are larger or "
        "smaller ones, say how large with diameter.",
    )
