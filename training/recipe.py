"""What a recipe is: a network, batches, a loss and an evaluation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from torch import Tensor, nn

from brightfield import zoo
from brightfield.cards import ModelCard, Quality, read_card


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how fast to train: linear warm-up, then a cosine down to nothing."""

    steps: int
    rate: float
    """Greatest learning rate (of the groups that `Recipe.groups` does not slow down)."""
    warmup: int = 200
    decay: float = 1e-2
    """Weight decay of parameters with two dimensions or more."""
    average: float = 0.998
    """Decay of the exponential moving average of the weights, which is what is kept."""
    clip: float = 5.0
    """Greatest norm of the gradient."""


class Recipe(ABC):
    """One shipped model from data to card. `id` is the card's and the recipe's name."""

    id: ClassVar[str]
    source: ClassVar[str]
    """What has to lie in the data folder, and where a user gets it."""
    schedule: ClassVar[Schedule]
    last_round: ClassVar[Schedule | None] = None
    """A second round of training, which goes on from the weights that the first one gave."""

    def __init__(self, data: Path) -> None:
        self.data = data

    @property
    def folder(self) -> Path:
        """Where the card lies and the weights go."""
        return zoo.folder() / self.id

    @property
    def card(self) -> ModelCard:
        return read_card(self.folder)

    @abstractmethod
    def network(self) -> nn.Module:
        """The card's architecture as training begins: pretrained where there is something to."""

    @abstractmethod
    def batches(self, random: np.random.Generator) -> Iterator[Any]:
        """Training batches (trees of tensors) without end; all chance comes from `random`."""

    def last_batches(self, random: np.random.Generator) -> Iterator[Any]:
        """The batches of the last round."""
        return self.batches(random)

    @abstractmethod
    def losses(self, network: nn.Module, batch: Any) -> dict[str, Tensor]:
        """Named parts of the loss, whose sum is minimised."""

    @abstractmethod
    def evaluate(self, network: nn.Module) -> Sequence[Quality]:
        """The measured quality on the held-out part, through the service's own pre- and
        postprocessing, so that a card's number is that of its answers."""

    def threshold(self, network: nn.Module) -> float | None:
        """The card's default threshold, chosen on the training part; None: what the card says."""
        return None

    def groups(self, network: nn.Module) -> Iterable[tuple[float, Sequence[nn.Parameter]]]:
        """Parameters with the factor of their learning rate; all at full rate by default.
        What is in no group stays as it begins."""
        yield 1.0, list(network.parameters())
