from __future__ import annotations

import pytest
import torch
from torch import Tensor

from brightfield.models.incremental.recording import Unrecordable, record


def test_places_chosen_by_constants_have_a_known_size() -> None:
    recording = record(lambda x: x[:, [2, 0, 1]], torch.rand(1, 3, 4, 5))
    (call,) = recording.calls
    assert (call.name, call.shapes) == ("aten.index", ((1, 3, 4, 5),))


def test_places_chosen_by_values_have_not() -> None:
    def positive(x: Tensor) -> Tensor:
        return x[x > 0]

    with pytest.raises(Unrecordable, match="size of what index gives depends on values"):
        record(positive, torch.rand(1, 3, 4, 5))


def test_what_reads_a_shape_alone_gives_a_constant() -> None:
    """Such as the mask of shifted windows, which is filled part by part."""

    def masked(x: Tensor) -> Tensor:
        mask = x.new_zeros(x.shape[2:])
        mask[1:, 2:] = 3.0
        return x * mask

    (call,) = record(masked, torch.ones(1, 2, 4, 5)).calls
    assert call.name == "aten.mul" and float(call.arguments[1].sum()) == 3 * 3 * 3


def test_values_written_into_a_constant_are_refused() -> None:
    def copied(x: Tensor) -> Tensor:
        made = torch.zeros_like(x)
        part = made[:, :1]
        made.copy_(x)
        return part

    with pytest.raises(Unrecordable, match="tensor of the module's own"):
        record(copied, torch.ones(1, 2, 4, 5))
