"""torchvision's builders as architectures: `torchvision:<builder>` on a card."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from brightfield.cards import LabelSource, ModelCard
from brightfield.errors import InvalidCard, nearest
from brightfield.torchvision_names import torchvision_columns, torchvision_weights

# Published DenseNet weights are older than the rule that module names hold no dots.
_DENSE_LAYER = re.compile(r"(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\..*)")
# torchvision's builders do the same when they load these themselves.
_WITHOUT_EPS = {
    "FasterRCNN_ResNet50_FPN_Weights.COCO_V1",
    "MaskRCNN_ResNet50_FPN_Weights.COCO_V1",
    "RetinaNet_ResNet50_FPN_Weights.COCO_V1",
}
_AUXILIARY = re.compile(r"(?:aux1|aux2|AuxLogits|aux_classifier)\.")


def build_torchvision(card: ModelCard) -> nn.Module:
    """The card's torchvision network without weights; its arguments are the builder's own.

    Classifiers come as torchvision builds them. Segmenters give class maps alone, with the
    background first (`torchvision_segmentation`), and detectors `Candidates` of the classes that
    the card labels (`torchvision_rcnn`, `torchvision_dense`). A detector has one more argument:
    `norm_eps`, the number beside the variance in batch normalisation. The first COCO weights of
    Faster R-CNN, Mask R-CNN and RetinaNet were trained with 0, and get it where the card names
    them; weights that were fine-tuned from these need it on the card.

    Raises `InvalidCard` for an unknown builder (with the nearest names), for arguments that the
    builder refuses, for `weights` among them, which would download, and for keypoint detectors.
    """
    from torchvision.models import detection, list_models

    builder = card.architecture.name.removeprefix("torchvision:")
    known = list_models()
    if builder not in known:
        raise InvalidCard(f"torchvision has no model {builder!r}.{nearest(builder, known)}")
    arguments = card.architecture.arguments
    if refused := sorted({"weights", "weights_backbone"} & arguments.keys()):
        raise InvalidCard(f"Move {refused[0]} from [architecture] to [weights].")
    try:
        if builder in list_models(module=detection):
            return _detector(builder, arguments, card)
        return _plain(_made(builder, arguments))
    except (TypeError, ValueError) as fault:
        raise InvalidCard(f"torchvision:{builder} refuses its arguments: {fault}.") from fault


def _made(builder: str, arguments: Mapping[str, Any]) -> nn.Module:
    from torchvision.models import get_model_builder

    make = get_model_builder(builder)
    module: nn.Module = make(**_without_weights(builder, make), **arguments)
    return module


def _plain(module: nn.Module) -> nn.Module:
    """The module with one tensor as its output."""
    from torchvision.models.segmentation import FCN, LRASPP, DeepLabV3

    from brightfield.models.torchvision.segmentation import Segmenter

    return Segmenter(module) if isinstance(module, DeepLabV3 | FCN | LRASPP) else module


def _detector(builder: str, arguments: dict[str, Any], card: ModelCard) -> nn.Module:
    eps = arguments.pop("norm_eps", _trained_eps(card))
    module = _made(builder, arguments)
    if eps is not None:
        _set_norm_eps(module, float(eps))
    adapter = _adapter(module)
    if adapter is None:
        raise InvalidCard(f"torchvision:{builder} finds keypoints, which no task answers.")
    columns = None
    if isinstance(card.labels, LabelSource):
        columns = torchvision_columns(card.labels.torchvision)
    return adapter(module, columns)


def _adapter(module: nn.Module) -> Callable[..., nn.Module] | None:
    from torchvision.models.detection import FCOS, KeypointRCNN, RetinaNet
    from torchvision.models.detection.ssd import SSD

    from brightfield.models.torchvision import dense
    from brightfield.models.torchvision.rcnn import RegionDetector

    adapters = {
        KeypointRCNN: None,
        RetinaNet: dense.DenseDetector,
        FCOS: dense.CentrenessDetector,
        SSD: dense.DefaultBoxDetector,
    }
    return adapters.get(type(module), RegionDetector)


def _trained_eps(card: ModelCard) -> float | None:
    if card.weights is None or card.weights.torchvision is None:
        return None
    return 0.0 if str(torchvision_weights(card.weights.torchvision)) in _WITHOUT_EPS else None


def _set_norm_eps(module: nn.Module, eps: float) -> None:
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.eps = eps


def rename_torchvision(state: dict[str, Tensor], module: nn.Module) -> dict[str, Tensor]:
    """A published state dict with the keys of today's modules, less heads that `module` lacks.

    DenseNet's `denselayer1.norm.1.weight` becomes `denselayer1.norm1.weight`; the auxiliary heads
    of GoogLeNet, Inception and the segmenters serve training alone.
    """
    heads = {name for name, child in module.named_children() if child is not None}
    return {
        _DENSE_LAYER.sub(r"\1\2", key): tensor
        for key, tensor in state.items()
        if not _AUXILIARY.match(key) or key.partition(".")[0] in heads
    }


def _without_weights(builder: str, make: Any) -> dict[str, Any]:
    defaults: dict[str, Any] = {"weights": None}
    if "weights_backbone" in inspect.signature(make).parameters:
        defaults["weights_backbone"] = None
    if builder in ("googlenet", "inception_v3"):
        defaults["init_weights"] = False  # their own initialisation is slow and deprecated
    return defaults
