"""What a user sees at the start."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path


def greeting(address: str) -> str:
    """Where the page and the documentation are, and a line to paste."""
    example = _example_image()
    return (
        f"\nBrightfield answers at {address}\n"
        f"  the page       {address}/\n"
        f"  documentation  {address}/docs\n"
        f"  try it         curl -sS --data-binary @{example} '{address}/classify?top_k=3'\n"
    )


def _example_image() -> str:
    """A photograph that comes with scikit-learn, which the service needs anyway; nothing is
    imported for it."""
    found = find_spec("sklearn")
    folder = Path(found.origin or "").parent if found is not None else Path()
    return str(folder / "datasets" / "images" / "china.jpg")
