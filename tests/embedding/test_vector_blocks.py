from __future__ import annotations

import numpy as np
import pytest

from brightfield.embedding import vector_blocks
from brightfield.embedding.vector_blocks import VectorBlocks


def test_rows_come_from_every_block_in_the_order_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(vector_blocks, "BLOCK_BYTES", 4 * 3 * 10)
    vectors = np.random.default_rng(0).normal(size=(37, 3)).astype(np.float32)
    kept = VectorBlocks.of(vectors)
    assert len(kept.blocks) == 4 and len(kept) == 37 and kept.dim == 3
    wanted = np.array([36, 0, 9, 10, 0])
    np.testing.assert_array_equal(kept.rows(wanted), vectors[wanted])
    np.testing.assert_allclose(kept.squares(), (vectors.astype(float) ** 2).sum(1), rtol=1e-12)


def test_no_blocks_have_no_rows() -> None:
    empty = VectorBlocks.of_blocks(())
    assert len(empty) == 0 and empty.dim == 0 and empty.squares().shape == (0,)
