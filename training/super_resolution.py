"""What the recipes of super-resolution share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from brightfield import zoo
from brightfield.cards import InputSpec, Quality, read_card
from brightfield.images.picture import Picture
from brightfield.models.loading.build import build
from brightfield.models.subpixel import Subpixel
from brightfield.preprocess import preprocess
from brightfield.tensors import Images, Pixels
from training.data.photographs import kodak, packaged
from training.degradation import enlarged, psnr_y, reduced, ssim_y, trimmed
from training.patches import Batch, Patches, pairs
from training.recipe import Recipe

Enlarge = Callable[[Pixels], Pixels]

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


class SuperResolution(Recipe):
    """A sub-pixel network that learns to undo an antialiased bicubic reduction to 8 bit.

    The loss is the mean absolute error of the colours plus that of the luminance.
    """

    scale: ClassVar[int]
    begins_with: ClassVar[str | None] = None
    """The shipped model whose weights training starts from, as far as their shapes agree."""
    side: ClassVar[int] = 48
    """Of a patch, in pixels of the small image."""
    batch: ClassVar[int] = 16
    sizes: ClassVar[Sequence[float]] = (1.0, 0.8, 0.6)
    """Sizes at which each training image is seen: reduced ones are sharper."""
    grey: ClassVar[float] = 0.15
    """Share of patches that are grey."""

    @abstractmethod
    def training_images(self) -> Iterable[Pixels]:
        """(H, W, 3) 8-bit RGB."""

    def network(self) -> nn.Module:
        network = Subpixel(**self.card.architecture.arguments)
        if self.begins_with is not None:
            known = build(read_card(zoo.folder() / self.begins_with)).state_dict()
            own = network.state_dict()
            fitting = {k: v for k, v in known.items() if v.shape == own[k].shape}
            network.load_state_dict({**own, **fitting})
        return network

    def batches(self, random: np.random.Generator) -> Iterator[Batch]:
        intensity = self.card.input.intensity
        found = pairs(self.training_images(), self.scale, self.sizes, self.side, intensity)
        return Patches(found, self.side, self.batch, self.grey).draw(random)

    def losses(self, network: nn.Module, batch: Batch) -> dict[str, Tensor]:
        small, large = batch
        difference = network(small) - large
        luma = (difference * torch.tensor(_LUMA)[:, None, None]).sum(1)
        return {"colour": difference.abs().mean(), "luminance": luma.abs().mean()}

    def scores(self, network: nn.Module, images: Iterable[Pixels]) -> list[Score]:
        """What `score` says of each image, enlarged as the card says."""

        def enlarge(small: Pixels) -> Pixels:
            return answer(network, self.card.input, small)

        return [score(image, self.scale, enlarge) for image in images]


class PhotoSuperResolution(SuperResolution):
    """Trained on Kodak 01-20 and scikit-image's photographs, measured on Kodak 21-24."""

    source = """
        kodak/01.png to 24.png: the Kodak Lossless True Color Image Suite, released by the Eastman
        Kodak Company for unrestricted use; https://r0k.us/graphics/kodak/."""

    def training_images(self) -> Iterable[Pixels]:
        return [*kodak(self.data, range(1, 21)), *packaged()]

    def evaluate(self, network: nn.Module) -> Sequence[Quality]:
        return means(self.scores(network, kodak(self.data, range(21, 25))), "kodak", "21-24")


class Score(NamedTuple):
    """One image's luminance: in decibels, and from 0 to 1."""

    psnr_y: float
    psnr_y_bicubic: float
    ssim_y: float
    ssim_y_bicubic: float

    @property
    def gain(self) -> float:
        """Decibels over bicubic enlargement."""
        return self.psnr_y - self.psnr_y_bicubic


def score(image: Pixels, scale: int, enlarge: Enlarge) -> Score:
    """Reduce an image, enlarge it again, and compare with what it was."""
    truth = trimmed(image, scale)
    small = reduced(truth, scale)
    ours, bicubic = enlarge(small), enlarged(small, scale)
    return Score(
        psnr_y(ours, truth, scale),
        psnr_y(bicubic, truth, scale),
        ssim_y(ours, truth, scale),
        ssim_y(bicubic, truth, scale),
    )


def means(scores: Sequence[Score], data: str, split: str) -> list[Quality]:
    """Each of a score's numbers, and the gain, as its mean over images."""
    columns = dict(zip(Score._fields, np.mean(scores, axis=0), strict=True))
    columns["psnr_y_gain"] = np.mean([each.gain for each in scores])
    return [
        Quality(data=data, split=split, metric=name, value=float(value), n=len(scores))
        for name, value in columns.items()
    ]


def answer(network: nn.Module, spec: InputSpec, pixels: Pixels) -> Pixels:
    """(H, W, C) 8 bit, enlarged by the network after the service's preprocessing, as 8 bit.

    Grey images go through as three equal channels, whose mean is the answer.
    """
    picture = Picture(pixels, sha256="", format="npy", source_axes="YXC")
    prepared = preprocess(picture, spec)
    assert prepared.scaling is not None
    with torch.inference_mode():
        large: Images = network(prepared.tensor)[0]
    unit = large.permute(1, 2, 0).numpy().astype(np.float64)
    if pixels.shape[2] == 1:
        unit = unit.mean(axis=2, keepdims=True)
    low, high = prepared.scaling.low, prepared.scaling.high
    return np.rint(unit * (high - low) + low).clip(0, 255).astype(np.uint8)
