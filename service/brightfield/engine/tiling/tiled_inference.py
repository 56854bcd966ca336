"""A dense task on fields of any size: tile by tile through the batcher, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from brightfield.engine.answer import Answer, Ran, Timing
from brightfield.engine.image_bytes_held import HeldDecoding
from brightfield.engine.image_pass import ImageJob, ImagePass
from brightfield.engine.rescaling import Rescaling, reading_needs, rescaling
from brightfield.engine.tiling.tiler import Tiler
from brightfield.errors import TooManyPixels, UnfitImage
from brightfield.geometry import Geometry
from brightfield.images.decode import stack
from brightfield.images.picture import Note, Picture
from brightfield.images.plane_address import PlaneAddress
from brightfield.images.resampled_field import ResampledField
from brightfield.images.selection import Selection
from brightfield.images.tiles import Tile, Tiling
from brightfield.preprocess import Prepared, field_of, preprocess_part, resampled
from brightfield.progress import Progress, Step
from brightfield.results import Result
from brightfield.runtime.ahead import ahead
from brightfield.runtime.lane import assert_off_lane
from brightfield.runtime.resident import Resident
from brightfield.runtime.work_item import Priority, WorkItem
from brightfield.scaling import Scaling, joined, stack_scaling, whole_plane_scaling
from brightfield.tasks.kinds.dense import Canvas, Dense, Scene
from brightfield.tasks.objects.known_sizes import size_notes
from brightfield.tasks.objects.outshining import outshining_notes

# Of a stack, 2 GiB as a 16-bit label volume.
_MOST_VOXELS = 2**30


class TiledInference:
    """The way of a dense answer, from pictures over tiles and canvases to the result."""

    def __init__(
        self,
        task: Dense,
        resident: Resident,
        job: ImageJob,
        attachments: Mapping[str, Picture],
        progress: Progress,
    ) -> None:
        self._task = task
        self._forward = resident.predicting(job.view.wanted)
        self._tiler = Tiler(task, resident, self._forward)
        self._resident = resident
        self._job = job
        self._attachments = attachments
        self._progress = progress
        self._notes: dict[str, Note] = {}
        self._canvas_notes: list[list[Note]] = []  # some come with the result
        self._pictures: list[Picture] = []  # the first alone
        self._of_stack: Scaling | None = None
        self._scalings: list[Scaling] = []
        self._scale = 1.0
        self._tiles = 0
        self._batch_rows = 1

    def too_large(self, picture: Picture) -> bool:
        """Whether one look at the picture will not do.

        Raises what the task refuses, before any work; must not be called on the lane.
        """
        assert_off_lane()
        scene = self._scene(picture, None)
        self._task.check(scene)
        single = len(self._task.views(picture, self._resident.card)) == 1
        factor = self._rescaling(picture).factor
        seen = resampled(scene.region, scene.card.input, factor)
        return not (single and self._tiler.fits(seen.whole))

    def at_once(self, image_pass: ImagePass, output: Any) -> tuple[Result, tuple[Note, ...]]:
        """The result from the model's output for the whole field, and what to know about it."""
        canvas = self._task.canvas(self._scene(image_pass.picture, image_pass.prepared.scaling))
        field = canvas.scene.region
        canvas.add(output, image_pass.prepared.geometry, Tile(field, field))
        result = self._task.combined((canvas,))
        self._scale = image_pass.prepared.scale
        scaling = image_pass.prepared.scaling
        return result, (*canvas.notes, *self._objects(result, image_pass.picture, scaling))

    def answer(self, picture: Picture | None, timing: Timing) -> Answer:
        """The answer tile by tile; without a picture for every plane of the job's file.

        Blocks; a withdrawn ticket ends it.
        """
        views, count = self._views(picture)
        with timing.stage("tiles"):
            result = self._task.combined(self._canvases(views, count))
        self._keep(self._objects(result, picture or self._pictures[0], self._scalings[0]))
        for noted in self._canvas_notes:
            self._keep(noted)
        resident = self._resident
        return Answer(
            task=self._task.name,
            card=resident.card,
            sha256=resident.sha256,
            digest=resident.digest,
            picture=picture or self._stack_seen(),
            scaling=self._scalings[0] if picture is None else joined(self._scalings),
            result=result,
            notes=(*resident.notes, *self._notes.values()),
            timing=timing,
            batch_size=self._batch_rows,
            tiles=self._tiles,
            plane_scalings=() if picture or self._of_stack else tuple(self._scalings),
            scale=self._scale,
            ran=Ran.by(self._forward),
            region=self._job.view.part,
        )

    def _stack_seen(self) -> Picture:
        """The first plane, under the address of all of them."""
        first = self._pictures[0]
        address = PlaneAddress.of(self._job.selection, first.source_axes)
        return replace(first, address=address)

    def _views(self, picture: Picture | None) -> tuple[Iterable[Picture], int]:
        if picture is not None:
            views = self._task.views(picture, self._resident.card)
            self._keep(picture.notes)
            return views, len(views)
        if self._resident.card.input.pixels == "raw":
            raise UnfitImage("The model takes arrays as they are; send each plane as one.")
        job = self._job
        planes = stack(job.data, job.selection, limits=job.limits)
        if len(planes) > 1 and not self._task.plane_by_plane:
            spec, intensity = self._resident.card.input, job.view.intensity
            self._of_stack, notes = stack_scaling(
                self._planes(planes), len(planes), spec, intensity
            )
            self._keep(notes)
        return self._planes(planes), len(planes)

    def _planes(self, planes: Sequence[Selection]) -> Iterator[Picture]:
        """One plane after the other, so that a stack is never in memory as a whole."""
        needs = reading_needs(self._resident.card.input, self._job.view)
        for plane in planes:
            decoding = HeldDecoding(self._job.budget, self._job.limits)
            self._job.ticket.check()
            picture = decoding.beside(self._job.data, plane, needs)
            picture.settle()
            self._keep(picture.notes)
            self._check_voxels(picture, len(planes))
            yield picture
            del picture  # before the next one is decoded

    def _check_voxels(self, picture: Picture, planes: int) -> None:
        if planes * picture.width * picture.height > _MOST_VOXELS:
            raise TooManyPixels(
                f"The stack has {planes} planes of {picture.width} x {picture.height} pixels, and "
                f"a volume at most {_MOST_VOXELS:,} voxels; send a part of it."
            )

    def _canvases(self, views: Iterable[Picture], count: int) -> Iterator[Canvas]:
        pictures = iter(views)
        for index in range(count):
            yield self._painted(next(pictures), index, count)

    def _painted(self, picture: Picture, index: int, count: int) -> Canvas:
        if not self._pictures:
            self._pictures.append(picture)
        scaling, notes = self._scaling_of(picture)
        self._scalings.append(scaling)
        canvas = self._task.canvas(self._scene(picture, scaling))
        self._scale, sized = self._rescaling(picture)
        seen = resampled(canvas.scene.region, self._resident.card.input, self._scale)
        tiling, cut = self._tiler.tiling(seen.whole, resampled=not seen.same)
        total = tiling.count(seen.whole)
        outputs = self._outputs(canvas.scene, seen, tiling)
        for done, (output, geometry, tile) in enumerate(outputs, 1):
            canvas.add(output, geometry, tile)
            self._tiles += 1
            self._progress(Step(index * total + done, count * total))
        self._keep((*sized, *notes, *cut))
        self._canvas_notes.append(canvas.notes)
        return canvas

    def _scaling_of(self, picture: Picture) -> tuple[Scaling, tuple[Note, ...]]:
        if self._of_stack is not None:
            return self._of_stack, ()
        return whole_plane_scaling(picture, self._resident.card.input, self._job.view.intensity)

    def _objects(
        self, result: Result, picture: Picture, scaling: Scaling | None
    ) -> tuple[Note, ...]:
        spec = self._resident.card.input
        sizes = size_notes(result.diameters, spec, self._scale, picture.pixel_size)
        return (*sizes, *outshining_notes(result.means, scaling))

    def _rescaling(self, picture: Picture) -> Rescaling:
        return rescaling(picture.pixel_size, self._resident.card.input, self._job.view)

    def _scene(self, picture: Picture, scaling: Scaling | None) -> Scene:
        field = field_of(picture, self._job.view.part)
        return Scene(self._resident.card, picture, field, scaling, self._attachments)

    def _keep(self, notes: Iterable[Note]) -> None:
        for note in notes:
            self._notes.setdefault(note.code, note)

    def _outputs(
        self, scene: Scene, seen: ResampledField, tiling: Tiling
    ) -> Iterator[tuple[Any, Geometry, Tile]]:
        """The model's output for each tile, in the order of the tiles."""
        tiles = ((tile, self._prepared(scene, seen, tile)) for tile in tiling.tiles(seen.whole))
        for (tile, prepared), item in ahead(tiles, self._submit, self._job.ticket):
            self._batch_rows = max(self._batch_rows, item.batch_rows)
            yield item.result(), prepared.geometry, seen.tile(tile)

    def _prepared(self, scene: Scene, seen: ResampledField, tile: Tile) -> Prepared:
        assert scene.scaling is not None  # raw arrays aren't cut
        spec = scene.card.input
        prepared = preprocess_part(scene.picture, spec, seen, tile.region, scene.scaling)
        self._keep(prepared.notes)
        return prepared

    def _submit(self, tile: tuple[Tile, Prepared]) -> WorkItem:
        # One by one: a batch of tiles would hold the lane for longer, and is no quicker.
        return self._resident.submit(
            self._forward, tile[1].tensor, self._job.ticket, band=Priority.BULK, max_batch=1
        )
