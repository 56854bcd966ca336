"""Whether what a model has found is as large as the objects that it knows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from brightfield.cards import InputSpec
from brightfield.images.picture import Note

# Of the objects, so that a few crumbs or clumps are no reason to doubt all others.
_MANY = 0.25


def size_notes(
    diameters: Sequence[float], spec: InputSpec, scale: float, pixel_size: float | None
) -> tuple[Note, ...]:
    """A warning where a quarter or more of the objects are larger or smaller than those that the
    model knows.

    `diameters` are in pixels of the image, of which the model saw `scale` pixels each.
    """
    if spec.objects is None or not diameters:
        return ()
    known = spec.objects.times(1 / scale)
    sizes = np.asarray(diameters)
    outside = (sizes < known.smallest) | (sizes > known.largest)
    if outside.mean() < _MANY:
        return ()
    low, middle, high = np.percentile(sizes, [10, 50, 90])
    micrometres = "" if pixel_size is None else f" ({middle * pixel_size:.3g} µm)"
    detail = (
        f"{outside.sum()} of {len(sizes)} objects are of other sizes than the model knows, which "
        f"are {known.smallest:.3g} to {known.largest:.3g} pixels of the image: most are {low:.3g} "
        f"to {high:.3g} pixels across, half of them less than {middle:.3g}{micrometres}. Say how "
        "large they are with diameter, or set scale."
    )
    return (Note("objects_outside_range", detail),)
