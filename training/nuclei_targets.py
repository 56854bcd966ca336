"""What the nuclei network learns to say of each pixel, made from a label image."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Labels = NDArray[np.int32]
"""(H, W): 0 is the background, every other number one object."""

FloatMap = NDArray[np.float32]

_AROUND = 3
_TYPICAL_AREA = 300.0
_GREATEST_WEIGHT = 3.0


def relative_distance(labels: Labels) -> FloatMap:
    """Distance to the nearest pixel outside the own object, over the object's greatest such value.

    (H, W) in [0, 1], 0 on the background: every object has a 1 in its middle, however large it
    is. What lies beyond the image's border does not count as outside, so that a cut object is
    highest where it is cut.
    """
    distance = np.zeros(labels.shape, np.float32)
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is None:
            continue
        wide = tuple(slice(max(side.start - 1, 0), side.stop + 1) for side in box)
        inside = labels[wide] == number
        if inside.all():
            own = np.ones(inside.shape, np.float32)
        else:
            own = cv2.distanceTransform(inside.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        distance[wide][inside] = (own / own.max())[inside]
    return distance


def weights(labels: Labels) -> FloatMap:
    """sqrt(300 / area) within [1, 3] on an object and 3 pixels around it, 1 elsewhere; (H, W).

    Without it a nucleus of 50 pixels would hardly count beside one of 2,000. What lies around it
    weighs as much, else small nuclei would come out too large.
    """
    areas = np.bincount(labels.ravel())
    each = np.sqrt(_TYPICAL_AREA / np.maximum(areas, 1)).clip(1, _GREATEST_WEIGHT)
    each[0] = 1
    side = 2 * _AROUND + 1
    spread = cv2.dilate(each.astype(np.float32)[labels], np.ones((side, side), np.uint8))
    return np.asarray(spread, np.float32)
