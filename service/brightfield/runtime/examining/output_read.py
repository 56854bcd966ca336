"""What a network puts out, and whether its task can read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from brightfield.cards import ModelCard, TakePath
from brightfield.errors import InvalidCard
from brightfield.images.picture import Note
from brightfield.models.examination.differences import numbers
from brightfield.models.examination.gaps import Gap
from brightfield.models.examination.outputs import (
    OutputForm,
    described,
    is_container,
    only_tensor,
    path_to,
    read_as,
)
from brightfield.models.examination.values import not_numbers
from brightfield.outages import DamagedWeights
from brightfield.runtime.examining.findings import Findings, some


class OutputContract(Protocol):
    """What a task wants of a network's output."""

    @property
    def output_axes(self) -> int | None:
        """Axes of the tensor that it reads, (B, ...); None: any output."""
        ...

    def examined(self, output: Any, card: ModelCard, shape: tuple[int, int, int]) -> Sequence[Note]:
        """What callers should know of an output for one image of `shape` (C, H, W).

        Raises `InvalidCard` for one that the task can't read.
        """
        ...

    def compared(self, expected: Any, found: Any, card: ModelCard) -> Sequence[Gap]:
        """How far two outputs for the same images are from each other, by what the task makes of
        them."""
        ...


@dataclass(frozen=True, slots=True)
class ReadByCode:
    """The contract of a task whose model has code of its own for its output, of whatever form."""

    task: OutputContract
    output_axes: None = None

    def examined(self, output: Any, card: ModelCard, shape: tuple[int, int, int]) -> Sequence[Note]:
        return self.task.examined(output, card, shape)

    def compared(self, expected: Any, found: Any, card: ModelCard) -> Sequence[Gap]:
        return self.task.compared(expected, found, card)


def read_output(findings: Findings, contract: OutputContract) -> None:
    """Take the part that counts, bring it into the task's form, and let the task judge it.

    From then on every pass of the network gives that form.
    Raises `InvalidCard` saying what came instead, and `DamagedWeights` for NaN.
    """
    came, card = findings.output, findings.resident.card
    form = OutputForm(_path(findings, contract), contract.output_axes)
    findings.output, findings.said = form(came, 1), described(came)
    if findings.output is not came:
        read_as(findings.resident.module, form)
        findings.resident.form = form
    if contract.output_axes is not None:
        _check_floats(findings)
    shape = findings.resident.shape
    findings.warnings.extend(contract.examined(findings.output, card, shape))
    _check_weights(findings)


def _path(findings: Findings, contract: OutputContract) -> TakePath:
    card, came = findings.resident.card, findings.output
    if card.output.take or not is_container(came):
        return card.output.take
    found = only_tensor(came)
    if found is not None:
        return found
    example = path_to(came)
    if example is None or contract.output_axes is None:
        return ()
    raise InvalidCard(
        f"The network of {card.id} puts out {described(came)}; say on the card which part counts, "
        f"such as `take = {_written(example)}` under [output]."
    )


def _check_floats(findings: Findings) -> None:
    """Scores are floats; class numbers, as an argmax gives, say too little."""
    scores = findings.output
    if isinstance(scores, Tensor) and not scores.is_floating_point():
        raise InvalidCard(
            f"The network of {findings.name} puts out {described(scores)}, which are no scores; "
            "leave an argmax or a threshold out of the network."
        )


def _check_weights(findings: Findings) -> None:
    found = not_numbers(findings.resident.module)
    nan = [name for name, what in found.items() if what == "NaN"]
    first = numbers(findings.output)
    if nan and first is not None and first.isnan().any():
        raise DamagedWeights(
            f"The weights of {findings.name} have NaN in {some(nan)}, and so have its outputs; "
            "use weights from before they became NaN."
        )
    for what in ("NaN", "infinity"):
        names = [name for name, kind in found.items() if kind == what]
        if names:
            said = f"There is {what} among the values of {some(names)}."
            findings.remarks.append(Note("not_finite_weights", said))


def _written(path: TakePath) -> str:
    """As TOML has it."""
    steps = [f'"{step}"' if isinstance(step, str) else str(step) for step in path]
    return steps[0] if len(steps) == 1 else f"[{', '.join(steps)}]"
