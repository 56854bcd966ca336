"""Candidates of a tile in the image: which are the tile's own, and where they lie."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from brightfield.cards import ModelCard
from brightfield.geometry import Geometry
from brightfield.images.picture import Note, Region
from brightfield.images.tiles import Tile
from brightfield.models.architecture import Candidates
from brightfield.outages import ModelFailed
from brightfield.tasks.objects.suppression import keep_likely, select


def own_candidates(
    candidates: Candidates, geometry: Geometry, tile: Tile, card: ModelCard, threshold: float
) -> Candidates:
    """The likely candidates whose points lie in the tile's core, in pixels of the image."""
    if (misfit := columns_misfit(candidates, card)) is not None:
        raise ModelFailed(misfit)
    likely = keep_likely(candidates, card.output.activation, threshold)
    steps = torch.tensor([geometry.x.step, geometry.y.step])
    origins = torch.tensor([geometry.x.origin, geometry.y.origin])
    points = likely.points * steps + origins
    x, y = points[0].unbind(-1)
    core = tile.core
    own = (x >= core.x) & (x < core.x + core.width) & (y >= core.y) & (y < core.y + core.height)
    boxes = likely.boxes * steps.repeat(2) + origins.repeat(2)
    return select(likely._replace(boxes=boxes, points=points), own)


def columns_misfit(candidates: Candidates, card: ModelCard) -> str | None:
    """What is wrong where the candidates have other classes than the card has labels."""
    columns = candidates.logits.shape[2] - (card.output.activation == "softmax")
    if not card.label_names or columns == len(card.label_names):
        return None
    return (
        f"The card of {card.id} names {len(card.label_names)} labels, and the model has {columns} "
        "classes."
    )


def limit_notes(candidates: Candidates) -> list[Note]:
    """What to know about a tile's candidates if the network puts out no more than so many."""
    if candidates.full is None or not candidates.full[0]:
        return []
    return [
        Note(
            "model_limit_reached",
            f"The model puts out at most {candidates.boxes.shape[1]} objects for one look, and "
            "found as many; there may be more. Look through smaller tiles, as tile=256.",
        )
    ]


def clipped(boxes: NDArray[np.float32], region: Region) -> NDArray[np.float32]:
    """Boxes (n, 4) cut at the border of a region."""
    low = np.array([region.x, region.y] * 2, np.float32)
    high = low + np.array([region.width, region.height] * 2, np.float32)
    return np.clip(boxes, low, high)
