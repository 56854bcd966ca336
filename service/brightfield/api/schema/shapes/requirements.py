"""What was required of a report or comparison."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from brightfield.api.schema.shapes.shape import shape
from brightfield.metrics.statistics.estimate import Reason
from brightfield.reports.requirements.requirement import IntervalEnd


@shape
class JudgedRequirement(TypedDict):
    """What was required of a number, and whether it is so."""

    requirement: str
    """As it was sent."""
    metric: str
    of: IntervalEnd
    """Its value, or an end of its interval."""
    value: float | None
    relation: Literal[">=", "<=", ">", "<", "no_loss"]
    """`no_loss`: the difference is not a significant loss."""
    bound: float | None
    p_value: Annotated[float, Field(ge=0, le=1)] | None
    """Of `no_loss`, corrected for the number of losses that were asked about (Holm)."""
    outcome: Literal["met", "not_met", "worse", "undefined"]
    """`worse`: the difference is a significant loss; `undefined`: there is no such value."""
    undefined: Reason | None
    """Why there is no such value."""
    detail: str
    """The same in words."""
