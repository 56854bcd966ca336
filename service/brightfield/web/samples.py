"""Pictures to try the page with, which come with scikit-image."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

NAMES: Final = ("coffee.png", "chelsea.png", "rocket.jpg", "ihc.png", "cell.png", "retina.jpg")
"""Three photographs and three fields of a microscope or camera."""


def samples() -> Mapping[str, Traversable]:
    """Where each is, by its name."""
    return {name: files("skimage") / "data" / name for name in NAMES}
