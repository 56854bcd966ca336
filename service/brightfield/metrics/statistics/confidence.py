"""Which intervals are wanted."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from brightfield.parameters import Parameters


class Confidence(Parameters):
    """How intervals are computed."""

    method: Literal["auto", "percentile", "bca", "none"] = "auto"
    """`auto`: the interval that holds: DeLong's for AUROC, Wilson's for proportions, Student's t by
    a jackknife for the rest, and for all if there are groups; `percentile` or `bca`: that bootstrap
    for all; `none`: no intervals."""
    level: Annotated[float, Field(gt=0, lt=1)] = 0.95
    """Fraction of such intervals that contain the true value."""
    resamples: Annotated[int, Field(ge=10, le=100_000)] = 2000
    """Number of resamples of a bootstrap, and of exchanges that test a difference."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Seed of both: the same rows and seed give the same numbers."""
