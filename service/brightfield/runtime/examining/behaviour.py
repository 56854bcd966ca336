"""How a network behaves: with the same image, with others, in batches, and under explanation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from brightfield.errors import InvalidCard, UnknownLayer
from brightfield.images.picture import Note
from brightfield.models.examination.abilities import differentiates, explained_maps, follows
from brightfield.models.examination.differences import dtype_of, numbers, same_numbers, spread
from brightfield.models.examination.examination import Ability
from brightfield.models.examination.outputs import described
from brightfield.models.examination.rows import culprits, mixes_rows
from brightfield.models.inspection.layers import Tap, reading, resolve
from brightfield.models.inspection.normalising import run
from brightfield.runtime.examining.findings import Findings, PassFault

# The outputs of different images that differ by less are constant, but for rounding.
_CONSTANT = 1e-6


def repeat(findings: Findings) -> None:
    """Run the same image twice, reading the layers that the card names on the way.

    Raises `InvalidCard` for a layer that isn't there, or isn't passed.
    """
    taps, module = _named_layers(findings), findings.resident.module

    def twice() -> tuple[Any, Any, list[str]]:
        first = findings.run(findings.samples.rows[:1])
        with reading(module, list(taps.values())) as read:
            second = findings.run(findings.samples.rows[:1])
        return first, second, [key for key, tap in taps.items() if tap not in read]

    outcome = findings.attempt(twice)
    if isinstance(outcome, PassFault):
        findings.abilities["repeatable"] = Ability(None, outcome.cause)
        return
    one, other, missing = outcome
    if missing:
        raise InvalidCard(
            f"explain.{missing[0]} of {findings.name} names {taps[missing[0]].label!r}, which does "
            "not take part in a prediction, or gives no tensor."
        )
    _compare_twice(findings, one, other)


def _named_layers(findings: Findings) -> Mapping[str, Tap]:
    """The places that the card's `explain` section names, by its keys."""
    found = {}
    for key in ("layer", "penultimate"):
        name = getattr(findings.resident.card.explain, key)
        try:
            if name is not None:
                found[key] = resolve(findings.resident.module, name)
        except UnknownLayer as fault:
            raise InvalidCard(f"explain.{key} of {findings.name}: {fault.detail}") from fault
    return found


def _compare_twice(findings: Findings, one: Any, other: Any) -> None:
    first, second = numbers(one), numbers(other)
    if first is None or second is None:
        return
    alike = len(first) == len(second) and same_numbers(first[0], second[0], first, dtype_of(one))
    findings.abilities["repeatable"] = Ability(alike)
    if not alike:
        _tell_chance(findings)


def _tell_chance(findings: Findings) -> None:
    said = (
        "The network gives the same image different answers: it draws random numbers, as dropout "
        "in train mode does, or keeps a state. This answer is one of many."
    )
    findings.abilities["repeatable"] = Ability(False, said)
    findings.warnings.append(Note("random_answer", said))


def compare(findings: Findings) -> None:
    """Run different images, one by one and together."""
    outputs = _one_by_one(findings)
    if outputs is None:
        return
    whole = int(outputs.isfinite().all(-1).sum())
    said = f"There is NaN or infinity among the outputs for {len(outputs) - whole} of 4 images."
    finite = whole == len(outputs)
    findings.abilities["finite"] = Ability(finite, None if finite else said)
    if findings.samples.telling:
        _compare_images(findings, outputs)
        _compare_rows(findings, outputs)


def _one_by_one(findings: Findings) -> Tensor | None:
    """(4, n) the outputs of the samples, each alone; None where they can't be compared."""
    parts = []
    for row in findings.samples.rows:
        output = findings.attempt(lambda row=row: findings.run(row[None]))  # type: ignore[misc]
        parts.append(None if isinstance(output, PassFault) else numbers(output))
    known = [part for part in parts if part is not None and len(part) == 1]
    alike = len(known) == len(parts) and len({part.shape for part in known}) == 1
    return torch.cat(known) if alike else None


def _compare_images(findings: Findings, outputs: Tensor) -> None:
    if findings.ability("repeatable").holds is False or not outputs.isfinite().all():
        return
    if _differ(outputs) or _differ_before_the_end(findings):
        return
    findings.warnings.append(
        Note(
            "constant_answer",
            "The network gives every image the same answer: its last weights are zero, or its "
            "output doesn't depend on the image.",
        )
    )


def _differ(outputs: Tensor) -> bool:
    return spread(outputs) > _CONSTANT * float(outputs.abs().max())


def _differ_before_the_end(findings: Findings) -> bool:
    """Whether the scores differ before a softmax or sigmoid, which may be sure of every image."""
    resident, cut = findings.resident, findings.resident.cut
    if cut is None:
        return False

    def before() -> list[Tensor | None]:
        with torch.inference_mode():
            rows = [resident.place(row[None]) for row in findings.samples.rows]
            return [numbers(run(resident.module, row, cut)) for row in rows]

    found = findings.attempt(before)
    if isinstance(found, PassFault):
        return False
    known = [part for part in found if part is not None]
    return len(known) == len(found) and _differ(torch.cat(known))


def _compare_rows(findings: Findings, outputs: Tensor) -> None:
    samples = findings.samples
    if findings.resident.static_batch == 1:
        findings.abilities["independent"] = Ability(True, "The program takes one image at a time.")
        return
    together = findings.attempt(lambda: findings.run(samples.rows))
    values = None if isinstance(together, PassFault) else numbers(together)
    if values is None or len(values) != len(samples.rows):
        _run_alone(findings, together)
        return
    repeats = findings.ability("repeatable").holds is not False
    mixed = findings.attempt(lambda: mixes_rows(findings.run, samples, outputs, together, repeats))
    if isinstance(mixed, PassFault):
        findings.abilities["independent"] = Ability(None, mixed.cause)
    elif mixed and repeats and not _again_the_same(findings, outputs):
        _tell_chance(findings)
    elif mixed:
        _keep_apart(findings)
    else:
        findings.abilities["independent"] = Ability(True)


def _again_the_same(findings: Findings, outputs: Tensor) -> bool:
    """Whether images alone give what they gave before; chance may not show in two passes."""
    again = _one_by_one(findings)
    if again is None or again.shape != outputs.shape:
        return False
    rows = zip(outputs, again, strict=True)
    return all(same_numbers(one, other, outputs, torch.float32) for one, other in rows)


def _run_alone(findings: Findings, together: Any) -> None:
    """Of a network that is right for one image, and fails for several."""
    why = together.cause if isinstance(together, PassFault) else f"it gives {described(together)}"
    said = f"The network doesn't take several images at once ({why}), so each is run alone."
    findings.resident.alone = True
    findings.abilities["independent"] = Ability(None, said)
    findings.remarks.append(Note("one_at_a_time", said))


def _keep_apart(findings: Findings) -> None:
    why = culprits(findings.resident.module)
    reason = f" ({'; '.join(why[:3])})" if why else ""
    said = (
        f"In this network the images of a batch change each other's answers{reason}, so each is "
        "run alone."
    )
    findings.resident.alone = True
    findings.abilities["independent"] = Ability(False, said)
    findings.warnings.append(Note("rows_depend", said))


def try_explaining(findings: Findings) -> None:
    """Ask for a gradient, through rectifiers, for a layer with maps, and for a trace of the
    network's operations."""
    resident, image = findings.resident, findings.samples.rows[:1]
    module, cut, explain = resident.module, resident.cut, resident.card.explain
    found = findings.attempt(lambda: differentiates(module, resident.place(image), cut))
    if isinstance(found, PassFault):
        found = Ability(False, found.cause), Ability(None)
    findings.abilities["differentiable"], findings.abilities["guided"] = found
    maps = findings.attempt(lambda: explained_maps(module, resident.place(image), cut, explain))
    findings.maps = None if isinstance(maps, PassFault) else maps
    trace = findings.attempt(lambda: follows(module, resident.place(findings.image)))
    if isinstance(trace, PassFault):
        trace = Ability(False, trace.cause)
    if findings.ability("independent").holds is False:
        trace = Ability(False, "Images of a batch change each other's answers.")
    findings.abilities["traceable"] = trace
