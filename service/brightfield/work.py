"""What can be asked about images: the contract that tasks and methods share."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from brightfield.parameters import Parameters
from brightfield.results import Result

Arity = Literal["one", "several"]
"""Whether there is an answer for each image, or one about all of them together."""


class Work(Parameters):
    """A task or a method: its fields are its parameters, its class variables say what it is.

    HTTP, the OpenAPI document, the SDK and the command line know of it what stands here; nothing
    asks for its class.
    """

    name: ClassVar[str]
    """That of its file."""
    result: ClassVar[type[Result]]
    """What it gives."""
    arity: ClassVar[Arity] = "one"
    attachments: ClassVar[tuple[str, ...]] = ()
    """Names of further images that may come with the one that is asked about."""
    small: ClassVar[bool] = False
    """Whether its JSON is written sooner than another thread would be woken for it."""

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
