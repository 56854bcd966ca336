"""Residual sub-pixel convolution: a small network that enlarges images.

Every convolution works on the pixels of the small image; the last one computes the `scale` x
`scale` pixels of the large image that each of them becomes, and a pixel shuffle lays them out. The
network only adds what bicubic interpolation lacks, so with its last layer at zero, where training
begins, its answer is bicubic interpolation. There is no normalisation and no pooling: a pixel of
the answer depends on no more than `radius` pixels around it.

    subpixel(scale) = enlarge(images) + shuffle(tail(maps + body(maps))),  maps = head(images)

Sources: Shi et al., "Real-time single image and video super-resolution using an efficient
sub-pixel convolutional neural network", CVPR 2016 (pixel shuffle); Lim et al., "Enhanced deep
residual networks for single image super-resolution", CVPR Workshops 2017 (residual blocks without
normalisation); Kim et al., "Accurate image super-resolution using very deep convolutional
networks", CVPR 2016 (the interpolated image plus a residual).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from brightfield.models.architecture import Architecture
from brightfield.tensors import Images

_MIDDLE = 0.5  # half way between black and white; what zeros around the image stand for


class ResidualBlock(nn.Module):
    """maps + convolution(activation(convolution(maps))), all (B, width, H, W)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.activation = nn.ReLU()
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, maps: Tensor) -> Tensor:
        residual: Tensor = self.second(self.activation(self.first(maps)))
        return maps + residual


class Subpixel(Architecture):
    """(B, 3, H, W) in [0, 1] to (B, 3, scale H, scale W), about [0, 1] but not clipped to it.

    Any side from one pixel up. The centre of the small pixel (y, x) lies at the centre of its
    scale x scale large pixels, as in image resizing generally. Beyond the border the small image
    goes on in medium grey for the convolutions; the interpolation leaves out what is not there.
    """

    def __init__(self, scale: int, *, width: int = 64, blocks: int = 8) -> None:
        """`width` maps, `blocks` residual blocks.

        Raises `ValueError` for a scale below 2 and for a width or a depth below 1.
        """
        super().__init__()
        if scale < 2 or width < 1 or blocks < 1:
            raise ValueError("scale must be at least 2, width and blocks at least 1")
        self.scale = scale
        self.head = nn.Conv2d(3, width, 3, padding=1)
        self.body = nn.Sequential(*(ResidualBlock(width) for _ in range(blocks)))
        self.tail = nn.Conv2d(width, 3 * scale**2, 3, padding=1)
        self.shuffle = nn.PixelShuffle(scale)
        self._begin()

    @property
    def radius(self) -> int:
        """Pixels of the small image around one, beyond which nothing changes its large ones.

        One for each convolution in a row; bicubic interpolation's two lie within.
        """
        return 2 + 2 * len(self.body)

    def forward(self, images: Images) -> Images:
        maps: Tensor = self.head(images - _MIDDLE)
        maps = maps + self.body(maps)
        # In single precision even under autocast: bfloat16 has steps of a grey level near white.
        with torch.autocast(images.device.type, enabled=False):
            detail: Tensor = self.shuffle(self.tail(maps.float()))
            return enlarge(images.float(), self.scale) + detail

    def _begin(self) -> None:
        """Small residuals, and none at all from the last layer: training begins at bicubic."""
        for block in self.body:
            assert isinstance(block, ResidualBlock)
            nn.init.kaiming_normal_(block.first.weight, nonlinearity="relu")
            nn.init.kaiming_normal_(block.second.weight, nonlinearity="linear")
            with torch.no_grad():
                block.second.weight.mul_(0.1)
        for parameter in self.tail.parameters():
            nn.init.zeros_(parameter)


def enlarge(images: Images, scale: int) -> Images:
    """Bicubic interpolation by Keys's kernel, a = -1/2, as in Pillow and MATLAB's `imresize`.

    (B, C, H, W) to (B, C, scale H, scale W). `antialias` changes nothing when enlarging but the
    kernel: without it PyTorch's has a = -3/4, which rings more. At the border the weights of the
    pixels that are there are made to sum to 1. Source: Keys, "Cubic convolution interpolation for
    digital image processing", IEEE Transactions on ASSP 29 (6), 1981.
    """
    size = (images.shape[-2] * scale, images.shape[-1] * scale)
    return functional.interpolate(images, size=size, mode="bicubic", antialias=True)
