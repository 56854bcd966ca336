from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from brightfield.runtime.held_bytes import held_bytes


@dataclass(frozen=True, slots=True)
class Part:
    values: Mapping[str, object]
    more: tuple[object, ...]


def test_arrays_and_tensors_count_once_wherever_they_are() -> None:
    array, tensor = np.zeros(100, np.float64), torch.zeros(10, 5)
    inner = Part({"array": array, "again": array}, (tensor, "text", 7))
    assert held_bytes(Part({"part": inner}, ([array, tensor],))) == 800 + 200


def test_a_view_counts_as_what_it_keeps_in_memory() -> None:
    assert held_bytes(np.zeros((100, 8), np.uint8)[:2]) == 800
    assert held_bytes(torch.zeros(100)[:2]) == 400
