"""Where the feature vectors of a model come from, if a backend can give them."""

from __future__ import annotations

import torch

from brightfield.errors import BrightfieldError
from brightfield.models.inspection.layers import PENULTIMATE, Tap, resolve
from brightfield.runtime.operations import Activations
from brightfield.runtime.resident import Resident
from brightfield.runtime.ticket import Ticket
from brightfield.runtime.work_item import Priority


def feature_tap(resident: Resident) -> Tap | None:
    """The place that `penultimate` means, if one vector for each image flows through it; blocks.

    None where the model has no such place, or where it has maps there: how they are read as such
    is found out in the model itself.
    """
    rows = torch.zeros(1 if resident.row_limit == 1 else 2, *resident.shape)
    try:
        tap = resolve(resident.module, PENULTIMATE, resident.card.explain)
        item = resident.submit(
            Activations(tap), rows, Ticket(), band=Priority.BULK, only_timed=True
        )
        values = item.result()
    except BrightfieldError:
        return None
    return tap if values.dim() == 2 and len(values) == len(rows) else None
