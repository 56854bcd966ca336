"""Tasks that give one answer about several images together."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from brightfield.cards import ModelCard
from brightfield.results import Result
from brightfield.tasks.task import Task
from brightfield.work import Arity


@dataclass(frozen=True, slots=True)
class ImageOutput:
    """The model's `output` for one image (first dimension 1, on the CPU), and which of the images
    sent it is, from 0."""

    image: int
    output: Any


class Several(Task):
    """A task that answers once about all images, each of which the model looks at once."""

    arity: ClassVar[Arity] = "several"

    @property
    def lengthy(self) -> bool:
        return True

    @property
    def reads(self) -> str | None:
        """The layer whose output the task reads, by its name; None: the model's scores."""
        return None

    @abstractmethod
    def combined(self, outputs: Iterable[ImageOutput], card: ModelCard) -> Result:
        """The result from the outputs of all images that can be read, in the order sent.

        They come one after another, while others are on their way: what is kept of each bounds the
        memory. Runs in a thread that may block.
        """
