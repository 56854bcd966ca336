"""The examination of a loaded model, from the first pass to its result."""

from __future__ import annotations

from collections.abc import Sequence

from brightfield.cards import ModelCard
from brightfield.images.picture import Note
from brightfield.models.examination.examination import Examination
from brightfield.models.examination.values import kept_buffers
from brightfield.runtime.examining.behaviour import compare, repeat, try_explaining
from brightfield.runtime.examining.findings import Findings, some
from brightfield.runtime.examining.first_pass import first_pass, take_smaller
from brightfield.runtime.examining.output_read import OutputContract, read_output
from brightfield.runtime.model_end import find_end
from brightfield.runtime.resident import Resident


def examine(resident: Resident, contract: OutputContract, random: Sequence[str]) -> None:
    """Examine a placed model: set its `examination` and `notes`, and how it is run from now on.

    `random` names its parameters that hold what their constructor drew. Each pass is a turn of its
    own on the lane, so traffic of other models comes in between. Blocks, so it must not be called
    on the lane.

    Raises `InvalidCard`, `DamagedWeights` or `ModelFailed` for a model that can't answer rightly,
    with what to do.
    """
    findings = Findings(resident)
    with kept_buffers(resident.module) as changed:
        end = _steps(findings, contract)
    if changed:
        findings.remarks.append(_changes_itself(changed))
    if random:
        findings.warnings.append(_random_weights(random, resident.card))
    resident.examination = _result(findings, end)
    resident.notes = resident.examination.warnings


def _steps(findings: Findings, contract: OutputContract) -> str | None:
    """From the first pass to the last; what the network does with its output itself, in words."""
    resident = findings.resident
    first_pass(findings)
    read_output(findings, contract)
    take_smaller(findings)
    repeat(findings)
    end = resident.run(lambda: find_end(resident, findings.image, findings.samples.rows))
    compare(findings)
    try_explaining(findings)
    return end


def _changes_itself(buffers: Sequence[str]) -> Note:
    return Note(
        "changes_itself",
        f"The network changes its own numbers ({some(buffers)}) while it predicts, as batch "
        "normalisation in train mode does.",
    )


def _random_weights(names: Sequence[str], card: ModelCard) -> Note:
    advice = "name the weights on the card" if card.weights is None else "check the weights"
    return Note(
        "random_weights",
        f"The network's weights are random ({some(names)}), so the answer means nothing; {advice}.",
    )


def _result(findings: Findings, end: str | None) -> Examination:
    return Examination(
        shape=findings.resident.shape,
        output=findings.said,
        end=None if end is None else f"The network {end}.",
        independent=findings.ability("independent"),
        repeatable=findings.ability("repeatable"),
        finite=findings.ability("finite"),
        differentiable=findings.ability("differentiable"),
        guided=findings.ability("guided"),
        traceable=findings.ability("traceable"),
        maps=findings.maps,
        warnings=(*findings.resident.notes, *findings.warnings),
        remarks=tuple(findings.remarks),
    )
