"""What a task is: its parameters, its way from output to result, and what can be explained."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from brightfield.cards import ModelCard
from brightfield.errors import Unexplainable
from brightfield.results import Result
from brightfield.targets import Aim, Kind, Target
from brightfield.tasks.targets.model_output import ModelOutput


class Task(BaseModel, ABC):
    """A task's parameters are its fields; the same in HTTP, SDK and command line."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    tasks_of_model: ClassVar[tuple[str, ...] | None] = None
    """Tasks that a model's card may have for this one; None: any."""

    result: ClassVar[type[Result]]
    """What the task gives."""

    name: ClassVar[str]
    """The task's and its endpoint's name: that of its file."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.name = cls.__module__.rpartition(".")[2]

    attachments: ClassVar[tuple[str, ...]] = ()
    """Names of further images that may come with the one that is asked about."""

    explainable: ClassVar[bool] = False
    """Whether models of this task have scores that can be explained."""
    hidden_kind: ClassVar[Kind] = "logit"
    """The scale of the scores that methods of hiding look at, where the caller names none."""

    @classmethod
    def every_format(cls) -> tuple[str, ...]:
        """What a result can be written as under some choice of parameters."""
        return cls.result.formats

    @property
    def formats(self) -> tuple[str, ...]:
        """What the result can be written as under these parameters."""
        return self.result.formats

    def refusal(self, card: ModelCard) -> str | None:
        """Why a model of the right task cannot do what the parameters ask for; None: it can."""
        return None

    @classmethod
    def targets(cls, aim: Aim, seen: ModelOutput, kind: Kind | None) -> list[Target]:
        """What the aim means in an image, one target for each of `aim.target`, for explanations.

        `kind` is the scale of their scores; None: the one that suits the model's output.
        Raises `UnknownTarget`, `InvalidParameter` for an aim of other tasks, or `Unexplainable`
        where the task has no score to explain.
        """
        raise Unexplainable(
            f"Models for {seen.card.task!r} have no score that can be explained; send a second "
            "image as `reference` to explain how alike their features are."
        )


class Whole(Task):
    """A task that answers from one look at the whole image."""

    @abstractmethod
    def postprocess(self, output: Any, card: ModelCard) -> Result:
        """From the model's output of one image (first dimension 1, on the CPU) to the result."""
