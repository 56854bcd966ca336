"""The layer whose maps a method weighs: where it is, how it is read, and what to know about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from brightfield.images.picture import Note
from brightfield.models.inspection.layers import Tap
from brightfield.models.inspection.layouts import MapLayout


@dataclass(frozen=True, slots=True)
class SpatialLayer:
    """A layer with several places. A probe's gradients by its `tap` are maps (B, C, h, w), as the
    `layout` reads them. `named`: by the caller, or by the card."""

    tap: Tap
    layout: MapLayout
    named: bool

    @property
    def label(self) -> str:
        return self.tap.label

    def facts(self) -> dict[str, Any]:
        """What a reply states: the layer, (h, w) of its maps, and the axes of its values."""
        return {
            "layer": self.label,
            "layer_size": list(self.layout.grid),
            "layer_axes": self.layout.axes,
        }

    @property
    def notes(self) -> tuple[Note, ...]:
        notes = []
        if not self.named:
            notes.append(_chosen(self))
        if self.layout.assumed:
            notes.append(_assumed(self))
        return tuple(notes)


def _chosen(layer: SpatialLayer) -> Note:
    height, width = layer.layout.grid
    return Note(
        "default_layer",
        f"Nobody named a layer, so the last one with places before the network's head is weighed: "
        f"{layer.label!r}, {height} x {width}. GET /models/{{id}}/layers lists others for `layer`, "
        "or for explain.layer on the card.",
    )


def _assumed(layer: SpatialLayer) -> Note:
    return Note(
        "assumed_axes",
        f"The values of the layer {layer.label!r} could not be followed through the network, so "
        f"their axes are taken for {layer.layout.axes} by the image's proportions; if that is "
        "wrong, name them on the card as explain.axes.",
    )
