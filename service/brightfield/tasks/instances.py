"""Objects told apart in maps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from skimage.measure import label

from brightfield.images.labels import Labels


def components(classes: NDArray[np.int32]) -> tuple[Labels, NDArray[np.int32]]:
    """The 8-connected parts of one class each, of a class image (H, W) with 0 as background.

    Returns the label image, numbered in reading order of the parts' first pixels, and the class
    of each part.
    """
    labels = label(classes, background=0, connectivity=2).astype(np.int32)
    _, first = np.unique(labels, return_index=True)
    values = classes.reshape(-1)[first]
    return labels, values[values > 0]
