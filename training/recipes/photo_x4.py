"""`photo-x4`: photographs at four times their resolution."""

from __future__ import annotations

from training.recipe import Schedule
from training.super_resolution import PhotoSuperResolution


class PhotoX4(PhotoSuperResolution):
    """From the weights of `photo-x2`, all but the last layer's, whose shape differs."""

    id = "photo-x4"
    source = f"{PhotoSuperResolution.source} Train photo-x2 first: its weights are the beginning."
    schedule = Schedule(steps=7_000, rate=7e-4, warmup=300, decay=0.0, average=0.999, clip=0.2)
    scale = 4
    begins_with = "photo-x2"
