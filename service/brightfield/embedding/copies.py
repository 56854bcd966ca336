"""Copies: vectors that are equal, or that only rounding tells apart."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import scipy
from numpy.typing import NDArray

from brightfield.embedding.vectors import Vectors

Dtype = Literal["float32", "float16"]

# What storing and scaling may do to a value, in distances to the next number of its type.
_STEPS = 4
# Random directions along which copies are looked for, and rows that are read at a time.
_DIRECTIONS, _AT_ONCE = 8, 4096


def rounding_of(dtype: Dtype) -> float:
    """The share of a value that storing and scaling it may have changed."""
    return _STEPS * float(np.finfo(dtype).eps)


@dataclass(frozen=True, slots=True, eq=False)
class Rounded:
    """Vectors (N, D) that were stored with a dtype, and then divided by the `lengths` (N,) of the
    stored ones; None: not divided."""

    vectors: Vectors
    dtype: Dtype = "float32"
    lengths: NDArray[np.float64] | None = None

    def error(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """How far rounding may have moved each value (n, D) of the rows."""
        least = float(np.finfo(self.dtype).smallest_normal) / (
            1 if self.lengths is None else self.lengths[rows, None]
        )
        size = np.maximum(np.abs(self.vectors[rows].astype(np.float64)), least)
        return np.asarray(rounding_of(self.dtype) * size)

    def copies(self) -> NDArray[np.int64]:
        """For each row (N,) the first row that is equal to it up to rounding, perhaps itself.

        Rows are chained: those that equal a third are copies of each other. Candidates are the
        nearest along a few random directions, and each is then compared value by value.
        """
        first = first_equal(self.vectors)
        rows = np.unique(first)
        places, reach = self._along_directions(rows)
        owners = np.arange(len(rows))
        joining = owners  # those that may have further copies
        while len(joining) > 1:
            joined = joining[self._linked(rows[joining], places[joining], reach)]
            moved = np.arange(len(rows))
            moved[joining] = joined
            owners = moved[owners]
            joining = np.unique(joined[joined != joining])
        return rows[owners][np.searchsorted(rows, first)]

    def merged(self) -> Vectors:
        """The vectors with each copy exactly equal to its first."""
        return self.vectors[self.copies()]

    def _linked(
        self, rows: NDArray[np.int64], places: NDArray[np.float64], reach: float
    ) -> NDArray[np.int64]:
        """For each of the rows, which differ, the index of the first that it is chained with."""
        away, near = scipy.spatial.cKDTree(places).query(
            places, 2, p=np.inf, distance_upper_bound=reach
        )
        each = np.arange(len(rows))
        other = np.where(near[:, 0] == each, 1, 0)
        one = np.flatnonzero(np.isfinite(away[each, other]))
        two = near[one, other[one]]
        same = self._same(rows[one], rows[two])
        ends = (one[same], two[same])
        links = scipy.sparse.coo_array(
            (np.ones(same.sum(), bool), ends), shape=(len(rows), len(rows))
        )
        _, labels = scipy.sparse.csgraph.connected_components(links, directed=False)
        _, starts = np.unique(labels, return_index=True)
        return np.asarray(starts[labels])

    def _same(self, one: NDArray[np.int64], two: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether each pair of rows differs by no more than rounding in any value."""
        found = np.zeros(len(one), bool)
        for start in range(0, len(one), _AT_ONCE):
            here = slice(start, start + _AT_ONCE)
            apart = np.abs(self.vectors[one[here]].astype(np.float64) - self.vectors[two[here]])
            allowed = np.maximum(self.error(one[here]), self.error(two[here]))
            found[here] = (apart <= allowed).all(axis=1)
        return found

    def _along_directions(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.float64], float]:
        """Places (n, 8) of the rows, and how far apart those of copies can be."""
        dim = self.vectors.shape[1]
        directions = np.random.default_rng(0).normal(size=(dim, _DIRECTIONS))
        places, error = np.empty((len(rows), _DIRECTIONS)), np.zeros(dim)
        for start in range(0, len(rows), _AT_ONCE):
            here = slice(start, start + _AT_ONCE)
            places[here] = self.vectors[rows[here]].astype(np.float64) @ directions
            error = np.maximum(error, self.error(rows[here]).max(axis=0))
        # A little more, for the rounding of the sums themselves.
        return places, float((error @ np.abs(directions)).max()) * 1.001


def first_equal(vectors: NDArray[Any]) -> NDArray[np.int64]:
    """For each row (N,) the first that is the same, number by number; -0 is 0."""
    seen: dict[bytes, int] = {}
    digests = (hashlib.blake2b((row + 0.0).tobytes(), digest_size=16).digest() for row in vectors)
    return np.array([seen.setdefault(digest, row) for row, digest in enumerate(digests)], np.int64)
