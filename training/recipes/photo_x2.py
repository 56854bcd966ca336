"""`photo-x2`: photographs at twice their resolution."""

from __future__ import annotations

from training.recipe import Schedule
from training.super_resolution import PhotoSuperResolution


class PhotoX2(PhotoSuperResolution):
    """From random weights."""

    id = "photo-x2"
    schedule = Schedule(steps=12_000, rate=8e-4, warmup=300, decay=0.0, average=0.999, clip=0.1)
    scale = 2
