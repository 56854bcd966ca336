"""What can be asked about images: the contract that tasks and methods share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from brightfield.cards import ModelCard
from brightfield.parameters import Parameters
from brightfield.results import Result

Arity = Literal["one", "several"]
"""Whether there is an answer for each image, or one about all of them together."""


@dataclass(frozen=True, slots=True)
class Companion:
    """An answer about the same image that is needed first: of the task `endpoint`, by the `model`
    (None: its default) that the `parameter` names."""

    endpoint: str
    parameter: str
    model: str | None
    parameters: Mapping[str, Any] = field(default_factory=dict)


class Work(Parameters):
    """A task or a method: its fields are its parameters, its class variables say what it is.

    HTTP, the OpenAPI document, the SDK and the command line know of it what stands here; the engine
    looks up how to answer by its kind (`engine.ways`). Nothing asks for its class.
    """

    name: ClassVar[str]
    """The name of its file."""
    endpoint: ClassVar[str]
    """The name that it is asked by: a task's own, or that of a group of methods."""
    result: ClassVar[type[Result]]
    """What it gives."""
    of_formats: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """The formats that use a parameter of the work's own, for parameters that others have no use
    for."""
    arity: ClassVar[Arity] = "one"
    attachments: ClassVar[tuple[str, ...]] = ()
    """Names of further images that may come with the one that is asked about."""
    small: ClassVar[bool] = False
    """Whether its JSON is written sooner than another thread would be woken for it."""

    tasks_of_model: ClassVar[tuple[str, ...] | None] = None
    """Tasks that a model's card may have for this one; None: any."""
    default_model: ClassVar[str | None] = None
    """Id of the shipped model that it takes where nobody names one."""
    borrows: ClassVar[str | None] = None
    """The task whose default model it takes, where the settings name none for it."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.name = cls.__module__.rpartition(".")[2]

    @classmethod
    def every_format(cls) -> tuple[str, ...]:
        """What a result can be written as under some choice of parameters."""
        return cls.result.formats

    @property
    def formats(self) -> tuple[str, ...]:
        """What the result can be written as under these parameters."""
        return self.result.formats

    @property
    def uses(self) -> Mapping[str, tuple[str, ...]]:
        """The formats that use a parameter of the reply, under these parameters."""
        return self.result.uses

    @property
    def lengthy(self) -> bool:
        """Whether an answer takes long, so that it shall not take the place of a short one."""
        return False

    @property
    def companion(self) -> Companion | None:
        """An answer that the work needs before it begins; None: none."""
        return None

    def refusal(self, card: ModelCard) -> str | None:
        """Why a model of the right task cannot do what the parameters ask for; None: it can."""
        return None
