"""From what a caller wants explained to a probe that scores it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

from brightfield.engine.answer import Timing
from brightfield.engine.image_pass import ImageJob, ImagePass
from brightfield.engine.probe import LaneProbe
from brightfield.engine.scoring import scoring_pass
from brightfield.engine.tiling.tiler import WHOLE, resizes
from brightfield.engine.view import View
from brightfield.errors import (
    BrightfieldError,
    InvalidParameter,
    TooManyPixels,
    Unexplainable,
)
from brightfield.explain.method import Method
from brightfield.images.picture import Picture, Region
from brightfield.models.inspection.layers import Tap, resolve
from brightfield.preprocess import field_of
from brightfield.runtime.operations import Activations
from brightfield.runtime.resident import Resident
from brightfield.runtime.worker_pool import WorkerPool
from brightfield.targets import Kind, Target
from brightfield.tasks.kinds.dense import Dense
from brightfield.tasks.targets.model_output import ModelOutput
from brightfield.tasks.targets.reference_targets import reference_target
from brightfield.tasks.task import Task
from brightfield_painting import display


class SelectedTarget(NamedTuple):
    """An image that was looked at once, and the way to explain it."""

    visit: ImagePass
    probe: LaneProbe


@dataclass(frozen=True, slots=True)
class TargetSelection:
    """Looks at the image, finds in the model's output what is meant, and makes the probe."""

    method: Method
    task: type[Task]
    resident: Resident
    crew: WorkerPool
    timing: Timing

    async def __call__(self, job: ImageJob, reference: bytes | None = None) -> SelectedTarget:
        """Raises a `BrightfieldError` for what is not there or does not go together, before any
        work where it can be known."""
        if reference is not None:
            self._check_reference()
            return await self._at_reference(job, reference)
        if "reference_layer" in self.method.model_fields_set:
            raise InvalidParameter(
                "reference_layer goes with a second image, `reference`; send one, or leave it out.",
                errors=[{"location": "reference_layer"}],
            )
        kind = self.method.kind or self.task.hidden_kind
        _check_unnormalised(kind, self.resident)
        visit = ImagePass(
            job, self.resident, scoring_pass(self.resident, kind), self.timing, self._refusing(job)
        )
        output = await visit.output(self.crew)
        targets = await self._targets(visit, output) if self.method.targeted else []
        return self._aimed(visit, targets, job, kind)

    async def _targets(self, visit: ImagePass, output: object) -> list[Target]:
        card = self.resident.card
        seen = ModelOutput(output, card, visit.picture, visit.prepared.geometry)
        method = self.method
        if issubclass(self.task, Dense):  # which segments or suppresses doubles first
            return await asyncio.to_thread(self.task.targets, method, seen, method.kind)
        return self.task.targets(method, seen, method.kind)

    async def _at_reference(self, job: ImageJob, reference: bytes) -> SelectedTarget:
        """The target is how alike the image is to the reference, by what a layer gives for both."""
        layer = self.method.reference_layer
        tap = resolve(self.resident.module, layer, self.resident.card.explain)
        view = View(model=job.view.model, intensity=job.view.intensity)
        other = self._looking(replace(job, data=reference, view=view), tap, Timing())
        try:
            wanted = await other.output(self.crew)
        except BrightfieldError as fault:
            fault.detail = f"`reference`: {fault.detail}"
            fault.args = (fault.detail,)
            raise
        visit = self._looking(job, tap, self.timing)
        features = await visit.output(self.crew)
        target = reference_target(features, wanted, layer, other.picture.sha256)
        return self._aimed(visit, [target], job, "logit", tap)

    def _looking(self, job: ImageJob, tap: Tap, timing: Timing) -> ImagePass:
        return ImagePass(job, self.resident, Activations(tap), timing, self._refusing(job))

    def _aimed(
        self,
        visit: ImagePass,
        targets: list[Target],
        job: ImageJob,
        kind: Kind,
        of: Tap | None = None,
    ) -> SelectedTarget:
        probe = LaneProbe(
            self.resident,
            targets,
            visit.prepared.geometry,
            job.ticket,
            kind,
            lambda: display(visit.picture.pixels),
            of,
        )
        return SelectedTarget(visit, probe)

    def _check_reference(self) -> None:
        method = self.method
        other = "target" if method.target != ("top",) else method.place
        if not method.targeted:
            other = "neuron"
        if other is not None:
            raise InvalidParameter(
                f"With a reference its likeness to the image is explained, and {other} names "
                "something else; give one of the two.",
                errors=[{"location": other}],
            )
        if "output" in method.model_fields_set and method.kind != "similarity":
            raise InvalidParameter(
                "With a reference the score is a cosine, neither a logit nor a probability; leave "
                "`output` out.",
                errors=[{"location": "output"}],
            )

    def _refusing(self, job: ImageJob) -> Callable[[Picture], bool]:
        """Refuses, once the picture's size is known, a field that is too large to be explained."""

        def check(picture: Picture) -> bool:
            view, spec = job.view, self.resident.card.input
            if issubclass(self.task, Dense) and not resizes(spec):
                field = field_of(picture, Region(*view.region) if view.region else None)
                _check_size(field, self.resident)
            return False

        return check


def _check_size(field: Region, resident: Resident) -> None:
    if field.width * field.height > WHOLE:
        raise TooManyPixels(
            f"An explanation of {resident.card.id} looks at no more than {WHOLE:,} pixels at once "
            f"(1280 x 1024), and there are {field.width} x {field.height}; name the part to "
            "explain with region=x,y,width,height."
        )


def _check_unnormalised(kind: Kind, resident: Resident) -> None:
    """A normalised score saturates, and its gradient says little: never explain one in silence."""
    if kind == "logit" and resident.normalised:
        raise Unexplainable(
            f"The model {resident.card.id} ends in a softmax or sigmoid, and only unnormalised "
            "scores are explained; leave it out of the architecture, and let the card's activation "
            "apply it."
        )
