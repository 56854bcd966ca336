"""What was found out about a network when it was loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from brightfield.images.picture import Note


@dataclass(frozen=True, slots=True)
class Ability:
    """Whether a network can or does something (None: it isn't known), and a sentence about it."""

    holds: bool | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ExplainedMaps:
    """The layer whose maps explanations weigh by default, and the order of its axes: images B,
    channels C, rows H and columns W, or tokens N. Without such a layer `reason` says why."""

    layer: str | None
    axes: str | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Examination:
    """The result of a few passes of images of the card's form.

    `warnings` are in every answer; `remarks` are for who made the card. `output` says what one
    image of `shape` (C, H, W) gives, in words.
    """

    shape: tuple[int, int, int]
    output: str
    end: str | None
    """How the network normalises its output itself, in words."""
    independent: Ability
    """Whether images of one batch leave each other's answers alone."""
    repeatable: Ability
    """Whether the same image gives the same answer twice."""
    finite: Ability
    """Whether all outputs are numbers."""
    differentiable: Ability
    """Whether the output has a gradient by the image."""
    guided: Ability
    """Whether there are rectifiers that a gradient comes through."""
    traceable: Ability
    """Whether occlusion can compute only what changes."""
    maps: ExplainedMaps | None = None
    """None where it isn't known."""
    warnings: tuple[Note, ...] = ()
    remarks: tuple[Note, ...] = ()

    @property
    def abilities(self) -> Mapping[str, Ability]:
        """By their names."""
        found = ((field.name, getattr(self, field.name)) for field in fields(self))
        return {name: value for name, value in found if isinstance(value, Ability)}
