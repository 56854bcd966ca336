"""What a network puts out, held against its task and labels: the card's activation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from brightfield.errors import InvalidCard
from brightfield.models.bringing.wishes import Wishes

Settled = tuple[dict[str, Any], str, tuple[str, ...]]
"""Keys of [output], what was assumed of them, and what else is to be said."""


@dataclass(frozen=True, slots=True)
class Outputs:
    """The kind of an output (`scores`, `maps`, `candidates`, or what else it is) and how many
    scores, maps or columns it has."""

    kind: str
    count: int


def settled(outputs: Outputs, wishes: Wishes) -> Settled:
    """The card's [output] for what a network was seen to put out.

    Raises `InvalidCard` for an output that the task can't read, and for labels that are too few or
    too many, with their right number.
    """
    if "python" in wishes.output or wishes.task not in _TASKS:
        return {}, "", ()
    kind, settle = _TASKS[wishes.task]
    if outputs.kind not in kind:
        raise InvalidCard(
            f"The network puts out {outputs.kind}, and --task {wishes.task} needs {kind[0]}. "
            f"{_ELSEWHERE}"
        )
    given = wishes.output.get("activation")
    activation, said, told = settle(outputs.count, len(wishes.labels), given)
    return {"activation": activation}, "" if given else said, told


def _classify(count: int, labels: int, given: Any) -> tuple[str, str, tuple[str, ...]]:
    if labels and labels != count:
        raise InvalidCard(_miscounted(f"{count} outputs", count, labels))
    told = () if labels else (f"no labels: answers name 0 to {count - 1}; give --labels",)
    if count == 1:
        return "sigmoid", "assumed: one output is the logit of its class (sigmoid)", told
    return "softmax", "assumed: the classes exclude each other (softmax)", told


def _segment(count: int, labels: int, given: Any) -> tuple[str, str, tuple[str, ...]]:
    wanted = {"softmax": count - 1, "sigmoid": count, "none": count}
    if given and labels != wanted[str(given)]:
        raise InvalidCard(_miscounted(f"{count} maps with {given}", wanted[str(given)], labels))
    if labels == count:
        return "sigmoid", "assumed: each map is one class of its own (sigmoid)", ()
    if labels == count - 1 and labels:
        return "softmax", "assumed: the first map is the background's (softmax)", ()
    raise InvalidCard(
        f"The network has {count} maps and there are {labels} labels; give --labels with {count} "
        f"of them (a sigmoid for each) or {count - 1} (a softmax, the first map is the background)."
    )


def _detect(count: int, labels: int, given: Any) -> tuple[str, str, tuple[str, ...]]:
    if labels == count:
        return "sigmoid", "assumed: each class has a score of its own (sigmoid)", ()
    if labels == count - 1 and labels:
        return "softmax", "assumed: the first column is the background's (softmax)", ()
    raise InvalidCard(
        f"The network has {count} columns of scores and there are {labels} labels; give --labels "
        f"with {count} (a sigmoid for each) or {count - 1} (a softmax with the background first)."
    )


def _miscounted(what: str, right: int, labels: int) -> str:
    return (
        f"The network has {what} and there are {labels} labels; give --labels with {right}, in the "
        "order of the outputs."
    )


_ELSEWHERE = (
    "Say which part counts with --take, let the network's forward return that alone (with "
    "--architecture python:FILE.py:NAME), or "
    "read it with code of your own (--post FILE.py:NAME, for detect and segment)."
)
_TASKS: Mapping[str, tuple[tuple[str, ...], Callable[..., tuple[str, str, tuple[str, ...]]]]] = {
    "classify": (("scores",), _classify),
    "segment": (("maps", "candidates"), _segment),
    "detect": (("candidates",), _detect),
}
