"""A dense task on fields of any size: tile by tile through the batcher, in bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from brightfield.cards import InputSpec, Multiple
from brightfield.engine.answer import Answer, Timing
from brightfield.engine.scoring import scoring_pass
from brightfield.engine.view import View
from brightfield.engine.visit import Job, Visit
from brightfield.geometry import Geometry
from brightfield.images.decode import decode, stack
from brightfield.images.picture import Note, Picture, Region
from brightfield.images.selection import Selection
from brightfield.images.tiles import Tile, Tiling
from brightfield.preprocess import Scaling, preprocess, whole_plane_scaling
from brightfield.results import Result
from brightfield.runtime.item import Band, Item
from brightfield.runtime.resident import Resident
from brightfield.tasks.dense import Canvas, Dense, Scene

# A field of more pixels is cut, unless the model resizes it anyway.
_WHOLE = 1280 * 1024
_TILE = 1024
# A reach beyond this would make tiles that read far more than they answer.
_LARGEST_HALO = 320
# Tiles on their way at once: one on the lane, one that waits, one being made.
_AHEAD = 3

Report = Callable[[int, int], None]


def field_of(picture: Picture, view: View) -> Region:
    """The part of the picture that is asked about."""
    return Region(*view.region) if view.region else Region(0, 0, picture.width, picture.height)


class Painting:
    """The way of a dense answer, from pictures over tiles and canvases to the result."""

    def __init__(
        self,
        task: Dense,
        resident: Resident,
        job: Job,
        attachments: Mapping[str, Picture],
        report: Report,
    ) -> None:
        self._task = task
        self._resident = resident
        self._job = job
        self._attachments = attachments
        self._report = report
        self._notes: dict[str, Note] = {}
        self._pictures: list[Picture] = []  # the first alone
        self._scaling: Scaling | None = None
        self._tiles = 0
        self._batch_rows = 1

    def too_large(self, picture: Picture) -> bool:
        """Whether one look at the picture will not do."""
        single = len(self._task.views(picture, self._resident.card)) == 1
        return not (single and self._fits(field_of(picture, self._job.view)))

    def at_once(self, visit: Visit, output: Any) -> tuple[Result, tuple[Note, ...]]:
        """The result from the model's output for the whole field, and what to know about it."""
        canvas = self._task.canvas(self._scene(visit.picture, visit.prepared.scaling))
        field = canvas.scene.region
        canvas.add(output, visit.prepared.geometry, Tile(field, field))
        result = self._task.combined((canvas,))
        return result, tuple(canvas.notes)

    def answer(self, picture: Picture | None, timing: Timing) -> Answer:
        """The answer tile by tile; without a picture for every plane of the job's file.

        Blocks; a withdrawn ticket ends it.
        """
        views, count = self._views(picture)
        with timing.stage("tiles"):
            result = self._task.combined(self._canvases(views, count))
        resident = self._resident
        return Answer(
            task=self._task.name,
            card=resident.card,
            sha256=resident.sha256,
            picture=picture or self._pictures[0],
            scaling=self._scaling,
            result=result,
            notes=tuple(self._notes.values()),
            timing=timing,
            batch_size=self._batch_rows,
            tiles=self._tiles,
        )

    def _views(self, picture: Picture | None) -> tuple[Iterable[Picture], int]:
        if picture is not None:
            views = self._task.views(picture, self._resident.card)
            self._keep(picture.notes)
            return views, len(views)
        job = self._job
        planes = stack(job.data, job.selection, max_pixels=job.max_pixels)
        return self._planes(planes), len(planes)

    def _planes(self, planes: Sequence[Selection]) -> Iterator[Picture]:
        """One plane after the other, so that a stack is never in memory as a whole."""
        for plane in planes:
            picture = decode(self._job.data, plane, max_pixels=self._job.max_pixels)
            self._keep(picture.notes)
            yield picture

    def _canvases(self, views: Iterable[Picture], count: int) -> Iterator[Canvas]:
        for index, picture in enumerate(views):
            if not self._pictures:
                self._pictures.append(picture)
            yield self._painted(picture, index, count)

    def _painted(self, picture: Picture, index: int, count: int) -> Canvas:
        spec = self._resident.card.input
        scaling, notes = whole_plane_scaling(picture, spec, self._job.view.intensity)
        self._scaling = self._scaling or scaling
        canvas = self._task.canvas(self._scene(picture, scaling))
        field = canvas.scene.region
        tiling = self._tiling(field)
        total = tiling.count(field)
        for done, (output, geometry, tile) in enumerate(self._outputs(canvas.scene, tiling), 1):
            canvas.add(output, geometry, tile)
            self._tiles += 1
            self._report(index * total + done, count * total)
        self._keep((*notes, *canvas.notes))
        return canvas

    def _scene(self, picture: Picture, scaling: Scaling | None) -> Scene:
        field = field_of(picture, self._job.view)
        return Scene(self._resident.card, picture, field, scaling, self._attachments)

    def _fits(self, field: Region) -> bool:
        """Whether the field goes through the model in one piece."""
        tile = self._task.tile
        if tile is not None:
            return field.height <= tile[0] and field.width <= tile[1]
        return _resizes(self._resident.card.input) or field.width * field.height <= _WHOLE

    def _keep(self, notes: Iterable[Note]) -> None:
        for note in notes:
            self._notes.setdefault(note.code, note)

    def _outputs(self, scene: Scene, tiling: Tiling) -> Iterator[tuple[Any, Geometry, Tile]]:
        """The model's output for each tile, in the order of the tiles."""
        waiting: deque[_Sent] = deque()
        try:
            for tile in tiling.tiles(scene.region):
                self._job.ticket.check()
                waiting.append(self._sent(scene, tile))
                if len(waiting) >= _AHEAD:
                    yield self._received(waiting.popleft())
            while waiting:
                yield self._received(waiting.popleft())
        finally:
            for sent in waiting:
                sent.item.future.cancel()

    def _sent(self, scene: Scene, tile: Tile) -> _Sent:
        spec = scene.card.input
        prepared = preprocess(scene.picture, spec, region=tile.region, scaling=scene.scaling)
        self._keep(prepared.notes)
        forward = scoring_pass(self._resident, "probability")
        item = self._resident.submit(forward, prepared.tensor, self._job.ticket, band=Band.BULK)
        return _Sent(item, prepared.geometry, tile)

    def _received(self, sent: _Sent) -> tuple[Any, Geometry, Tile]:
        output = sent.item.future.result()
        self._batch_rows = max(self._batch_rows, sent.item.batch_rows)
        return output, sent.geometry, sent.tile

    def _tiling(self, field: Region) -> Tiling:
        task, spec = self._task, self._resident.card.input
        if self._fits(field):
            return Tiling((field.height, field.width), 0)
        size = task.tile or (_TILE, _TILE)
        wanted = None if task.overlap is None else -(-task.overlap // 2)
        needed = self._halo()
        halo = wanted if wanted is not None else needed
        if halo is not None and wanted is None and task.tile is None:
            size = (max(_TILE, 4 * halo), max(_TILE, 4 * halo))
        if halo is None or (wanted is None and min(size) < 3 * halo):
            halo = min(size) // 8
        blended = needed is None or halo < needed
        if blended:
            self._keep([_blended(halo, needed)])
        return Tiling(size, halo, _stride(spec), blended)

    def _halo(self) -> int | None:
        """Pixels around a core that its answer depends on; None: more than a tile can hold."""
        if _resizes(self._resident.card.input):
            return None
        found = self._resident.reach()
        return found if found is not None and found <= _LARGEST_HALO else None


class _Sent(NamedTuple):
    """A tile on its way."""

    item: Item
    geometry: Geometry
    tile: Tile


def _resizes(spec: InputSpec) -> bool:
    """Whether the input has a size of its own, so that a tile is an image like any other."""
    fixed = spec.size is not None and not isinstance(spec.size, Multiple)
    return fixed or spec.resize is not None or spec.crop is not None


def _stride(spec: InputSpec) -> int:
    return spec.size.multiple if isinstance(spec.size, Multiple) else 1


def _blended(halo: int, needed: int | None) -> Note:
    reach = "farther than a tile" if needed is None else f"{needed} pixels far"
    return Note(
        "tiles_blended",
        f"The model looks {reach}, and neighbouring tiles share {2 * halo} pixels; what they say "
        "there was blended, so the answer may differ from that of the whole image.",
    )
