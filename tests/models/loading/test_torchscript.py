"""TorchScript: run under trust, else refused with the line that exports the network."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from brightfield.errors import UntrustedCode
from brightfield.models.loading.build import build
from brightfield.outages import DamagedWeights

from .programs import card


def saved(path: Path) -> nn.Module:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.Flatten()).eval()
    with pytest.warns(FutureWarning):
        script = torch.jit.script(network)
    with pytest.warns(FutureWarning):
        torch.jit.save(script, path)
    return network


def test_a_trusted_program_answers_as_the_network_and_has_its_gradients(tmp_path: Path) -> None:
    network = saved(tmp_path / "m.pt")
    module = build(card(tmp_path / "m.pt", "torchscript"), trust_model_code=True)
    one, other = (torch.ones(2, 3, 8, 8).requires_grad_() for _ in range(2))
    torch.testing.assert_close(module(one), network(other))
    module(one).sum().backward()
    network(other).sum().backward()
    torch.testing.assert_close(one.grad, other.grad)


def test_without_trust_and_under_a_wrong_name_it_says_what_to_do(tmp_path: Path) -> None:
    saved(tmp_path / "m.pt")
    with pytest.raises(UntrustedCode, match=r"torch\.export\.save"):
        build(card(tmp_path / "m.pt", "torchscript"))
    for name in ("export", "onnx", "torchvision:resnet18"):
        with pytest.raises(DamagedWeights, match=r'a TorchScript program.* name = "torchscript"'):
            build(card(tmp_path / "m.pt", name))
