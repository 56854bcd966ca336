"""Numbers of scores and classes that a report has only if they are asked for."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from brightfield.parameters import Parameters

_Share = Annotated[float, Field(gt=0, lt=1)]


class FurtherNumbers(Parameters):
    """Options, each of which asks for a number; `further` has those that were sent."""

    asking: ClassVar[tuple[str, ...]] = (
        *("beta", "max_fpr", "min_sensitivity"),
        *("at_specificity", "at_sensitivity"),
    )
    """The options, each the `option` of a family."""

    beta: Annotated[float, Field(gt=0, le=1000)] | None = None
    """Asks for `f_beta`: recall weighs beta times as much as precision."""
    max_fpr: _Share | None = None
    """Asks for `partial_auroc`, at false positive rates up to this."""
    min_sensitivity: _Share | None = None
    """Asks for `partial_auroc_sensitivity`, at sensitivities from this on."""
    at_specificity: _Share | None = None
    """Asks for `sensitivity_at_specificity`, the greatest one with at least this specificity."""
    at_sensitivity: _Share | None = None
    """Asks for `specificity_at_sensitivity`, the greatest one with at least this sensitivity."""

    @property
    def further(self) -> dict[str, Any]:
        """The numbers that are asked for, by the names of the options."""
        return {
            name: getattr(self, name) for name in self.asking if getattr(self, name) is not None
        }
