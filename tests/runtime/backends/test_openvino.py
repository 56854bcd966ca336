"""A network that OpenVINO runs puts out what PyTorch does, for any number of rows of any size."""

from __future__ import annotations

import sys

import pytest
import torch
from torch import Tensor, nn

from brightfield.runtime.acceleration.network import OutputTensors
from brightfield.runtime.backends import catalog, openvino
from brightfield.runtime.backends.inference_backend import Source


class Several(nn.Module):
    """Maps and scores in one output."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 4, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        maps = self.conv(x).relu()
        return {"maps": maps, "scores": maps.mean((2, 3))}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    network = OutputTensors(Several().eval(), None)
    folder = tmp_path_factory.mktemp("openvino")
    catalog()["openvino"].convert(network, torch.rand(2, 3, 16, 16), folder)
    return Source(network, folder, torch.device("cpu"), 1)


@pytest.mark.parametrize("shape", [(1, 3, 16, 16), (3, 3, 9, 31)])
def test_the_outputs_are_the_same(source: Source, shape: tuple[int, ...]) -> None:
    prepared = catalog()["openvino"].prepare(source, "fp32")
    rows = torch.rand(shape)
    expected = source.network(rows)
    for found, own in zip(prepared.run(rows), expected, strict=True):
        assert torch.allclose(found, own, atol=1e-5)
    assert prepared.size_bytes > 0


def test_an_output_outlives_the_next_run(source: Source) -> None:
    run = catalog()["openvino"].prepare(source, "fp32").run
    first = run(torch.zeros(1, 3, 8, 8))
    kept = [each.clone() for each in first]
    run(torch.ones(1, 3, 8, 8))
    assert all(torch.equal(one, other) for one, other in zip(first, kept, strict=True))


def test_it_is_for_processors_alone() -> None:
    backend = catalog()["openvino"]
    assert backend.lacking(torch.device("cpu")) is None
    assert "cuda:0" in str(backend.lacking(torch.device("cuda:0")))


def test_nothing_is_reported_to_its_makers() -> None:
    assert "fp32" in catalog()["openvino"].precisions(torch.device("cpu"))
    assert "openvino" in sys.modules and sys.modules["openvino_telemetry"] is None


def test_fewer_kernels_are_kept_of_a_network_whose_kernels_are_large() -> None:
    assert [openvino._affordable(size) for size in (0, 2**20, 2**25, 2**30)] == [128, 128, 8, 4]
