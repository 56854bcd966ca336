"""A model whose embedding can be computed by hand: means over the 4 x 4 blocks of an image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SIDE, BLOCK = 16, 4
DIM = 3 * (SIDE // BLOCK) ** 2

_NET = f"""
from torch import nn


class Blocks(nn.Sequential):
    def __init__(self):
        super().__init__(nn.AvgPool2d({BLOCK}), nn.Flatten(), nn.Linear({DIM}, 2))
"""
_CARD = f"""
id = "blocks"
version = "1"
task = "classify"
licence = "MIT"

[architecture]
name = "python:net.py:Blocks"

[input]
size = [{SIDE}, {SIDE}]
intensity = "dtype"

[[labels]]
name = "bright"

[[labels]]
name = "dark"
"""


def write_model(folder: Path) -> str:
    """Write the model `blocks` below the folder, for the setting `models`."""
    model = folder / "blocks"
    model.mkdir(parents=True)
    (model / "net.py").write_text(_NET)
    (model / "card.toml").write_text(_CARD)
    return str(folder)


def embedding(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The vector (DIM,) of RGB pixels (SIDE, SIDE, 3): channels first, then rows of blocks."""
    rows = SIDE // BLOCK
    blocks = (pixels / 255).reshape(rows, BLOCK, rows, BLOCK, 3).mean(axis=(1, 3))
    vector: NDArray[np.float64] = blocks.transpose(2, 0, 1).ravel()
    return vector
