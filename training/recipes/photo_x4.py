"""`photo-x4`: photographs at four times their resolution."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from torch import nn

from brightfield.cards import Quality
from brightfield.tensors import Pixels
from training.data.photographs import kodak, packaged
from training.recipe import Schedule
from training.super_resolution import SuperResolution, means


class PhotoX4(SuperResolution):
    """As `photo-x2`, from whose weights it begins: all but the last layer, whose shape differs."""

    id = "photo-x4"
    source = """
        kodak/01.png to 24.png: the Kodak Lossless True Color Image Suite, released by the Eastman
        Kodak Company for unrestricted use; https://r0k.us/graphics/kodak/. Begins with the
        weights of photo-x2."""
    schedule = Schedule(steps=9_000, rate=1.2e-3, warmup=300, decay=0.0, average=0.999)
    scale = 4
    begins_with = "photo-x2"

    def training_images(self) -> Iterable[Pixels]:
        return [*kodak(self.data, range(1, 21)), *packaged()]

    def evaluate(self, network: nn.Module) -> Sequence[Quality]:
        return means(self.scores(network, kodak(self.data, range(21, 25))), "kodak", "21-24")
