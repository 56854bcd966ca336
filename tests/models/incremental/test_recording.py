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
