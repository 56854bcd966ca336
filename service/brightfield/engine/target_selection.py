"""From what a caller wants explained to a probe that scores it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from torch import Tensor

from brightfield.engine.answer import Timing
from brightfield.engine.context import AnswerContext
from brightfield.engine.image_pass import ImagePass
from brightfield.engine.probe import LaneProbe
from brightfield.engine.rescaling import rescaling
from brightfield.engine.scoring import scoring_pass, scoring_passes
from brightfield.engine.tiling.tiler import WHOLE
from brightfield.errors import BrightfieldError, InvalidParameter, TooManyPixels, Unexplainable
from brightfield.explain.method import Method
from brightfield.images.picture import Picture, Region
from brightfield.models.inspection.layers import Tap, resolve
from brightfield.preprocess import field_of, resampled
from brightfield.runtime.operations import Activations
from brightfield.runtime.resident import Resident
from brightfield.targets import Kind, Target
from brightfield.tasks.targets.model_output import ModelOutput
from brightfield.tasks.targets.reference_targets import reference_target
from brightfield_painting import display


class SelectedTarget(NamedTuple):
    """The pass of an image that was looked at once, and the way to explain it."""

    image_pass: ImagePass
    probe: LaneProbe


class TargetSelection:
    """Looks at the image, finds in the model's output what is meant, and makes the probe."""

    def __init__(self, method: Method, context: AnswerContext) -> None:
        self._method = method
        self._context = context

    async def select(self) -> SelectedTarget:
        """Raises a `BrightfieldError` for what is not there or does not go together, before any
        work where it can be known."""
        reference = self._context.job.attachments.get("reference")
        if reference is not None:
            _check_reference(self._method)
            return await self._similarity(reference)
        if "reference_layer" in self._method.model_fields_set:
            raise InvalidParameter(
                "reference_layer goes with a second image, `reference`; send one, or leave it out.",
                errors=[{"location": "reference_layer"}],
            )
        return await self._score()

    async def _score(self) -> SelectedTarget:
        """The targets are scores of the model's task."""
        context, method = self._context, self._method
        kind = method.kind or context.model_task.hidden_kind
        check_unnormalised(kind, context.resident)
        image_pass = context.image_pass(scoring_pass(context.resident, kind), _refusing(context))
        output = await context.output(image_pass)
        targets = await self._targets(image_pass, output) if method.targeted else []
        return self._selected(image_pass, targets, kind)

    async def _targets(self, image_pass: ImagePass, output: object) -> list[Target]:
        task, method = self._context.model_task, self._method
        card = self._context.resident.card
        model_output = ModelOutput(output, card, image_pass.picture, image_pass.prepared.geometry)
        if task.finding_blocks:
            return await asyncio.to_thread(task.targets, method, model_output, method.kind)
        return task.targets(method, model_output, method.kind)

    async def _similarity(self, reference: bytes) -> SelectedTarget:
        """The target is how similar the image is to the reference, by the features of a layer."""
        context, resident = self._context, self._context.resident
        layer = self._method.reference_layer
        tap = resolve(resident.module, layer, resident.card.explain)
        view = context.job.view.model_copy(update={"region": None})
        beside = replace(
            context, job=replace(context.job, data=reference, view=view), timing=Timing()
        )
        try:
            other_pass, wanted = await _features(beside, tap)
        except BrightfieldError as fault:
            raise fault.about("reference") from fault
        image_pass, features = await _features(context, tap)
        target = reference_target(features, wanted, layer, other_pass.picture.sha256)
        return self._selected(image_pass, [target], "logit", tap)

    def _selected(
        self, image_pass: ImagePass, targets: list[Target], kind: Kind, of: Tap | None = None
    ) -> SelectedTarget:
        probe = LaneProbe(
            self._context.resident,
            targets,
            image_pass.prepared.geometry,
            self._context.job.ticket,
            scoring_passes(self._context.resident, kind, self._context.job.view.wanted),
            lambda: display(image_pass.picture.full),
            of,
            self._context.job.objects,
        )
        return SelectedTarget(image_pass, probe)


async def _features(context: AnswerContext, tap: Tap) -> tuple[ImagePass, Tensor]:
    """The pass of the context's image to a layer, and what the layer puts out."""
    reading = Activations(tap, context.resident.layouts, strict=True)
    image_pass = context.image_pass(reading, _refusing(context))
    return image_pass, await context.output(image_pass)


def _refusing(context: AnswerContext) -> Callable[[Picture], bool]:
    """Raises, once the picture's size is known, for a field too large to be explained."""

    def check(picture: Picture) -> bool:
        if context.model_task.refuses_large_fields and not context.resident.card.input.own_size:
            spec, view = context.resident.card.input, context.job.view
            field = field_of(picture, view.part)
            seen = resampled(field, spec, rescaling(picture.pixel_size, spec, view).factor)
            _check_size(seen.whole, context.resident)
        return False

    return check


def _check_reference(method: Method) -> None:
    other = "target" if method.target != ("top",) else method.place
    if not method.targeted:
        other = "neuron"
    if other is not None:
        raise InvalidParameter(
            f"With a reference its similarity to the image is explained, and {other} names "
            "something else; give one of the two.",
            errors=[{"location": other}],
        )
    if "output" in method.changed and method.kind != "similarity":
        raise InvalidParameter(
            "With a reference the score is a cosine, neither a logit nor a probability; leave "
            "`output` out.",
            errors=[{"location": "output"}],
        )


def _check_size(field: Region, resident: Resident) -> None:
    if field.width * field.height > WHOLE:
        raise TooManyPixels(
            f"An explanation of {resident.card.id} looks at no more than {WHOLE:,} pixels at once "
            f"(1280 x 1024), and there are {field.width} x {field.height}; name the part to "
            "explain with region=x,y,width,height."
        )


def check_unnormalised(kind: Kind, resident: Resident) -> None:
    """A normalised score saturates, and its gradient says little: never explain one in silence."""
    if kind == "logit" and resident.normalised:
        raise Unexplainable(
            f"The model {resident.card.id} puts out normalised or otherwise bounded scores, whose "
            "gradient vanishes where it is sure; only unnormalised ones are explained. Leave the "
            "softmax, sigmoid or the like out of the architecture, and let the card's activation "
            "apply it; or use /occlusion with output=probability."
        )
