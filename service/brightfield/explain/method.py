"""What an explanation method is: its parameters, and a generator of partial results."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

from pydantic import field_validator

from brightfield.explain.maps.explanation import Explanation
from brightfield.explain.maps.saliency_map import SaliencyMap
from brightfield.explain.probing.checks import checked
from brightfield.explain.probing.probe import Probe
from brightfield.progress import Progress, Step, no_progress
from brightfield.targets import EVERY, Aim, Kind
from brightfield.tensors import Images
from brightfield.work import Work

__all__ = ["Method", "Step"]


class Method(Aim, Work, ABC):
    """A method's parameters are its fields; calling it explains one image.

    A method knows neither devices nor threads: it sees the model through a `Probe`.
    """

    endpoint: ClassVar[str] = "saliency"
    result: ClassVar[type[Explanation]] = SaliencyMap
    borrows: ClassVar[str | None] = "classify"

    attachments: ClassVar[tuple[str, ...]] = ("reference",)

    several: ClassVar[bool] = False
    """Whether one call explains several targets."""

    every: ClassVar[bool] = False
    """Whether `target=all` may ask for every class of a classifier at once."""

    checks: bool = False
    """Measure how far the map can be trusted: deletion and insertion area, completeness gap, and
    the rank correlation with the map of the model with a randomised last layer."""

    @field_validator("target")
    @classmethod
    def _one_target(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(value) > 1 and not cls.several:
            raise ValueError(
                f"{cls.name} explains one target at a time (/occlusion takes several); "
                "a label that contains a comma is named by its class id"
            )
        if EVERY in value and (len(value) > 1 or not cls.every):
            raise ValueError(
                f"{EVERY} stands alone, for every class, and only the method occlusion takes it"
            )
        return value

    @property
    def lengthy(self) -> bool:
        return True

    @property
    def kind(self) -> Kind | None:
        """The scale of the scores that are explained; None: that of the model's task."""
        return "logit"

    @property
    def targeted(self) -> bool:
        """Whether the scores of the task are explained; a neuron of a layer is none of them."""
        return True

    def __call__(self, probe: Probe, images: Images) -> Iterator[Step]:
        """Explain `images` (1, C, H, W); yields steps, the `Explanation` with the last one."""
        aimed = self.aimed(probe, images)
        if self.checks:
            yield from checked(self._judging, aimed, images)
        else:
            yield from self._judging(aimed, images)

    def _judging(self, probe: Probe, images: Images) -> Iterator[Step]:
        """The method's steps, with what the map says about itself."""
        for step in self.explain(probe, images):
            if isinstance(step.result, Explanation):
                yield replace(step, result=self.judged(step.result, probe, images))
            else:
                yield step

    def judged(self, result: Explanation, probe: Probe, images: Images) -> Explanation:
        """The result with notes if its map is empty, has no numbers, or is nothing but rounding."""
        return result.judged()

    def run(self, probe: Probe, images: Images, progress: Progress = no_progress) -> Explanation:
        """Explain `images` to the end, reporting each step."""
        for step in self(probe, images):
            progress(step)
        assert isinstance(step.result, Explanation)
        return step.result

    def aimed(self, probe: Probe, images: Images) -> Probe:
        """The probe of what the parameters ask to explain."""
        return probe

    @abstractmethod
    def explain(self, probe: Probe, images: Images) -> Iterator[Step]:
        """The method itself; `__call__` adds what all methods have."""
