"""What an examination has found so far, and how it tries things on the lane."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch

from brightfield.images.picture import Note
from brightfield.models.examination.examination import Ability, ExplainedMaps
from brightfield.models.examination.samples import SampleImages
from brightfield.models.loading.foreign_code import cause
from brightfield.runtime.resident import Resident
from brightfield.tensors import Images

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PassFault:
    """What a pass raised, in words."""

    cause: str


@dataclass(slots=True)
class Findings:
    """A model under examination.

    `image` (1, C, H, W) is as large as its card asks for, `output` is what the network gives for
    it, read as its task does, and `said` that in words as it came. `samples` are what it is run on
    many times, smaller if it takes them.
    """

    resident: Resident
    warnings: list[Note] = field(default_factory=list)
    remarks: list[Note] = field(default_factory=list)
    abilities: dict[str, Ability] = field(default_factory=dict)
    maps: ExplainedMaps | None = None
    samples: SampleImages = field(init=False)
    image: Images = field(init=False)
    output: Any = None
    said: str = ""

    @property
    def name(self) -> str:
        return self.resident.card.id

    def run(self, rows: Images) -> Any:
        """The network's output for rows; only for work on the lane."""
        with torch.inference_mode():
            return self.resident.module(self.resident.place(rows))

    def attempt(self, work: Callable[[], T]) -> T | PassFault:
        """What some work gives in a turn of its own on the lane, or what it raises: a lab's code
        may raise anything. Raises `OutOfMemory` where the device has too little."""

        def guarded() -> T | PassFault:
            try:
                return work()
            except (torch.OutOfMemoryError, MemoryError):
                raise
            except (Exception, SystemExit, KeyboardInterrupt) as fault:
                log.info("the examination of %s met a fault", self.name, exc_info=fault)
                return PassFault(cause(fault))

        return self.resident.run(guarded)

    def ability(self, name: str) -> Ability:
        return self.abilities.get(name, Ability(None))


def some(names: Sequence[str]) -> str:
    """The first of several names, and how many more there are."""
    return f"{names[0]} and {len(names) - 1} more" if len(names) > 1 else names[0]
