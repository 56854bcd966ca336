"""torchvision's segmenters as modules from images to class maps."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.segmentation import FCN, LRASPP, DeepLabV3


class Segmenter(nn.Module):
    """(B, 3, H, W) normalised images to (B, K + 1, H, W) logits, background first.

    DeepLabV3, FCN and L-RASPP: the `out` of torchvision's answer, alone. The maps are computed at
    an eighth of the size and enlarged bilinearly. Auxiliary heads serve training and are left out.
    """

    def __init__(self, model: DeepLabV3 | FCN | LRASPP) -> None:
        super().__init__()
        self.backbone, self.classifier = model.backbone, model.classifier
        self._two_scales = isinstance(model, LRASPP)

    def forward(self, images: Tensor) -> Tensor:
        features = self.backbone(images)
        maps = self.classifier(features if self._two_scales else features["out"])
        return functional.interpolate(
            maps, size=images.shape[-2:], mode="bilinear", align_corners=False
        )
