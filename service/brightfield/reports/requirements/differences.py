"""Whether the differences between two runs are what is required of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from brightfield.errors import InvalidParameter
from brightfield.reports.requirements.direction import better
from brightfield.reports.requirements.judging import (
    Judged,
    known_entry,
    outcome,
    unit_within,
    unmeasured,
)
from brightfield.reports.requirements.requirement import NO_LOSS, Requirement, name_within
from brightfield.reports.text import plain
from brightfield.reports.wording import chance

ComparedRuns = Mapping[str, Any]
"""What GET /metrics/compare sends as JSON."""

MAIN = (
    *("auroc", "auroc_macro", "average_precision", "accuracy", "dice", "iou", "hd95", "nsd", "pq"),
    *("ap", "ap50", "psnr", "ssim"),
)
"""The differences that most readers look for."""


def compared_numbers(found: ComparedRuns) -> Iterator[tuple[str, str, str, Mapping[str, Any]]]:
    """Scope, class, name and entry of every difference."""
    for scope, part in (("all", "metrics"), ("pooled", "pooled")):
        for name, entry in (found.get(part) or {}).items():
            yield scope, "", name, entry
    for own in found.get("per_class") or ():
        for name, entry in own["metrics"].items():
            yield "class", str(own["label"]), name, entry


def judge_differences(found: ComparedRuns, texts: Sequence[str]) -> list[Judged]:
    """Each requirement with its difference (a less b), bound and outcome.

    `auroc>=-0.02` bounds a difference, a bare `auroc` must not be significantly worse in a than in
    b, and `no_loss` says so of the main numbers. Losses are tested at 1 less the level of the
    intervals, with Holm's correction for their number (Holm 1979). Raises `InvalidParameter` for a
    name that the comparison lacks, and for a loss of what is neither better nor worse.
    """
    known = {
        name_within(scope, label, name): entry
        for scope, label, name, entry in compared_numbers(found)
    }
    wanted = list(_expanded(map(Requirement.parse, texts), found))
    entries = [known_entry(each, known, "comparison") for each in wanted]
    losses = [place for place, each in enumerate(wanted) if each.relation is None]
    adjusted = dict(zip(losses, _holm([entries[at]["p_value"] for at in losses]), strict=True))
    error = 1 - found["conventions"]["ci"]["level"]
    return [
        _loss(each, entries[at], adjusted[at], error)
        if each.relation is None
        else _bounded(each, entries[at], found)
        for at, each in enumerate(wanted)
    ]


def _expanded(wanted: Iterable[Requirement], found: ComparedRuns) -> Iterator[Requirement]:
    for each in wanted:
        if each.name != NO_LOSS or each.relation is not None:
            yield each
            continue
        metrics = found["metrics"]
        defined = [name for name in MAIN if name in metrics and metrics[name]["undefined"] is None]
        others = [name for name in metrics if name in MAIN or better(name) is not None]
        for name in defined or others[:1]:
            yield Requirement(NO_LOSS, name)


def _bounded(wanted: Requirement, entry: Mapping[str, Any], found: ComparedRuns) -> Judged:
    unit = unit_within(wanted, found.get("unit"))
    number = {**entry, "value": entry["difference"]}
    return outcome(wanted, number, unit, _stated(wanted, entry))


def _loss(
    wanted: Requirement, entry: Mapping[str, Any], adjusted: float | None, error: float
) -> Judged:
    """Whether a difference is a significant loss: by its p-value, else by its interval."""
    sign = better(wanted.metric)
    if sign is None:
        raise InvalidParameter(
            f"Nobody can say which way {plain(wanted.name, 80)!r} is better; write a bound for its "
            f"difference, as {plain(wanted.name, 80)}>=-0.1.",
            errors=[{"location": "require", "received": wanted.text}],
        )
    difference, reason = entry["difference"], entry["undefined"]
    lost = difference is not None and sign * difference < 0
    sure = adjusted < error if adjusted is not None else _beside_zero(entry["ci"])
    if difference is not None and sure is None:
        reason = entry["ci_undefined"] or "too_few"
    judged = "undefined" if reason else "worse" if lost and sure else "met"
    p = "" if adjusted is None else f", {chance(adjusted)} (Holm)"
    detail = f"{_stated(wanted, entry)}{p}; a significant loss is not allowed."
    own = {"value": difference, "p_value": adjusted, "outcome": judged, "detail": detail}
    return {**unmeasured(wanted, reason), **own}


def _stated(wanted: Requirement, entry: Mapping[str, Any]) -> str:
    name = plain(wanted.name, 100)
    if entry["difference"] is None:
        return f"The difference of {name} is undefined"
    ends = "" if entry["ci"] is None else " ({:+.6g} to {:+.6g})".format(*entry["ci"])
    both = f"{entry['a']:.6g} against {entry['b']:.6g}"
    return f"{name} is {both}, difference {entry['difference']:+.6g}{ends}"


def _beside_zero(ci: Sequence[float] | None) -> bool | None:
    """Whether an interval has no 0 in it; None where there is none."""
    return None if ci is None else ci[0] > 0 or ci[1] < 0


def _holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Each p-value times the number of those that are as large or larger, ascending and at most
    1."""
    known = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    found: list[float | None] = [None] * len(p_values)
    least = 0.0
    for step, (p, place) in enumerate(known):
        least = max(least, min(1.0, (len(known) - step) * p))
        found[place] = least
    return found
