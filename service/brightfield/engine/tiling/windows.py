"""A task slid over a large field: every window through the batcher, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from brightfield.engine.image_pass import ImageJob
from brightfield.engine.rescaling import rescaling
from brightfield.engine.view import View
from brightfield.images.picture import Picture, Region
from brightfield.images.windows import WindowGrid, window_grid
from brightfield.preprocess import preprocess_windows
from brightfield.progress import Step
from brightfield.results import Result
from brightfield.runtime.ahead import results_ahead
from brightfield.runtime.operations import Operation
from brightfield.runtime.resident import Resident
from brightfield.runtime.ticket import Ticket
from brightfield.runtime.work_item import Priority, WorkItem
from brightfield.tasks.kinds.sliding import PlacedGrid, SlidingWindow
from brightfield.tensors import chunked


def slid(
    task: SlidingWindow,
    window: tuple[int, int],
    whole: Result,
    picture: Picture,
    resident: Resident,
    job: ImageJob,
) -> tuple[Result, int]:
    """What the task makes of sliding windows over the field, and how many they are.

    `window` is (height, width) in image pixels; each is preprocessed as an image of its own, but
    with the intensity limits of the whole plane. The last window of a row is moved back so that it
    is whole. Blocks; a withdrawn ticket ends it between two batches.
    """
    region = job.view.part or Region(0, 0, picture.width, picture.height)
    half = (max(1, window[0] // 2), max(1, window[1] // 2))
    grid = window_grid((region.height, region.width), window, task.stride or half, "shift")
    scores: list[NDArray[np.float32]] = []
    total = len(grid.rows) * len(grid.cols)
    done = 0
    inputs = _windows(picture, resident, job.view, grid, region)
    forward = resident.predicting(job.view.wanted)
    for output in _outputs(resident, forward, inputs, job.ticket):
        rows = task.window_scores(output, resident.card)
        scores.append(rows)
        done += len(rows)
        job.progress(Step(done, total))
    placed = PlacedGrid(grid, (region.x, region.y), (picture.height, picture.width))
    return task.map_of(whole, np.concatenate(scores), placed, resident.card), total


def _windows(
    picture: Picture, resident: Resident, view: View, grid: WindowGrid, region: Region
) -> Iterator[torch.Tensor]:
    """The model's input (C, H, W) for each window, in row-major order."""
    regions = (
        Region(region.x + x0, region.y + y0, x1 - x0, y1 - y0)
        for y0, y1 in grid.rows
        for x0, x1 in grid.cols
    )
    spec = resident.card.input
    scale = rescaling(picture.pixel_size, spec, view).factor
    windows = preprocess_windows(picture, spec, regions, intensity=view.intensity, scale=scale)
    for prepared in windows:
        yield prepared.tensor[0]


def _outputs(
    resident: Resident, forward: Operation, inputs: Iterable[torch.Tensor], ticket: Ticket
) -> Iterator[torch.Tensor]:
    size = resident.most_rows(forward, resident.shape)

    def submit(batch: torch.Tensor) -> WorkItem:
        return resident.submit(forward, batch, ticket, band=Priority.BULK)

    yield from results_ahead(chunked(inputs, size), submit, ticket)
