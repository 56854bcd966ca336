"""From cards to modules: every kind of architecture, and every way in which weights do not fit."""

from __future__ import annotations

import hashlib
import socket
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torchvision.models import get_model

from brightfield.cards import ModelCard, read_card
from brightfield.errors import InvalidCard, UntrustedCode
from brightfield.models.loading.build import build
from brightfield.outages import DamagedWeights, MissingWeights
from brightfield.zoo import folder

TINY = {"name": "efficientnet_lite", "classes": 3}


def card(
    architecture: dict[str, Any], weights: Path | None = None, folder: Path | None = None
) -> ModelCard:
    content: dict[str, Any] = {"id": "m", "version": "1", "task": "classify", "licence": "MIT"}
    if weights is not None:
        sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()
        content["weights"] = {"file": weights.name, "sha256": sha256}
    made = ModelCard.model_validate({**content, "architecture": architecture})
    made._folder = folder or (weights.parent if weights else Path())
    return made


def saved(module: nn.Module, path: Path) -> Path:
    save_file({key: value.contiguous() for key, value in module.state_dict().items()}, path)
    return path


def logits(module: nn.Module, side: int = 64) -> torch.Tensor:
    images = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        answer: torch.Tensor = module(images)
    return answer


# googlenet: heads that only its weights have; swin_v2_t: buffers that are in no state dict.
@pytest.mark.parametrize(
    ("builder", "arguments"),
    [
        ("resnet18", {"num_classes": 7}),
        ("googlenet", {"aux_logits": False}),
        ("swin_v2_t", {"num_classes": 7}),
        ("shufflenet_v2_x0_5", {}),
    ],
)
def test_a_torchvision_network_answers_as_torchvision_s_own(
    tmp_path: Path, builder: str, arguments: dict[str, Any]
) -> None:
    published = arguments | ({"aux_logits": True} if builder == "googlenet" else {})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        reference = get_model(builder, weights=None, **published).eval()
    path = saved(reference, tmp_path / "w.safetensors")
    module = build(card({"name": f"torchvision:{builder}", **arguments}, path))
    torch.testing.assert_close(logits(module), logits(reference), rtol=0, atol=0)


def test_densenet_weights_of_old_names_fit(tmp_path: Path) -> None:
    reference = get_model("densenet121", weights=None, num_classes=2).eval()
    old = {
        key.replace("norm1.", "norm.1.")
        .replace("norm2.", "norm.2.")
        .replace("conv1.", "conv.1.")
        .replace("conv2.", "conv.2.")
        if "denselayer" in key
        else key: value
        for key, value in reference.state_dict().items()
        if not key.endswith("num_batches_tracked")
    }
    torch.save(old, tmp_path / "w.pth")
    module = build(card({"name": "torchvision:densenet121", "num_classes": 2}, tmp_path / "w.pth"))
    torch.testing.assert_close(logits(module), logits(reference), rtol=0, atol=0)


def test_a_module_comes_frozen_in_eval_mode_and_works_nowhere_in_place() -> None:
    module = build(card({"name": "torchvision:mobilenet_v2", "num_classes": 2}))
    assert not any(part.training for part in module.modules())
    assert not any(parameter.requires_grad for parameter in module.parameters())
    assert not any(getattr(part, "inplace", False) for part in module.modules())


def test_building_leaves_the_random_state_and_the_network_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    before = torch.get_rng_state()
    first = build(card(TINY))
    again = build(card(TINY))
    swin = build(card({"name": "torchvision:swin_v2_t", "num_classes": 2}))
    build(card(TINY, saved(first, tmp_path / "a.safetensors")))
    build(
        card(
            {"name": "torchvision:swin_v2_t", "num_classes": 2},
            saved(swin, tmp_path / "b.safetensors"),
        )
    )
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(logits(first), logits(again))


def test_detectors_and_segmenters_are_built_without_a_download(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", lambda *_, **__: pytest.fail())
    segmenter = build(card({"name": "torchvision:lraspp_mobilenet_v3_large", "num_classes": 2}))
    assert segmenter(torch.zeros(1, 3, 32, 32)).shape == (1, 2, 32, 32)
    build(card({"name": "torchvision:fasterrcnn_mobilenet_v3_large_320_fpn", "num_classes": 2}))


@pytest.mark.parametrize(
    ("architecture", "says"),
    [
        ({"name": "torchvision:resnet81"}, "resnet18"),
        ({"name": "torchvision:resnet18", "depth": 3}, "depth"),
        ({"name": "torchvision:resnet18", "weights": "DEFAULT"}, "weights"),
        ({"name": "efficientnet_light"}, "efficientnet_lite"),
        ({"name": "efficientnet_lite", "widht": 2}, "widht"),
    ],
)
def test_wrong_architectures_are_named(architecture: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidCard, match=says):
        build(card(architecture))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda state: state.pop("head.conv.weight"), "no values for: head.conv.weight"),
        (lambda state: state.update(extra=torch.ones(1)), "lacks: extra"),
        (
            lambda state: state.update({"classifier.bias": torch.ones(4)}),
            r"classifier.bias is \(4,\) instead of \(3,\)",
        ),
    ],
)
def test_weights_that_do_not_fit_name_the_first_keys(
    tmp_path: Path, change: Any, says: str
) -> None:
    state = build(card(TINY)).state_dict()
    change(state)
    save_file(state, tmp_path / "w.safetensors")
    with pytest.raises(DamagedWeights, match=says):
        build(card(TINY, tmp_path / "w.safetensors"))


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    path = saved(build(card(TINY)), tmp_path / "w.safetensors")
    made = card(TINY, path)
    saved(nn.Linear(2, 2), path)
    with pytest.raises(DamagedWeights, match="SHA-256"):
        build(made)


def test_a_missing_download_names_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(MissingWeights, match="brightfield models pull resnet18"):
        build(read_card(folder() / "resnet18"), data=tmp_path)


CODE = """
from __future__ import annotations
import dataclasses
from torch import nn

@dataclasses.dataclass
class Options:
    width: int

def net(width):
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 64 * 64, Options(width).width))

def broken():
    raise KeyError("nothing here")

def number():
    return 3
"""


def test_lab_code_runs_only_when_it_is_trusted(tmp_path: Path) -> None:
    (tmp_path / "lab.py").write_text(CODE)
    reference = nn.Sequential(nn.Flatten(), nn.Linear(3 * 64 * 64, 2))
    path = saved(reference, tmp_path / "w.safetensors")
    made = card({"name": "python:lab.py:net", "width": 2}, path)
    with pytest.raises(UntrustedCode, match="trust_model_code"):
        build(made)
    module = build(made, trust_model_code=True)
    assert torch.equal(logits(module), logits(reference))
    installed = card({"name": "python:torch.nn:Linear", "in_features": 64, "out_features": 2})
    assert isinstance(build(installed, trust_model_code=True), nn.Linear)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("python:lab.py:broken", "KeyError: 'nothing here'"),
        ("python:lab.py:number", "returned int"),
        ("python:lab.py:absent", "absent"),
        ("python:other.py:net", "not in its folder"),
        ("python:../lab.py:net", "leaves its folder"),
        ("python:net", "write python:"),
    ],
)
def test_faults_of_lab_code_are_faults_of_the_card(tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / "lab.py").write_text(CODE)
    with pytest.raises(InvalidCard, match=says):
        build(card({"name": name}, folder=tmp_path), trust_model_code=True)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name == "vgg16" else ())  # takes half a GB
        for name in sorted(path.parent.name for path in folder().glob("*/card.toml"))
    ],
)
def test_every_shipped_card_builds_its_architecture(name: str) -> None:
    shipped = read_card(folder() / name)
    module = build(shipped.model_copy(update={"weights": None}))
    if shipped.task == "classify":
        assert logits(module).shape == (1, len(shipped.label_names))
    assert shipped.explain.layer in (None, *dict(module.named_modules()))
    assert shipped.explain.penultimate in (None, *dict(module.named_modules()))


def test_files_beside_a_model_s_code_are_its_own(tmp_path: Path) -> None:
    for model, width in (("one", 3), ("two", 5)):
        folder = tmp_path / model
        (folder / "parts").mkdir(parents=True)
        (folder / "helper.py").write_text(f"from parts.inner import make\nWIDTH = {width}\n")
        (folder / "parts" / "__init__.py").write_text("")
        (folder / "parts" / "inner.py").write_text(
            "from torch import nn\ndef make(n): return nn.Linear(2, n)\n"
        )
        code = "    from helper import make\n    return make(helper.WIDTH)\n"
        (folder / "net.py").write_text(f"import helper\ndef net():\n{code}")
        made = card({"name": "python:net.py:net"}, folder=folder)
        made = made.model_copy(update={"id": model})
        made._folder = folder
        module = build(made, trust_model_code=True)
        assert isinstance(module, nn.Linear) and module.out_features == width
    assert "helper" not in sys.modules and "parts" not in sys.modules
