"""What callers should know of answers about collections: where a method has reached its limits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brightfield.embedding.neighbors import Neighbors
from brightfield.embedding.vectors import Vectors
from brightfield.images.picture import Note


def as_json(notes: Iterable[Note | None]) -> list[dict[str, Any]]:
    """The notes that there are, as replies have them."""
    return [asdict(note) for note in notes if note is not None]


def on_copies(first: NDArray[np.int64], what: str) -> Note | None:
    """`first` (N,) is that of `Rounded.copies`; `what` says what follows, as a clause."""
    distinct, sizes = np.unique(first, return_counts=True)
    if len(distinct) == len(first):
        return None
    groups = sizes[sizes > 1]
    return Note(
        "copies",
        f"{int(groups.sum())} of the {len(first)} items have vectors that another has too, up to "
        f"rounding ({len(distinct)} differ; the largest group has {int(groups.max())}): {what}.",
    )


def on_zeros(vectors: Vectors, metric: str) -> Note | None:
    """Vectors without a direction, of which the cosine says nothing."""
    zeros = 0 if metric != "cosine" else int(np.count_nonzero(~vectors.any(axis=1)))
    if not zeros:
        return None
    return Note(
        "zero_vectors",
        f"{zeros} of the {len(vectors)} vectors are 0 and have no direction: by the cosine their "
        "distance from all others is 1. Leave them out, or use the Euclidean metric.",
    )


def on_ties(found: Neighbors) -> Note | None:
    """Items that are as near as the last one listed, and were left out by their age alone."""
    if not found.tied:
        return None
    return Note(
        "equally_near",
        f"{found.tied} further items are as near as the last one ({found.distances[-1]:.3g}); of "
        "equally near ones those that were added first are listed.",
    )
