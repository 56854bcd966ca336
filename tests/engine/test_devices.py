from __future__ import annotations

import psutil
import pytest
import torch

from brightfield.engine.devices import devices, memory_budget


def test_auto_is_every_cuda_device_else_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert devices("auto") == [torch.device("cuda", 0), torch.device("cuda", 1)]
    assert devices("cuda:1, cpu") == [torch.device("cuda", 1), torch.device("cpu")]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert devices("auto") == [torch.device("cpu")]


@pytest.mark.parametrize("name", ["cuda:7", "abacus", "cpu,", ""])
def test_a_device_that_is_not_there_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(ValueError, match=r"^device: "):
        devices(name)


def test_models_may_take_the_larger_part_of_the_memory() -> None:
    total = psutil.virtual_memory().total
    assert 0.5 * total < memory_budget(torch.device("cpu")) < 0.9 * total
