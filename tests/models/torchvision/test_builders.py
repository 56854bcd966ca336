"""What torchvision's builders do with published weights, done without them."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import WeightsEnum, get_model
from torchvision.models.detection import MaskRCNN_ResNet50_FPN_Weights as MaskWeights
from torchvision.models.detection import RetinaNet_ResNet50_FPN_Weights as RetinaWeights
from torchvision.ops import FrozenBatchNorm2d

from brightfield.cards import ModelCard
from brightfield.errors import InvalidCard
from brightfield.models.loading.build import build


def card(architecture: dict[str, Any], **content: Any) -> ModelCard:
    fields = {"id": "m", "version": "1", "task": "detect", "licence": "MIT", **content}
    return ModelCard.model_validate({**fields, "architecture": architecture})


def norm_eps(module: nn.Module) -> set[float]:
    return {
        float(part.eps)
        for part in module.modules()
        if isinstance(part, nn.BatchNorm2d | FrozenBatchNorm2d)
    }


def as_published(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """With the names of 2019, and small variances, which tell one eps from another."""
    generator = torch.Generator().manual_seed(0)
    renamed = {}
    for key, value in state.items():
        if key.endswith("num_batches_tracked"):
            continue  # the frozen normalisation of the weights has none
        old = re.sub(r"(fpn\.(?:inner|layer)_blocks\.\d+)\.0\.", r"\1.", key)
        old = old.replace("rpn.head.conv.0.0.", "rpn.head.conv.")
        old = re.sub(r"mask_head\.(\d)\.0\.", lambda m: f"mask_head.mask_fcn{int(m[1]) + 1}.", old)
        old = re.sub(r"_head\.conv\.(\d)\.0\.", lambda m: f"_head.conv.{2 * int(m[1])}.", old)
        if key.endswith("running_var"):
            renamed[old] = torch.rand(value.shape, generator=generator) * 1e-4 + 1e-6
        else:
            renamed[old] = value * 1e-3 if re.search(r"bn\d\.weight", key) else value
    return renamed


@pytest.mark.slow
@pytest.mark.parametrize(
    ("builder", "weights"),
    [
        ("maskrcnn_resnet50_fpn", MaskWeights.COCO_V1),
        ("retinanet_resnet50_fpn", RetinaWeights.COCO_V1),
    ],
)
def test_published_detectors_load_under_their_old_names_with_their_eps(
    builder: str, weights: WeightsEnum, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = as_published(get_model(builder, weights=None, weights_backbone=None).state_dict())
    monkeypatch.setattr(WeightsEnum, "get_state_dict", lambda *_, **__: dict(published))
    reference = get_model(builder, weights=weights).eval()
    path = tmp_path / "weights" / weights.url.rpartition("/")[2]
    path.parent.mkdir()
    torch.save(published, path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    named = {"torchvision": str(weights), "sha256": sha256}
    made = card({"name": f"torchvision:{builder}"}, weights=named)
    module = build(made, data=tmp_path)
    path.unlink()
    assert norm_eps(reference) == norm_eps(module) == {0.0}
    images = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected, maps = reference.backbone(images), module.get_submodule("backbone")(images)
    for level, wanted in expected.items():
        torch.testing.assert_close(maps[level], wanted, rtol=1e-3, atol=1e-3 * float(wanted.std()))
    state = module.state_dict()
    for key, value in reference.state_dict().items():
        assert torch.equal(state[key], value)


def test_other_detectors_keep_torchvision_s_eps_unless_the_card_says_otherwise() -> None:
    name = "torchvision:fasterrcnn_mobilenet_v3_large_320_fpn"
    assert norm_eps(build(card({"name": name}))) == {1e-5}
    assert norm_eps(build(card({"name": name, "norm_eps": 0.0}))) == {0.0}


@pytest.mark.parametrize(
    ("architecture", "says"),
    [
        ({"name": "torchvision:keypointrcnn_resnet50_fpn"}, "keypoints"),
        ({"name": "torchvision:ssdlite320_mobilenet_v3_large", "num_classes": 4}, "too few"),
        ({"name": "torchvision:resnet18", "norm_eps": 0.0}, "norm_eps"),
    ],
)
def test_what_does_not_fit_is_a_fault_of_the_card(architecture: dict[str, Any], says: str) -> None:
    labels = {"torchvision": str(MaskWeights.COCO_V1)}
    with pytest.raises(InvalidCard, match=says):
        build(card(architecture, labels=labels))
