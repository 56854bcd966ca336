"""blood-cell-types: what lies in the middle of a window on a blood smear."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from brightfield.cards import Quality
from brightfield.images.decode import decode
from brightfield.images.limits import Limits
from brightfield.images.picture import Region
from brightfield.images.resample import resize
from brightfield.images.windows import window_grid
from brightfield.models.efficientnet_lite import EfficientNetLite
from brightfield.preprocess import preprocess_windows
from training.data import bccd
from training.data.cell_windows import (
    BACKGROUND,
    LABELS,
    Field,
    around_cell,
    cut,
    drawn,
    label_at,
    middle,
)
from training.data.scenes import recolored
from training.pretrained import begin_with_imagenet
from training.recipe import Recipe, Schedule

_SIDE = 96
_BATCH = 48
_SHARES = (0.3, 0.25, 0.25, 0.2)  # of the labels in a batch
_SLID = ((96, 32), (128, 32))  # windows and strides of the sliding evaluation


class BloodCellTypes(Recipe):
    """Five stages of EfficientNet-Lite0, from ImageNet's features."""

    id: ClassVar[str] = "blood-cell-types"
    source: ClassVar[str] = bccd.SOURCE
    schedule: ClassVar[Schedule] = Schedule(
        steps=900, rate=2e-3, warmup=80, decay=5e-2, average=0.99
    )

    def __init__(self, data: Path) -> None:
        super().__init__(data)
        spec = self.card.input
        self._mean = torch.tensor(spec.mean).view(1, -1, 1, 1) * 255
        self._std = torch.tensor(spec.std).view(1, -1, 1, 1) * 255

    def network(self) -> nn.Module:
        network = EfficientNetLite(**self.card.architecture.arguments)
        begin_with_imagenet(network)
        return network

    def groups(self, network: nn.Module) -> Iterable[tuple[float, Sequence[nn.Parameter]]]:
        """The pretrained blocks learn slowly."""
        parts = list(network.named_parameters())
        yield 0.25, [p for name, p in parts if name.startswith(("stem.", "blocks."))]
        yield 1.0, [p for name, p in parts if not name.startswith(("stem.", "blocks."))]

    def batches(self, random: np.random.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        fields = [Field.of(smear) for smear in bccd.smears(self.data, "train")]
        while True:
            labels = random.choice(len(LABELS), _BATCH, p=_SHARES)
            pixels = np.stack([_example(fields, int(label), random) for label in labels])
            yield torch.from_numpy(pixels).permute(0, 3, 1, 2), torch.from_numpy(labels)

    def losses(self, network: nn.Module, batch: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        pixels, labels = batch
        logits = network((pixels - self._mean) / self._std)
        return {"classes": functional.cross_entropy(logits.float(), labels, label_smoothing=0.05)}

    def evaluate(self, network: nn.Module) -> Sequence[Quality]:
        """Windows cut around every marked cell, and windows slid over the fields."""
        fields = [Field.of(smear) for smear in bccd.smears(self.data, "val")]
        measured = _accuracies(*self._around_cells(network, fields))
        for side, stride in _SLID:
            scores, labels = self._slid(network, fields, side, stride)
            right = scores.argmax(axis=1) == labels
            measured[f"map_accuracy_{side}px"] = float(right.mean()), len(labels)
            recalls = [right[labels == label].mean() for label in range(len(LABELS))]
            measured[f"map_balanced_accuracy_{side}px"] = float(np.mean(recalls)), len(labels)
        return [
            Quality(data="bccd", split="val", metric=metric, value=value, n=n)
            for metric, (value, n) in measured.items()
        ]

    def _around_cells(
        self, network: nn.Module, fields: Sequence[Field]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Scores (n, K) and labels (n,) of the windows that a caller would cut around cells."""
        scores = [
            self._scores(network, field, [around_cell(field, i) for i in range(len(own))])
            for field in fields
            if len(own := field.smear.classes)
        ]
        return np.concatenate(scores), np.concatenate([field.smear.classes for field in fields])

    def _slid(
        self, network: nn.Module, fields: Sequence[Field], side: int, stride: int
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """The same for those positions of a sliding window whose middle has a label."""
        scores, labels = [], []
        for field in fields:
            found = [
                (window, label)
                for window in _grid(field, side, stride)
                if (label := label_at(field, *middle(window))) is not None
            ]
            if found:
                scores.append(self._scores(network, field, [window for window, _ in found]))
                labels += [label for _, label in found]
        return np.concatenate(scores), np.array(labels)

    def _scores(
        self, network: nn.Module, field: Field, windows: Sequence[Region]
    ) -> NDArray[np.float32]:
        """(windows, K) logits by the service's way; softmax keeps their order."""
        picture = decode(field.smear.path.read_bytes(), limits=Limits(bccd.MAX_PIXELS))
        prepared = preprocess_windows(picture, self.card.input, windows)
        inputs = torch.cat([one.tensor for one in prepared])
        with torch.no_grad():
            logits: NDArray[np.float32] = network(inputs).numpy()
        return logits


def _example(fields: Sequence[Field], label: int, random: np.random.Generator) -> NDArray[np.uint8]:
    """(96, 96, 3) a window with such a middle, turned, mirrored and recoloured."""
    while True:
        field = fields[int(random.integers(len(fields)))]
        window = drawn(field, label, random)
        if window is not None:
            break
    pixels = resize(cut(field, window), _SIDE, _SIDE, "bilinear")
    turned = np.rot90(pixels, int(random.integers(4)))
    if random.random() < 0.5:
        turned = turned[::-1]
    return recolored(np.ascontiguousarray(turned), random)


def _grid(field: Field, side: int, stride: int) -> Iterator[Region]:
    grid = window_grid(field.plasma.shape, (side, side), (stride, stride), "shift")
    for top, bottom in grid.rows:
        for left, right in grid.cols:
            yield Region(left, top, right - left, bottom - top)


def _accuracies(
    scores: NDArray[np.float32], labels: NDArray[np.int64]
) -> dict[str, tuple[float, int]]:
    """Of windows around cells: the share that is right among all classes (`accuracy`), among the
    three kinds of cells (`accuracy_of_cells`), and the mean recall of these."""
    right = scores.argmax(axis=1) == labels
    cells = scores[:, :BACKGROUND].argmax(axis=1) == labels
    recalls = [float(right[labels == label].mean()) for label in range(BACKGROUND)]
    return {
        "accuracy": (float(right.mean()), len(labels)),
        "accuracy_of_cells": (float(cells.mean()), len(labels)),
        "balanced_accuracy": (float(np.mean(recalls)), len(labels)),
    }
