"""What a task is: its parameters, its way from output to result, and what can be explained."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from typing import Any, ClassVar

from brightfield.cards import ModelCard
from brightfield.errors import Unexplainable
from brightfield.images.picture import Note
from brightfield.models.examination.gaps import Gap, relative_gap
from brightfield.targets import Aim, Kind, Target
from brightfield.tasks.targets.model_output import ModelOutput
from brightfield.work import Work


class Task(Work, ABC):
    """A task's parameters are its fields; the same in HTTP, SDK and command line.

    What models of this task can explain stands here, too, as `targets` and the class variables
    after it.
    """

    explainable: ClassVar[bool] = False
    """Whether models of this task have scores that can be explained."""
    hidden_kind: ClassVar[Kind] = "logit"
    """The scale of the scores that methods of hiding look at, where the caller names none."""
    finding_blocks: ClassVar[bool] = False
    """Whether finding targets takes so long that it needs a thread of its own."""
    refuses_large_fields: ClassVar[bool] = False
    """Whether an explanation of a field that is too large for a single look is refused."""
    output_axes: ClassVar[int | None] = None
    """Axes (B, ...) of the tensor that the task reads of its models. Default: any output."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.endpoint = cls.name

    @classmethod
    def examined(cls, output: Any, card: ModelCard, shape: tuple[int, int, int]) -> Sequence[Note]:
        """What callers should know of a model of this task that puts out this for one image of
        `shape` (C, H, W), found out when it is loaded.

        Raises `InvalidCard` for an output that the task can't read.
        """
        return ()

    @classmethod
    def compared(cls, expected: Any, found: Any, card: ModelCard) -> Sequence[Gap]:
        """How far two outputs of one model for the same images are from each other, by what the
        task makes of them. The first is the model's own, on the CPU, the other has its form.

        Default: the largest difference of any number, which must be that of rounding.
        """
        return (relative_gap(expected, found, 1e-3),)

    @classmethod
    def targets(cls, aim: Aim, model_output: ModelOutput, kind: Kind | None) -> list[Target]:
        """What the aim means in an image, one target for each of `aim.target`, for explanations.

        `kind` is the scale of their scores; None: the one that suits the model's output.
        Raises `UnknownTarget`, `InvalidParameter` for an aim of other tasks, or `Unexplainable`
        where the task has no score to explain.
        """
        raise Unexplainable(
            f"Models for {model_output.card.task!r} have no score that can be explained; send a "
            "second image as `reference` to explain how similar their features are."
        )
