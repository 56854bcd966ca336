"""Exported programs: equal to what was exported, and refused when they carry code."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from brightfield.cards import ModelCard
from brightfield.errors import InvalidCard, UntrustedCode
from brightfield.models.inspection.default_layer import last_spatial_layer
from brightfield.models.inspection.layers import Tap, resolve
from brightfield.models.loading.build import build
from brightfield.models.loading.input_sizes import ANY_SIZE, sizes_of
from brightfield.outages import DamagedWeights


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.act = nn.ReLU(inplace=True)
        self.fc = nn.Linear(4, 5)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.fc(self.act(self.norm(self.conv(images))).mean((2, 3)))
        return logits


def export(path: Path, batch: Any, images: int = 2) -> nn.Module:
    torch.manual_seed(0)
    network = Net().eval()
    shapes = {"images": {0: batch}} if batch is not None else None
    program = torch.export.export(network, (torch.zeros(images, 3, 8, 8),), dynamic_shapes=shapes)
    torch.export.save(program, path)
    return network


def card(path: Path, size: Any = (8, 8)) -> ModelCard:
    made = ModelCard.model_validate(
        {
            "id": "m",
            "version": "1",
            "task": "classify",
            "licence": "MIT",
            "architecture": {"name": "export"},
            "input": {"size": size},
            "weights": {
                "file": path.name,
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            },
        }
    )
    made._folder = path.parent
    return made


@pytest.mark.parametrize(
    ("batch", "images", "most"),
    [
        (torch.export.Dim("batch"), 2, None),
        (torch.export.Dim.AUTO, 2, None),
        (torch.export.Dim("batch", min=1, max=8), 2, 8),
        (None, 1, 1),
    ],
)
def test_a_program_answers_as_the_network_and_tells_its_batch(
    tmp_path: Path, batch: Any, images: int, most: int | None
) -> None:
    network = export(tmp_path / "m.pt2", batch, images)
    module = build(card(tmp_path / "m.pt2"))
    sample = torch.randn(most or 3, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(module(sample), network(sample))
    assert sizes_of(module).batch.most == most
    assert not any(parameter.requires_grad for parameter in module.parameters())


def test_layers_keep_their_names(tmp_path: Path) -> None:
    export(tmp_path / "m.pt2", torch.export.Dim("batch"))
    module = build(card(tmp_path / "m.pt2"))
    assert resolve(module, "penultimate") == Tap("fc", "input")
    assert last_spatial_layer(module, torch.ones(1, 3, 8, 8)).tap == Tap("conv")


def test_other_modules_take_any_size() -> None:
    assert sizes_of(Net()) is ANY_SIZE


def test_a_static_batch_of_several_images_is_refused(tmp_path: Path) -> None:
    export(tmp_path / "m.pt2", None, images=4)
    with pytest.raises(InvalidCard, match="exactly 4 images"):
        build(card(tmp_path / "m.pt2"))


def changed(source: Path, change: Callable[[str, bytes], bytes], **extra: bytes) -> Path:
    """A copy of the archive with changed members."""
    target = source.with_name("changed.pt2")
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
        for name, content in extra.items():
            new.writestr(f"m/{name.replace('__', '/')}", content)
    return target


def evil_expression(name: str, content: bytes) -> bytes:
    if not name.endswith("model.json"):
        return content
    return content.replace(b'"expr_str": "', b'"expr_str": "__import__(\'os\').getpid() + ')


def evil_operator(name: str, content: bytes) -> bytes:
    if not name.endswith("model.json"):
        return content
    graph = json.loads(content)
    graph["graph_module"]["graph"]["nodes"][0]["target"] = "torch.os.system"
    return json.dumps(graph).encode()


def pickled_tensors(name: str, content: bytes) -> bytes:
    return content.replace(b'"use_pickle": false', b'"use_pickle": true')


def pickled_samples(name: str, content: bytes) -> bytes:
    return b"cos\ngetpid\n(tR." if "sample_inputs" in name else content


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (evil_expression, "the expression"),
        (evil_operator, "the operator 'torch.os.system'"),
        (pickled_tensors, "pickled tensors"),
        (pickled_samples, "pickled sample inputs"),
    ],
)
def test_archives_with_code_are_refused(
    tmp_path: Path, change: Callable[[str, bytes], bytes], says: str
) -> None:
    export(tmp_path / "m.pt2", torch.export.Dim("batch"))
    path = changed(tmp_path / "m.pt2", change)
    with pytest.raises(UntrustedCode, match=says):
        build(card(path))


def test_compiled_libraries_are_refused(tmp_path: Path) -> None:
    export(tmp_path / "m.pt2", torch.export.Dim("batch"))
    path = changed(
        tmp_path / "m.pt2", lambda _, content: content, data__aotinductor__model=b"\x7fELF"
    )
    with pytest.raises(UntrustedCode, match="data/aotinductor/model"):
        build(card(path))


@pytest.mark.parametrize("trusted", [False, True])
def test_rubbish_is_damaged(tmp_path: Path, trusted: bool) -> None:
    (tmp_path / "m.pt2").write_bytes(b"no archive")
    with pytest.raises(DamagedWeights, match=r"torch\.export\.save"):
        build(card(tmp_path / "m.pt2"), trust_model_code=trusted)
