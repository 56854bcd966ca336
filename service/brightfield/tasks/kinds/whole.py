"""Tasks that answer from one look at the whole image."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from brightfield.cards import ModelCard
from brightfield.images.picture import Note
from brightfield.results import Result
from brightfield.tasks.task import Task


class Whole(Task):
    """A task that answers from one look at the whole image."""

    small: ClassVar[bool] = True

    @property
    def reads(self) -> str | None:
        """The layer whose output the task reads, by its name; None: the model's scores."""
        return None

    @property
    def raw(self) -> bool:
        """Whether the layer is read as it is, not as maps (1, C, h, w) if it has places."""
        return False

    def notes_on(self, result: Any) -> Sequence[Note]:
        """What is to be known of the task's own result."""
        return ()

    @abstractmethod
    def postprocess(self, output: Any, card: ModelCard) -> Result:
        """From the model's output of one image (first dimension 1, on the CPU) to the result.

        Scores come before the card's activation. Runs on the event loop, so it must be quick.
        """
