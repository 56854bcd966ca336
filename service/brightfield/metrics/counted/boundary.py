"""Intersection over union of the inner edges of two masks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy
from numpy.typing import NDArray

EdgeMask = NDArray[np.bool_]


def boundary_overlap(
    truth: EdgeMask,
    prediction: EdgeMask,
    spacing: Sequence[float],
    width: float,
    void: EdgeMask | None,
) -> tuple[int, int]:
    """Pixels that both edges have, and that either has: boundary_iou is their ratio.

    The edge of a mask are its pixels whose distance to the nearest pixel without it is at most
    `width`, in the units of `spacing`; beyond the image there is no mask, and where it meets `void`
    it does not end. Distances run between centres, so a width of one pixel is the outline. Source:
    Cheng et al., "Boundary IoU: improving object-centric image segmentation evaluation", CVPR 2021
    (whose code measures distances along squares, and takes 2 % of the diagonal for the width).
    """
    first, second = (_edge(mask, spacing, width, void) for mask in (truth, prediction))
    return int((first & second).sum()), int((first | second).sum())


def _edge(
    mask: EdgeMask, spacing: Sequence[float], width: float, void: EdgeMask | None
) -> EdgeMask:
    boxes = scipy.ndimage.find_objects(mask.astype(np.uint8))
    found = np.zeros_like(mask)
    if boxes:
        # A pixel around it, in which it ends: distances from inside never reach farther.
        box = tuple(slice(max(0, s.start - 1), s.stop + 1) for s in boxes[0])
        whole = mask[box] if void is None else (mask | void)[box]
        inside = scipy.ndimage.distance_transform_edt(np.pad(whole, 1), sampling=list(spacing))
        inner = inside[(slice(1, -1),) * mask.ndim]
        found[box] = mask[box] & (inner <= width * (1 + 1e-9))
    return found
