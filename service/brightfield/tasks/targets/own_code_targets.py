"""What is explained of a model whose objects its own code makes: one map that the card names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from torch import Tensor

from brightfield.errors import Unexplainable
from brightfield.targets import Aim, Kind, Target
from brightfield.tasks.targets.model_output import ModelOutput
from brightfield.tasks.targets.region_targets import Partitioned, region_targets


@dataclass(frozen=True, slots=True, eq=False)
class MapsScore:
    """A score of those maps that stand for classes, from `start` to `stop`."""

    score: Callable[[Tensor], Tensor]
    start: int
    stop: int

    def __call__(self, maps: Tensor) -> Tensor:
        return self.score(maps[:, self.start : self.stop])


def own_code_targets(
    aim: Aim, model_output: ModelOutput, kind: Kind | None, partitioned: Partitioned
) -> list[Target]:
    """As `region_targets`, of the maps from the card's `output.score_map` on.

    Raises `Unexplainable` if the card doesn't say which map is a score.
    """
    card, output = model_output.card, model_output.output
    start = card.output.score_map
    if start is None or not isinstance(output, Tensor) or output.dim() != 4:
        raise Unexplainable(
            f"The objects of {card.id} are made by code of its own, so it isn't known which map is "
            "a score; write output.score_map on the card (and let the network give one tensor), or "
            "explain a neuron with neuron= and layer=."
        )
    stop = start + len(card.label_names) + (card.output.activation == "softmax")
    if stop > output.shape[1]:
        raise Unexplainable(
            f"output.score_map of {card.id} names the maps {start} to {stop - 1}, and the network "
            f"has {output.shape[1]}."
        )
    seen = replace(model_output, output=output[:, start:stop])
    found = region_targets(aim, seen, kind, partitioned)
    return [replace(each, score=MapsScore(each.score, start, stop)) for each in found]


def refuse_own_code(model_output: ModelOutput) -> None:
    """Raises `Unexplainable` for boxes that a card's own code makes: no gradient comes through."""
    card = model_output.card
    if card.post is not None and card.task == "detect":
        raise Unexplainable(
            f"The boxes of {card.id} are made by code of its own, through which no score is "
            "followed; explain a neuron with neuron= and layer=."
        )
