"""Which plane of a file is meant, and how its pixels are to be read."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from brightfield.parameters import Parameters, natural_numbers, several, written

AXES = "TZCYXSP"


def _known_axes(value: object) -> object:
    if not isinstance(value, str):
        return value
    axes = value.strip().upper()
    if unknown := sorted(set(axes) - set(AXES)):
        raise ValueError(
            f"axes are letters among {', '.join(AXES)} (time, depth, channel, row, column, "
            f"sample, page); {', '.join(unknown)} is none of them"
        )
    if len(set(axes)) < len(axes):
        raise ValueError("each axis is named once")
    if not {"Y", "X"} <= set(axes):
        raise ValueError("axes contain Y (rows) and X (columns)")
    return axes


def _distinct(value: object) -> object:
    channels = several(value)
    if isinstance(channels, tuple | list) and len({str(c) for c in channels}) < len(channels):
        raise ValueError("each channel is named once")
    return channels


_Index = Annotated[int, Field(ge=0)]


class Selection(Parameters):
    """One plane of an image file; a plain image needs none of these."""

    page: _Index | None = None
    """Page of a multi-page file, frame of an animation, or scene of a file with several images;
    counted from 0."""
    z: _Index | None = None
    """Plane along the depth axis, counted from 0."""
    t: _Index | None = None
    """Time point, counted from 0."""
    channels: Annotated[
        Annotated[tuple[_Index, ...], Field(min_length=1)] | None,
        BeforeValidator(_distinct),
        written(
            "int | Sequence[int]",
            {"pattern": r"^\d+(,\d+)*$", "examples": ["0", "0,2"]},
            *natural_numbers(),
        ),
    ] = None
    """Channels to keep, in this order, counted from 0: `0,2`. Default: all."""
    axes: Annotated[
        str | None,
        BeforeValidator(_known_axes),
        WithJsonSchema({"type": "string", "pattern": f"^[{AXES}{AXES.lower()}]+$"}),
    ] = None
    """Names of the file's axes, one letter each, slowest first: T time, Z depth, C channel,
    Y rows, X columns, S sample (red, green, blue), P page; `CYX`, `ZYX`."""
    level: _Index | None = None
    """Level of a pyramid, 0 the full resolution, each further one smaller; places and `pixel_size`
    are those of the level. Default: the smallest level that has all that the model sees at its
    `scale`, and places in the full resolution; else 0."""
    orientation: Literal["apply", "ignore"] = "apply"
    """Whether to turn the pixels as the file's orientation tag says."""
    pixel_size: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Micrometres per pixel; overrides what the file says."""
    spacing: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Micrometres from a plane along Z to the next; overrides what the file says."""
