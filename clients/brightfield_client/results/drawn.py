"""Answers with a picture, which the service draws."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from PIL import Image as PillowImage

from brightfield_client.errors import BrightfieldError
from brightfield_client.pictures import on_axes, thumbnail_png
from brightfield_client.results.asked import Asked


class Drawn(Asked):
    """An answer with a picture of the service's form `_form`."""

    _form: ClassVar[str] = "overlay"
    _legend: ClassVar[bool] = True
    """Whether the picture can have one."""

    def picture(self, **choice: Any) -> PillowImage.Image:
        """The picture that the service draws, with a legend; it is asked for anew (see `again`).

        `choice` are parameters of the picture, as `legend=False` or `alpha=0.9`.
        """
        legend = {"legend": True} if self._legend else {}
        return self.again(self._form, **{**legend, **self._drawing, **choice}).picture()

    def plot(self, *which: Any, ax: Any | None = None, **choice: Any) -> Any:
        """Draw `picture`, with the same arguments, and return the axes of matplotlib, new ones if
        none are given."""
        return on_axes(self.picture(*which, **choice), ax)

    @property
    def _drawing(self) -> Mapping[str, Any]:
        """What is asked of the picture unless the caller chooses."""
        return {}

    def _shown(self, alt: str) -> str:
        """The picture for a notebook; nothing where the service cannot be asked."""
        try:
            return thumbnail_png(self.picture(), alt)
        except (BrightfieldError, ValueError):
            return ""
