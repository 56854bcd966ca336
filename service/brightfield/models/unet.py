"""U-Net over the first four stages of EfficientNet-Lite0: one map per class, at full resolution.

The encoder is EfficientNet-Lite's stem and blocks down to stride 16, under the names that they
have there, so that its published weights fit. The decoder goes up by bilinear interpolation and
adds, at each stride, the encoder's maps of that stride; at stride 1 those are one convolution of
the image itself.

    stride                 16    8    4    2    1
    encoder channels       80   40   24   16   16
    decoder channels        -   64   48   32   16
    3 x 3 convolutions      -    1    2    2    2

An output pixel depends on input pixels at most 121 away, so tiles with a halo of that many
pixels give what the whole image gives. On sides that are multiples of 16 the network commutes
with shifts by as many pixels, the image's border aside.

Sources: Ronneberger, Fischer and Brox, "U-Net", MICCAI 2015; Tan and Le, "EfficientNet", ICML 2019.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from brightfield.models.architecture import Architecture
from brightfield.models.efficientnet_lite import STAGES, STEM, ConvNorm, InvertedResidual

_STAGES = STAGES[:4]
_WIDTHS = (64, 48, 32, 16)
_CONVOLUTIONS = (1, 2, 2, 2)
_DETAIL = 16


class UpMerge(nn.Module):
    """Coarse maps (B, C, h, w) and fine ones (B, D, 2h, 2w) to (B, outputs, 2h, 2w).

    Both are brought to `outputs` channels (fine maps that have as many stay as they are), the
    coarse ones before they are interpolated, which is where it is cheap; their sum goes through
    3 x 3 convolutions.
    """

    def __init__(self, coarse: int, fine: int, outputs: int, convolutions: int) -> None:
        super().__init__()
        self.coarse = ConvNorm(coarse, outputs, active=False)
        alike = fine == outputs
        self.fine = nn.Identity() if alike else ConvNorm(fine, outputs, active=False)
        self.act = nn.ReLU6()
        self.out = nn.Sequential(*(ConvNorm(outputs, outputs, 3) for _ in range(convolutions)))

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        upper = functional.interpolate(self.coarse(coarse), scale_factor=2.0, mode="bilinear")
        merged: Tensor = self.out(self.act(upper + self.fine(fine)))
        return merged


class UNet(Architecture):
    """(B, 3, H, W) normalised images to (B, classes + auxiliary, H, W) maps.

    H and W are multiples of 16. The first `classes` maps are logits; what the `auxiliary` ones
    mean is the training recipe's business and that of the step that reads them.
    """

    def __init__(self, *, classes: int = 1, auxiliary: int = 0) -> None:
        super().__init__()
        self.detail = ConvNorm(3, _DETAIL, 3)
        self.stem = ConvNorm(3, STEM, 3, stride=2)
        self.blocks = nn.Sequential(*_encoder())
        fine = [*(stage.channels for stage in _STAGES[-2::-1]), _DETAIL]
        coarse = [_STAGES[-1].channels, *_WIDTHS[:-1]]
        self.decoder = nn.ModuleList(
            UpMerge(*sizes) for sizes in zip(coarse, fine, _WIDTHS, _CONVOLUTIONS, strict=True)
        )
        self.head = nn.Conv2d(_WIDTHS[-1], classes + auxiliary, 1)

    def forward(self, images: Tensor) -> Tensor:
        *finer, maps = self.encode(images)
        for merge, fine in zip(self.decoder, reversed(finer), strict=True):
            maps = merge(maps, fine)
        out: Tensor = self.head(maps)
        return out

    def encode(self, images: Tensor) -> list[Tensor]:
        """The encoder's maps at the strides 1, 2, 4, 8 and 16."""
        levels = [self.detail(images)]
        maps = self.stem(images)
        done = 0
        for stage in _STAGES:
            maps = self.blocks[done : done + stage.blocks](maps)
            done += stage.blocks
            levels.append(maps)
        return levels


def _encoder() -> list[InvertedResidual]:
    blocks: list[InvertedResidual] = []
    inputs = STEM
    for stage in _STAGES:
        for index in range(stage.blocks):
            blocks.append(
                InvertedResidual(
                    inputs,
                    stage.channels,
                    kernel=stage.kernel,
                    stride=stage.stride if index == 0 else 1,
                    expansion=stage.expansion,
                )
            )
            inputs = stage.channels
    return blocks
