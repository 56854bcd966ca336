"""What a reader gives back: one plane, before orientation and the caller's overrides."""

from __future__ import annotations

from dataclasses import dataclass

from brightfield.images.channels import COLOURS, ChannelFacts
from brightfield.images.level_read import LevelRead
from brightfield.images.picture import Note
from brightfield.images.voxel_size import UNKNOWN, VoxelSize
from brightfield.tensors import Pixels


@dataclass(frozen=True, slots=True)
class Plane:
    """One plane of a file: `pixels` (H, W, C) as stored, and what the file says about them."""

    pixels: Pixels
    axes: str
    orientation: int = 1
    calibration: VoxelSize = UNKNOWN
    notes: tuple[Note, ...] = ()
    raw: Pixels | None = None
    facts: ChannelFacts = COLOURS
    level: LevelRead | None = None
    """Of which level they are, where a smaller one does."""
