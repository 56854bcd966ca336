"""Many vectors in memory, in blocks, so they can grow without being copied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from brightfield.embedding.vectors import Vectors

BLOCK_BYTES = 16 * 2**20


@dataclass(frozen=True, slots=True, eq=False)
class VectorBlock:
    """Vectors (n, D) that are contiguous, and their squared Euclidean lengths (n,)."""

    vectors: Vectors
    squares: NDArray[np.float64]

    @classmethod
    def of(cls, vectors: Vectors) -> Self:
        return cls(vectors, np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))


def rows_per_block(dim: int) -> int:
    return max(1, BLOCK_BYTES // (4 * dim))


@dataclass(frozen=True, slots=True, eq=False)
class VectorBlocks:
    """Blocks of vectors, counted through from 0; `starts` (blocks + 1,) are their first rows."""

    blocks: tuple[VectorBlock, ...]
    starts: NDArray[np.int64]

    @classmethod
    def of_blocks(cls, blocks: tuple[VectorBlock, ...]) -> Self:
        sizes = [len(block.vectors) for block in blocks]
        return cls(blocks, np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).astype(np.int64))

    @classmethod
    def of(cls, vectors: Vectors) -> Self:
        """The rows of one array, not copied."""
        step = rows_per_block(vectors.shape[1])
        parts = (vectors[start : start + step] for start in range(0, len(vectors), step))
        return cls.of_blocks(tuple(VectorBlock.of(part) for part in parts))

    def __len__(self) -> int:
        return int(self.starts[-1])

    @property
    def dim(self) -> int:
        """Values of a vector; 0 if there are no vectors."""
        return self.blocks[0].vectors.shape[1] if self.blocks else 0

    def squares(self) -> NDArray[np.float64]:
        """(N,): the squared Euclidean length of every vector."""
        return np.concatenate([block.squares for block in self.blocks] or [np.empty(0)])

    def rows(self, indices: NDArray[np.int64]) -> Vectors:
        """The vectors (m, D) of these rows, in their order."""
        found = np.empty((len(indices), self.dim), np.float32)
        owners = np.searchsorted(self.starts, indices, side="right") - 1
        for owner in np.unique(owners):
            here = owners == owner
            found[here] = self.blocks[owner].vectors[indices[here] - self.starts[owner]]
        return found
