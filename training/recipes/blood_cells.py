"""blood-cells: boxes around red cells, white cells and platelets on blood smears."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from brightfield.cards import Quality
from brightfield.images.decode import decode
from brightfield.images.limits import Limits
from brightfield.models.architecture import Candidates
from brightfield.models.fcos import FCOS
from brightfield.preprocess import preprocess
from brightfield.tasks.objects.suppression import Detections, suppress
from training.assignment import Objects, assign
from training.coco import average_precision, rows
from training.data import bccd
from training.data.scenes import Scene, Sizes, compose, recolored
from training.detection_losses import detection_losses
from training.operating_point import best_f1_threshold
from training.pretrained import begin_with_imagenet
from training.recipe import Recipe, Schedule

_BATCH = 8
_FROZEN_BLOCKS = 3
_SIZES = Sizes(side=480, smallest=0.6, largest=1.5, mosaic=0.35)
_BOX_WEIGHT = 2.0
_LEAST_SCORE = 0.01


class BloodCells(Recipe):
    """FCOS on EfficientNet-Lite0, from ImageNet's features."""

    id: ClassVar[str] = "blood-cells"
    source: ClassVar[str] = bccd.SOURCE
    schedule: ClassVar[Schedule] = Schedule(steps=2800, rate=2e-3, warmup=200, decay=5e-2)

    def __init__(self, data: Path) -> None:
        super().__init__(data)
        spec = self.card.input
        self._mean = torch.tensor(spec.mean).view(1, -1, 1, 1) * 255
        self._std = torch.tensor(spec.std).view(1, -1, 1, 1) * 255

    def network(self) -> nn.Module:
        network = FCOS(**self.card.architecture.arguments)
        begin_with_imagenet(network)
        return network

    def groups(self, network: nn.Module) -> Iterable[tuple[float, Sequence[nn.Parameter]]]:
        """The pretrained backbone learns slowly, and its first two stages not at all: edges and
        colours are the same everywhere, and their gradients cost a quarter of a step."""
        parts = list(network.named_parameters())
        yield 0.25, [p for name, p in parts if name.startswith("blocks.") and not _frozen(name)]
        yield 1.0, [p for name, p in parts if not name.startswith(("stem.", "blocks."))]

    def batches(self, random: np.random.Generator) -> Iterator[tuple[Tensor, Objects]]:
        smears = bccd.smears(self.data, "train")
        scenes = [Scene(smear.pixels(), smear.boxes, smear.classes) for smear in smears]
        order = _shuffled(len(scenes), random)
        while True:
            made = [compose(lambda: scenes[next(order)], _SIZES, random) for _ in range(_BATCH)]
            pixels = np.stack([recolored(scene.pixels, random) for scene in made])
            yield torch.from_numpy(pixels).permute(0, 3, 1, 2), padded(made)

    def losses(self, network: nn.Module, batch: tuple[Tensor, Objects]) -> dict[str, Tensor]:
        pixels, objects = batch
        found: Candidates = network((pixels - self._mean) / self._std)
        with torch.autocast("cpu", enabled=False):
            parts = detection_losses(found, objects, assign(found, objects))
        return {"classes": parts["classes"], "boxes": _BOX_WEIGHT * parts["boxes"]}

    def evaluate(self, network: nn.Module) -> Sequence[Quality]:
        smears = bccd.smears(self.data, "val")
        categories = bccd.category_ids(self.data)
        results: list[dict[str, Any]] = []
        for smear in smears:
            results += rows(smear.id, self.detect(network, smear), categories)
        measured = average_precision(bccd.coco_file(self.data, "val"), results)
        return [
            Quality(data="bccd", split="val", metric=metric, value=value, n=len(smears))
            for metric, value in measured.items()
        ]

    def threshold(self, network: nn.Module) -> float:
        """The score with the best F1 at IoU 0.5, a mean over the classes."""
        smears = bccd.smears(self.data, "train")
        found = [self.detect(network, smear) for smear in smears]
        boxes, classes = [s.boxes for s in smears], [s.classes for s in smears]
        return best_f1_threshold(found, boxes, classes)

    def detect(self, network: nn.Module, smear: bccd.Smear) -> Detections:
        """Everything found in a photograph, by the service's way, cut at its edges."""
        picture = decode(smear.path.read_bytes(), limits=Limits(bccd.MAX_PIXELS))
        prepared = preprocess(picture, self.card.input)
        with torch.no_grad():
            candidates: Candidates = network(prepared.tensor)
        found = suppress(
            candidates,
            self.card.output.activation,
            threshold=_LEAST_SCORE,
            iou=self.card.output.iou,
            max_detections=100,
        )
        edges = np.tile([picture.width, picture.height], 2)
        boxes = np.clip(found.boxes, 0, edges).astype(np.float32)
        return Detections(boxes, found.scores, found.class_ids, found.index)


def _frozen(name: str) -> bool:
    return name.startswith(tuple(f"blocks.{index}." for index in range(_FROZEN_BLOCKS)))


def padded(scenes: Sequence[Scene]) -> Objects:
    """The scenes' objects as tensors of B rows."""
    most = max(1, *(len(scene.boxes) for scene in scenes))
    boxes = torch.zeros(len(scenes), most, 4)
    classes = torch.zeros(len(scenes), most, dtype=torch.int64)
    present = torch.zeros(len(scenes), most, dtype=torch.bool)
    for row, scene in enumerate(scenes):
        count = len(scene.boxes)
        boxes[row, :count] = torch.from_numpy(scene.boxes)
        classes[row, :count] = torch.from_numpy(scene.classes)
        present[row, :count] = True
    return Objects(boxes, classes, present)


def _shuffled(count: int, random: np.random.Generator) -> Iterator[int]:
    """All numbers below `count` in a random order, again and again."""
    while True:
        yield from random.permutation(count).tolist()
