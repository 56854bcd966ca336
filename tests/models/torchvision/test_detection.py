"""torchvision's detectors as architectures, against torchvision's own inference.

The networks are the real ones with random weights; their last layers are scaled so that scores
and boxes are spread and many detections survive.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torchvision.models import get_model
from torchvision.models.detection.roi_heads import paste_masks_in_image
from torchvision.ops import batched_nms

from brightfield.cards import ModelCard
from brightfield.models.architecture import Candidates
from brightfield.models.loading.build import build
from brightfield.models.torchvision.detection import ClassColumns, Forgetful, padded
from brightfield.torchvision_names import torchvision_weights

LABELS = "FasterRCNN_ResNet50_FPN_Weights.COCO_V1"
REGIONS = {
    "rpn_pre_nms_top_n_test": 200,
    "rpn_post_nms_top_n_test": 40,
    "box_score_thresh": 0.1,
    "box_nms_thresh": 0.55,
    "box_detections_per_img": 200,
}
ANCHORS = {"score_thresh": 0.1, "nms_thresh": 0.55, "detections_per_img": 9999}
BOXES = {**ANCHORS, "score_thresh": 0.5, "topk_candidates": 9999}
DETECTORS: dict[str, dict[str, float]] = {
    "fasterrcnn_resnet50_fpn": REGIONS,
    "fasterrcnn_resnet50_fpn_v2": REGIONS,
    "fasterrcnn_mobilenet_v3_large_320_fpn": REGIONS,
    "maskrcnn_resnet50_fpn": REGIONS | {"box_score_thresh": 0.2},
    "maskrcnn_resnet50_fpn_v2": REGIONS | {"box_score_thresh": 0.2},
    "retinanet_resnet50_fpn": ANCHORS,
    "retinanet_resnet50_fpn_v2": ANCHORS,
    "fcos_resnet50_fpn": ANCHORS | {"score_thresh": 0.2},
    "ssd300_vgg16": BOXES,
    "ssdlite320_mobilenet_v3_large": BOXES,
}
SLOW = {name for name in DETECTORS if name.endswith("_v2")} | {"ssd300_vgg16"}
SIDES = {"ssd300_vgg16": (300, 300), "ssdlite320_mobilenet_v3_large": (320, 320)}


class Pair(NamedTuple):
    builder: str
    reference: nn.Module
    module: nn.Module
    card: ModelCard
    images: Tensor
    found: list[dict[str, Tensor]]


def card(builder: str, weights: Path, arguments: dict[str, Any]) -> ModelCard:
    softmax = not builder.startswith(("retinanet", "fcos"))
    content = {
        "id": "m",
        "version": "1",
        "task": "detect",
        "licence": "BSD-3-Clause",
        "architecture": {"name": f"torchvision:{builder}", **arguments},
        "weights": {
            "file": weights.name,
            "sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        },
        "output": {"activation": "softmax" if softmax else "sigmoid"},
        "labels": {"torchvision": LABELS},
    }
    made = ModelCard.model_validate(content)
    made._folder = weights.parent
    return made


def heads(reference: nn.Module) -> Iterator[tuple[nn.Module, float, float]]:
    """The last layers, and the deviation and the mean that their outputs shall have."""
    for name, part in reference.named_modules():
        ssd = "classification_head.module_list" in name and getattr(part, "bias", None) is not None
        if ssd or name.endswith("cls_score"):
            yield part, 2.5, 0.0
        elif name.endswith("head.cls_logits") and "classification" in name:
            yield part, 1.0, -6.0
        elif name.endswith("bbox_ctrness"):
            yield part, 1.0, 1.0
        elif name.endswith("bbox_reg"):
            fcos = hasattr(reference.head.regression_head, "bbox_ctrness")
            yield part, 0.4, 1.0 if fcos else 0.0
        elif name.endswith(("box_predictor.bbox_pred", "rpn.head.bbox_pred")):
            yield part, 0.8, 0.0


@torch.no_grad()
def spread(reference: nn.Module, images: Tensor) -> None:
    """Scale and shift the last layers by what they put out for the images, channel by channel."""
    for layer, deviation, mean in list(heads(reference)):
        seen: list[Tensor] = []
        hook = layer.register_forward_hook(
            lambda _, __, out, seen=seen: seen.append(out.transpose(0, 1).flatten(1))
        )
        reference(list(images))
        hook.remove()
        values = torch.cat(seen, dim=1)
        centre = values.mean(1)
        factor = deviation / (values - centre[:, None]).std()
        layer.weight.mul_(factor)
        layer.bias.copy_(factor * (layer.bias - centre) + mean)


def paired(builder: str, folder: Path) -> Pair:
    arguments = DETECTORS[builder]
    height, width = SIDES.get(builder, (93, 131))  # no multiples of 32
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        images = torch.randn(2, 3, height, width)
        reference = get_model(
            builder,
            weights=None,
            weights_backbone=None,
            image_mean=[0.0, 0.0, 0.0],
            image_std=[1.0, 1.0, 1.0],
            **({} if builder in SIDES else {"min_size": height, "max_size": width}),
            **arguments,
        ).eval()
    spread(reference, images)
    path = folder / "w.safetensors"
    save_file({key: value.contiguous() for key, value in reference.state_dict().items()}, path)
    made = card(builder, path, arguments)
    module = build(made)
    path.unlink()
    with torch.no_grad():
        found = reference(list(images))
    return Pair(builder, reference, module, made, images, found)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in DETECTORS
    ],
)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return paired(request.param, tmp_path_factory.mktemp("weights"))


def scores_of(candidates: Candidates, card: ModelCard) -> Tensor:
    if card.output.activation == "sigmoid":
        return candidates.logits.sigmoid()
    return candidates.logits.softmax(-1)[..., 1:]


def suppressed(candidates: Candidates, pair: Pair, image: int) -> dict[str, Any]:
    """torchvision's way: what scores well, is not empty, and is the best of its class there."""
    arguments = {key.removeprefix("box_"): value for key, value in DETECTORS[pair.builder].items()}
    scores = scores_of(candidates, pair.card)[image]
    rows, classes = (scores > arguments["score_thresh"]).nonzero(as_tuple=True)
    if candidates.classes is not None:
        own = classes == candidates.classes[image, rows]
        rows, classes = rows[own], classes[own]
    boxes = candidates.boxes[image]
    boxes = boxes[rows, classes] if boxes.ndim == 3 else boxes[rows]
    large = large_enough(boxes)
    rows, classes, boxes = rows[large], classes[large], boxes[large]
    kept = batched_nms(boxes, scores[rows, classes], classes, arguments["nms_thresh"])
    rows, classes = rows[kept], classes[kept]
    return {
        "boxes": boxes[kept],
        "scores": scores[rows, classes],
        "names": [pair.card.label_names[index] for index in classes],
        "rows": rows,
    }


def large_enough(boxes: Tensor) -> Tensor:
    return ((boxes[:, 2:] - boxes[:, :2]) >= 1e-2).all(1)


def published(found: dict[str, Tensor]) -> dict[str, Any]:
    """torchvision's detections of categories that have a name."""
    names = torchvision_weights(LABELS).meta["categories"]
    large = large_enough(found["boxes"])
    named = [
        index
        for index, label in enumerate(found["labels"])
        if names[label] not in ("N/A", "__background__") and large[index]
    ]
    return {
        **{key: value[named] for key, value in found.items()},
        "names": [names[found["labels"][index]] for index in named],
    }


def paired_up(got: dict[str, Any], expected: dict[str, Any]) -> Tensor:
    """For each expected detection the one that equals it; the order of equal scores is free."""
    assert sorted(got["names"]) == sorted(expected["names"])
    apart = (got["boxes"][None] - expected["boxes"][:, None]).abs().amax(-1)
    apart += 1e3 * (got["scores"][None] - expected["scores"][:, None]).abs()
    names = [[one == other for other in got["names"]] for one in expected["names"]]
    nearest = apart.where(torch.tensor(names), torch.inf).min(1)
    assert nearest.values.max() < 1e-2
    assert len(set(nearest.indices.tolist())) == len(nearest.indices)
    return nearest.indices


@pytest.mark.slow
def test_the_detections_are_torchvision_s_own(pair: Pair) -> None:
    with torch.no_grad():
        candidates = pair.module(pair.images)
    for image, found in enumerate(pair.found):
        expected = published(found)
        assert len(expected["names"]) > 10
        assert len(set(expected["names"])) > 3
        got = suppressed(candidates, pair, image)
        order = paired_up(got, expected)
        if candidates.masks is not None:
            masks = candidates.masks[image, got["rows"][order]].sigmoid()
            pasted = paste_masks_in_image(masks, got["boxes"][order], pair.images.shape[-2:])
            torch.testing.assert_close(pasted, expected["masks"], rtol=0, atol=1e-3)


@pytest.mark.slow
def test_candidates_are_finite_and_of_the_promised_shapes(pair: Pair) -> None:
    with torch.no_grad():
        candidates = pair.module(pair.images)
    boxes, logits, points = candidates[:3]
    count, classes = boxes.shape[1], len(pair.card.label_names)
    background = pair.card.output.activation == "softmax"
    assert classes == 80
    assert logits.shape == (2, count, classes + background)
    assert points.shape == (2, count, 2)
    assert boxes.shape in [(2, count, 4), (2, count, classes, 4)]
    values = candidates._replace(points=points.nan_to_num())
    assert all(part.isfinite().all() for part in values if part is not None)
    height, width = pair.images.shape[-2:]
    assert boxes.min() >= 0
    assert boxes[..., 0::2].max() <= width
    assert boxes[..., 1::2].max() <= height


@pytest.mark.slow
def test_each_image_of_a_batch_is_answered_as_if_it_were_alone(pair: Pair) -> None:
    module = deepcopy(pair.module).double()  # so that rounding decides nothing
    with torch.no_grad():
        together = module(pair.images.double())
        alone = module(pair.images[1:].double())
    paired_up(suppressed(together, pair, 1), suppressed(alone, pair, 0))


@pytest.mark.slow
def test_other_images_before_change_nothing(pair: Pair) -> None:
    with torch.no_grad():
        before = pair.module(pair.images[:1])
        state = {name: value.clone() for name, value in pair.module.state_dict().items()}
        pair.module(pair.images.flip(-1) * 9)
        if pair.builder not in SIDES:
            pair.module(pair.images[:, :, :33, :33])
            pair.module(torch.zeros(1, 3, 1, 1))
        after = pair.module(pair.images[:1])
    for one, other in zip(before, after, strict=True):
        assert one is other is None or torch.allclose(one, other, rtol=0, atol=0, equal_nan=True)
    assert all(torch.equal(state[name], value) for name, value in pair.module.state_dict().items())


@pytest.mark.slow
def test_the_best_class_has_a_gradient_at_the_image(pair: Pair) -> None:
    images = pair.images[:1].clone().requires_grad_()
    candidates = pair.module(images)
    best = int(scores_of(candidates, pair.card)[0].amax(-1).argmax())
    (gradient,) = torch.autograd.grad(candidates.logits[0, best].max(), images)
    assert gradient.isfinite().all()
    assert gradient.abs().max() > 0
    assert all(parameter.grad is None for parameter in pair.module.parameters())
    assert not any(part._forward_hooks for part in pair.module.modules())
    assert not any(getattr(part, "inplace", False) for part in pair.module.modules())


def test_a_softmax_keeps_the_probabilities_of_its_classes() -> None:
    logits = torch.randn(5, 7, generator=torch.Generator().manual_seed(0)) * 4
    columns = ClassColumns(7, [1, 2, 5])
    probabilities = columns.exclusive(logits).softmax(-1)
    expected = logits.softmax(-1)
    torch.testing.assert_close(probabilities[:, 1:], expected[:, [1, 2, 5]])
    torch.testing.assert_close(probabilities[:, 0], expected[:, [0, 3, 4, 6]].sum(-1))
    assert torch.equal(columns.independent(logits), logits[:, [1, 2, 5]])


def test_without_labels_every_column_but_the_background_is_a_class() -> None:
    logits = torch.randn(2, 4, generator=torch.Generator().manual_seed(0))
    columns = ClassColumns(4, None)
    assert torch.equal(columns.exclusive(logits), logits)
    assert torch.equal(columns.independent(logits), logits[:, 1:])
    assert columns.state_dict() == {}


def test_more_labels_than_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="too few"):
        ClassColumns(4, [1, 2, 4])


def test_padding_is_zeros_at_the_right_and_bottom() -> None:
    images = torch.ones(2, 3, 33, 64)
    inputs = padded(images, 32)
    assert inputs.tensors.shape == (2, 3, 64, 64)
    assert inputs.image_sizes == [(33, 64), (33, 64)]
    assert torch.equal(inputs.tensors[:, :, :33], images)
    assert not inputs.tensors[:, :, 33:].any()


def test_a_forgetful_part_starts_each_call_as_it_was_made() -> None:
    class Counting(nn.Module):
        calls = 0

        def forward(self, image: Tensor) -> Tensor:
            self.calls += 1
            return image * self.calls

    part = Forgetful(Counting())
    one = torch.ones(1)
    assert part(one) == part(one) == 1
