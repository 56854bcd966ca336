"""CUDA graphs are for CUDA devices alone; `tests/cuda` runs them where there is one."""

from __future__ import annotations

import torch

from brightfield.runtime.backends import catalog


def test_a_processor_is_told_why_not() -> None:
    backend = catalog()["cuda_graphs"]
    assert "cpu" in str(backend.lacking(torch.device("cpu")))
    assert backend.lacking(torch.device("cuda:0")) is None
