"""The search for patches: all images once for values, then those with the best once more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace

import torch

from brightfield.engine.answer import MultiImageAnswer, Timing
from brightfield.engine.image_bytes import ImageReader
from brightfield.engine.image_pass import ImageJob
from brightfield.engine.image_series import ImageSeries
from brightfield.engine.units.inside import Layer, layer_of
from brightfield.engine.units.unit_gradients import SeenGradient, UnitGradients
from brightfield.errors import BrightfieldError
from brightfield.explain.guided_backprop import guided_notes
from brightfield.images.cutouts import cut_out, gradient_picture
from brightfield.images.objects import Box
from brightfield.images.picture import Note, Picture
from brightfield.preprocess import Prepared
from brightfield.progress import Progress, Step
from brightfield.runtime.resident import Resident
from brightfield.tasks.kinds.unit_search import UnitSearch
from brightfield.tasks.units.inside import Placed
from brightfield.tasks.units.patch import Patch
from brightfield.tasks.units.top_activations import Peak

_PLAIN = Note(
    "plain_gradient",
    "There is no ReLU between the image and the layer, so the pictures beside the patches show the "
    "plain gradient, not guided backpropagation.",
)
_NONE = Note(
    "no_gradient",
    "The layer has no gradient by the image, so there are no pictures beside the patches.",
)


class PatchSearch:
    """One search: `answer` blocks until it is done, or its ticket is withdrawn.

    Images are decoded one after another, so that as few as are on their way at once are in memory;
    of the maps only the best values are kept. `job` says how to look; its data are not used.
    """

    def __init__(
        self,
        task: UnitSearch,
        resident: Resident,
        sources: Sequence[ImageReader],
        job: ImageJob,
        progress: Progress,
    ) -> None:
        self._task = task
        self._resident = resident
        self._job = job
        self._progress = progress
        self._series = ImageSeries(sources, job, resident)
        self._layer: Layer = layer_of(resident, task.layer)
        self._top = task.top_activations()
        self._placed: dict[tuple[int, int], Placed] = {}
        self._gradients = UnitGradients(self._layer, job.ticket)

    def answer(self, timing: Timing) -> MultiImageAnswer:
        """The patches of all images that can be read; raises the first fault where none can."""
        with timing.stage("survey"):
            for index, maps, placed in self._maps():
                self._top.add(index, maps[0].numpy(), placed.field)
                self._progress(Step(index + 1, 2 * len(self._series)))
        self._series.images()  # raises where none could be read
        with timing.stage("gradients"):
            units = self._patches()
        result = self._task.found(self._layer.name, units, self._gradients.rule)
        return self._series.answer(self._task.name, result, timing, self._notes())

    def _notes(self) -> tuple[Note, ...]:
        guided = guided_notes(tuple(self._gradients.unguided))
        by_rule = {"guided": guided, "plain": (_PLAIN,), "none": (_NONE,)}
        known = [note for placed in self._placed.values() for note in placed.notes]
        notes = (*known, *by_rule[self._gradients.rule], *self._task.notes_on(self._top))
        return tuple({note.code: note for note in notes}.values())

    # Forward, over all images

    def _maps(self) -> Iterator[tuple[int, torch.Tensor, Placed]]:
        """The maps (1, U, h, w) of every image that can be read, in order."""
        with closing(self._series.outputs(self._layer.features(self._task.units))) as outputs:
            for image, prepared, maps in outputs:
                try:
                    placed = self._placed_in(prepared)
                except BrightfieldError as fault:
                    self._series.fail(image, fault)
                    continue
                yield image, maps, placed

    def _placed_in(self, prepared: Prepared) -> Placed:
        """Where the layer's places lie in an image; the fields are found once per size."""
        size = prepared.geometry.input_size
        if size not in self._placed:
            self._placed[size] = self._layer.placed(prepared.geometry)
        return replace(self._placed[size], geometry=prepared.geometry)

    # Back, from the best places

    def _patches(self) -> dict[int, list[Patch]]:
        """The patches of every unit to show, image by image, so that each is decoded once more."""
        shown = self._task.shown(self._top)
        found = {unit: self._top.peaks_of(index) for unit, index in shown.items()}
        by_image: dict[int, list[tuple[int, Peak]]] = {}
        for unit, peaks in found.items():
            for peak in peaks:
                by_image.setdefault(peak.image, []).append((unit, peak))
        made: dict[tuple[int, Peak], Patch] = {}
        for done, index in enumerate(sorted(by_image), 1):
            self._job.ticket.check()
            made |= self._patches_of(index, by_image[index])
            share = round(len(self._series) * done / len(by_image))
            self._progress(Step(len(self._series) + share, 2 * len(self._series)))
        return {unit: [made[unit, peak] for peak in peaks] for unit, peaks in found.items()}

    def _patches_of(
        self, index: int, wanted: Sequence[tuple[int, Peak]]
    ) -> Mapping[tuple[int, Peak], Patch]:
        picture, prepared = self._series.look(index)
        placed = self._placed_in(prepared)
        made = {}
        gradients = self._gradients.of(prepared.tensor, placed.field, wanted)
        for (unit, peak), gradient in zip(wanted, gradients, strict=True):
            made[unit, peak] = self._patch(peak, picture, prepared, placed, gradient)
        return made

    def _patch(
        self,
        peak: Peak,
        picture: Picture,
        prepared: Prepared,
        placed: Placed,
        gradient: SeenGradient | None,
    ) -> Patch:
        box = placed.box(peak.row, peak.column)
        scaling = prepared.scaling
        limits = None if scaling is None else (scaling.low, scaling.high)
        x, y, width, height = placed.geometry.box_to_input(
            box.xmin, box.ymin, box.width, box.height
        )
        beside = None
        if gradient is not None:
            top, left = gradient.top, gradient.left
            beside = gradient_picture(
                gradient.values.float().numpy(),
                Box(x - left, y - top, x + width - left, y + height - top),
                bgr=self._resident.card.input.order == "BGR",
            )
        return Patch(
            peak.image,
            peak.value,
            peak.row,
            peak.column,
            placed.centre(peak.row, peak.column),
            box,
            cut_out(picture.full, box, limits),
            beside,
        )


def surveyed(
    task: UnitSearch,
    resident: Resident,
    sources: Sequence[ImageReader],
    job: ImageJob,
    progress: Progress,
    timing: Timing,
) -> MultiImageAnswer:
    """The answer of one search."""
    return PatchSearch(task, resident, sources, job, progress).answer(timing)
