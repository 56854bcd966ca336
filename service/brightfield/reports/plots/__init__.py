"""The catalog of plots, one file each."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from brightfield.errors import InvalidParameter, nearest
from brightfield.plugins import discover
from brightfield.reports.plots.plot import Plot
from brightfield.reports.report import Report


def catalog() -> dict[str, Plot]:
    """Every plot by its name."""
    found = discover(sys.modules[__name__], Plot)  # type: ignore[type-abstract]
    return {name: plot() for name, plot in found.items()}


def available(report: Report) -> dict[str, Plot]:
    """The plots that the report has, in the order in which a reader wants them."""
    found = {name: plot for name, plot in catalog().items() if plot.refusal(report) is None}
    return dict(sorted(found.items(), key=lambda item: item[1].rank))


def choose(report: Report, name: str | None) -> Plot:
    """The plot `name`, or the first one that the report has.

    Raises `InvalidParameter` naming those it has.
    """
    known = available(report)
    if name in known:
        return known[name]
    if name is None and known:
        return next(iter(known.values()))
    raise InvalidParameter(_refusal(report, name, known), errors=[_place(name, known)])


def _refusal(report: Report, name: str | None, known: Mapping[str, Plot]) -> str:
    has = f"It has {', '.join(known)}." if known else "It has none."
    if name is None:
        return "This report has nothing to plot."
    every = catalog()
    if name not in every:
        return f"There is no plot {name!r}.{nearest(name, list(known))} {has}"
    return f"This report has no plot {name!r}: {every[name].refusal(report)}. {has}"


def _place(name: str | None, known: Mapping[str, Plot]) -> dict[str, Any]:
    return {"location": "plot", "expected": list(known), "received": name}
