"""ONNX files: equal to onnxruntime, differentiable where they convert, honest where they don't."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx2pytorch
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from brightfield.errors import InvalidCard, Unexplainable
from brightfield.models.inspection.normalising import normalising_end
from brightfield.models.loading.build import build
from brightfield.models.loading.input_sizes import sizes_of
from brightfield.models.loading.onnx_program import OnnxProgram
from brightfield.outages import DamagedWeights

from .programs import card, onnx_file

INPUT = {"input": {"channels": 3, "size": [16, 16]}}


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU())
        self.head = nn.Linear(6, 4)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(self.body(images).mean((2, 3)))
        return logits.softmax(1)


def expected(path: Path, images: torch.Tensor) -> np.ndarray:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (output,) = session.run(None, {session.get_inputs()[0].name: images.numpy()})
    return np.asarray(output)


def images(rows: int = 3) -> torch.Tensor:
    return torch.randn(rows, 3, 16, 16, generator=torch.Generator().manual_seed(1))


def test_a_file_of_torch_becomes_a_network_with_gradients_and_its_softmax_in_sight(
    tmp_path: Path,
) -> None:
    torch.manual_seed(0)
    network = Net()
    path = onnx_file(tmp_path / "m.onnx", network, images(2), {0: "batch"})
    module = build(card(path, "onnx", **INPUT))
    np.testing.assert_allclose(module(images()).numpy(), expected(path, images()), atol=1e-6)
    one, other = images().requires_grad_(), images().requires_grad_()
    module(one)[:, 1].sum().backward()
    network(other)[:, 1].sum().backward()
    torch.testing.assert_close(one.grad, other.grad)
    end = normalising_end(module, images(1))
    assert end is not None and end.kind == "softmax" and end.cut is not None
    assert (sizes_of(module).batch.most, sizes_of(module).height.most) == (None, 16)


def graph(path: Path, nodes: list[Any], shape: tuple[Any, ...], out: tuple[Any, ...]) -> Path:
    """A program of one input `x` and one output `y`."""
    source = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    target = helper.make_tensor_value_info("y", TensorProto.FLOAT, out)
    made = helper.make_graph(nodes, "g", [source], [target])
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)
    return path


NODES = [
    helper.make_node("GlobalAveragePool", ["x"], ["a"]),
    helper.make_node("Flatten", ["a"], ["z"]),
    helper.make_node("Sigmoid", ["z"], ["y"]),
]


def unable(model: Any) -> nn.Module:
    raise NotImplementedError("Conversion not implemented for op_type=Flatten.")


def wrong(model: Any) -> nn.Module:
    return nn.Sequential(nn.AdaptiveMaxPool2d(1), nn.Flatten())


@pytest.mark.parametrize(
    ("convert", "says"), [(unable, "op_type=Flatten"), (wrong, "answers otherwise")]
)
def test_what_does_not_convert_runs_without_gradients_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, convert: Any, says: str
) -> None:
    monkeypatch.setattr(onnx2pytorch, "ConvertModel", convert)
    path = graph(tmp_path / "m.onnx", NODES, ("b", 3, 16, 16), ("b", 3))
    module = build(card(path, "onnx", **INPUT))
    assert isinstance(module, OnnxProgram)
    np.testing.assert_allclose(module(images(1)).numpy(), expected(path, images(1)), rtol=1e-5)
    end = normalising_end(module, images(1))
    assert end is not None and end.kind == "sigmoid" and end.cut is not None
    with pytest.raises(Unexplainable, match=rf"m\.onnx runs in onnxruntime.*{says}.*occlusion"):
        module(images(1).requires_grad_()).sum().backward()


def test_a_program_of_channels_last_takes_and_gives_them_first(tmp_path: Path) -> None:
    nodes = [helper.make_node("Neg", ["x"], ["y"])]
    path = graph(tmp_path / "m.onnx", nodes, ("b", 16, 16, 3), ("b", 16, 16, 3))
    module = build(card(path, "onnx", {"channels_last": True}, **INPUT))
    assert torch.equal(module(images()), -images())
    with pytest.raises(InvalidCard, match="takes 16 channels"):
        build(card(path, "onnx", **INPUT))


def test_values_in_other_files_and_foreign_operators_are_refused(tmp_path: Path) -> None:
    nodes = [helper.make_node("Own", ["x"], ["y"], domain="lab")]
    path = graph(tmp_path / "m.onnx", nodes, ("b", 3, 16, 16), ("b", 3))
    with pytest.raises(DamagedWeights, match="operators of lab"):
        build(card(path, "onnx", **INPUT))
    table = numpy_helper.from_array(np.ones(4096, np.float32), "w")
    nodes = [helper.make_node("Add", ["x", "w"], ["y"])]
    graph(path, nodes, ("b", 1, 1, 4096), ("b", 1, 1, 4096))
    model = onnx.load(path)
    model.graph.initializer.append(table)
    onnx.save(model, path, save_as_external_data=True, location="w.bin")
    with pytest.raises(DamagedWeights, match="no digest covers"):
        build(card(path, "onnx", **INPUT))


def test_a_broken_file_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(b"\x08\x07\x12" + bytes(40))
    with pytest.raises(DamagedWeights, match=r"m\.onnx cannot be run"):
        build(card(path, "onnx", **INPUT))
