from __future__ import annotations

import torch

from brightfield.tensors import chunked


def test_chunks_are_made_as_they_are_asked_for() -> None:
    made: list[int] = []

    def source(count: int) -> object:
        for value in range(count):
            made.append(value)
            yield torch.full((1, 2, 2), float(value))

    chunks = chunked(source(7), 3)  # type: ignore[arg-type]
    assert next(chunks)[:, 0, 0, 0].tolist() == [0, 1, 2]
    assert made == [0, 1, 2]
    assert [len(chunk) for chunk in chunks] == [3, 1]
    assert not list(chunked([], 3))
