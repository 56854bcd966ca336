"""Running a batch so that every item gets its own answer or its own fault."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.utils import _pytree as pytree

from brightfield.errors import BrightfieldError
from brightfield.models.loading.foreign_code import OneProcess, cause
from brightfield.outages import ModelFailed, OutOfMemory
from brightfield.runtime.explanation_faults import own_fault
from brightfield.runtime.operations import Forward, LaneCall, RowSpan
from brightfield.runtime.telemetry import Telemetry
from brightfield.runtime.torch_threads import OneThread
from brightfield.runtime.work_item import WorkItem

log = logging.getLogger(__name__)

# A batch's output of so many bytes may live as long as the last of its rows.
_SMALL = 2**18


def execute(items: Sequence[WorkItem], telemetry: Telemetry) -> None:
    """Run a batch and settle every future in it.

    Where the batch fails it is bisected, so that only the offender fails. Where the memory does
    not suffice the model's ceiling is halved and the rows are run in halves.
    """
    items = [item for item in items if not item.future.done()]  # of a thread that was given up
    if not items:
        return
    started = time.monotonic()
    try:
        with OneProcess(), _torch_threads(items):
            output = _run(items)
    except BaseException as fault:  # a lab's code may raise anything, SystemExit too
        if _answered_instead(items, fault, telemetry):
            return
        if len(items) > 1:
            middle = len(items) // 2
            execute(items[:middle], telemetry)
            execute(items[middle:], telemetry)
        else:
            items[0].refuse(_explained(fault, items[0]))
        return
    with _torch_threads(items):
        _answer(items, output, started, telemetry)


def _torch_threads(items: Sequence[WorkItem]) -> OneThread:
    """One thread for what PyTorch does around a pass in threads of another library."""
    return OneThread(getattr(items[0].operation, "own_threads", False))


def _answered_instead(
    items: Sequence[WorkItem], fault: BaseException, telemetry: Telemetry
) -> bool:
    """Run the items by the model itself, where another backend has failed; False for all other
    faults. The backend is to blame only if the model does better."""
    operation = items[0].operation
    instead = getattr(operation, "instead", None)
    if instead is None or is_out_of_memory(fault):
        return False
    for item in items:
        item.operation = instead
    execute(items, telemetry)
    if all(item.future.exception() is None for item in items):
        said = "%s failed for the model %s, which answered by itself"
        log.error(said, operation, items[0].model.card.id, exc_info=fault)
        operation.failed()  # type: ignore[attr-defined]
    return True


def _run(items: Sequence[WorkItem]) -> Any:
    """The operation's output for all rows of the items, on the CPU."""
    first = items[0]
    spans, start = [], 0
    for item in items:
        spans.append(RowSpan(start, start + item.count, item.argument))
        start += item.count
    rows = torch.cat([item.rows for item in items]) if len(items) > 1 else first.rows
    limit = first.model.row_limit
    if limit is None or isinstance(first.operation, LaneCall):
        return _within_memory(first, rows, spans)
    return _in_parts(first, rows, spans, limit)


def _in_parts(first: WorkItem, rows: torch.Tensor, spans: Sequence[RowSpan], most: int) -> Any:
    """Pass by pass, of at most so many rows: an item may have more than the model takes."""
    parts = [
        _within_memory(first, rows[low : low + most], _shifted(spans, low, low + most))
        for low in range(0, len(rows), most)
    ]
    return parts[0] if len(parts) == 1 else pytree.tree_map(_joined, *parts)


def _within_memory(first: WorkItem, rows: torch.Tensor, spans: Sequence[RowSpan]) -> Any:
    model, began = first.model, time.monotonic()
    try:
        place = getattr(first.operation, "place", model.place)
        output = first.operation(model.module, place(rows), spans)
        output = _mapped(torch.Tensor.cpu, output)
    except BaseException as fault:
        if not is_out_of_memory(fault):
            raise
        model.sizes.halve(first.operation, tuple(rows.shape[1:]), len(rows))
    else:
        seconds = time.monotonic() - began
        if not isinstance(first.operation, LaneCall):
            model.sizes.observe(first.operation, tuple(rows.shape[1:]), len(rows), seconds)
        return output
    # Out of the except block, so that the traceback no longer holds the failed pass' tensors.
    return _in_halves(first, rows, spans)


def _in_halves(first: WorkItem, rows: torch.Tensor, spans: Sequence[RowSpan]) -> Any:
    first.model.release_cache()
    if len(rows) == 1:
        raise OutOfMemory(
            "The device has not enough memory for this image; send a smaller one, use `region`, "
            "or unload other models."
        )
    middle = len(rows) // 2
    parts = [
        _within_memory(first, rows[low:high], _shifted(spans, low, high))
        for low, high in ((0, middle), (middle, len(rows)))
    ]
    return pytree.tree_map(_joined, *parts)


def _joined(*parts: Any) -> Any:
    """Rows one after another; what is no tensor (a part that an output lacks) is alike in all."""
    return torch.cat(parts) if isinstance(parts[0], torch.Tensor) else parts[0]


def _shifted(spans: Sequence[RowSpan], low: int, high: int) -> list[RowSpan]:
    """The spans within rows [low, high), counted from `low`."""
    return [
        RowSpan(max(span.start, low) - low, min(span.stop, high) - low, span.argument)
        for span in spans
        if span.start < high and span.stop > low
    ]


def _answer(items: Sequence[WorkItem], output: Any, started: float, telemetry: Telemetry) -> None:
    finished = time.monotonic()
    total = sum(item.count for item in items)
    model = items[0].model.card.id
    telemetry.observe_batch(model, total)
    start = 0
    for item in items:
        item.started, item.finished, item.batch_rows = started, finished, total
        if item.ticket.cancelled:
            telemetry.abandoned_rows.inc(item.count)
        part = _part(output, start, start + item.count, shared=len(items) > 1)
        start += item.count
        if isinstance(item.operation, Forward) and not item.only_timed and _has_nan(part):
            item.refuse(ModelFailed(f"The model {model} has NaN among its outputs for this image."))
        else:
            item.settle(part)


def _has_nan(output: Any) -> bool:
    """Whether a model's answer isn't one. The maximum is NaN if any value is, and needs no copy."""
    leaves = (output,) if isinstance(output, torch.Tensor) else pytree.tree_leaves(output)
    return any(
        math.isnan(leaf.amax())
        for leaf in leaves
        if isinstance(leaf, torch.Tensor) and leaf.is_floating_point() and leaf.numel()
    )


def _part(output: Any, start: int, stop: int, *, shared: bool) -> Any:
    """One item's rows; out of a large shared batch cloned, which could not be freed otherwise."""
    if not shared:
        return output
    return _mapped(lambda tensor: _own(tensor[start:stop]), output)


def _mapped(function: Callable[[torch.Tensor], torch.Tensor], output: Any) -> Any:
    """The function of every tensor in a tree; most outputs are one tensor, which is quicker."""
    if isinstance(output, torch.Tensor):
        return function(output)
    return pytree.tree_map_only(torch.Tensor, function, output)


def _own(rows: torch.Tensor) -> torch.Tensor:
    return rows.clone() if rows.untyped_storage().nbytes() > _SMALL else rows


def _explained(fault: BaseException, item: WorkItem) -> BrightfieldError:
    if isinstance(fault, BrightfieldError):
        return fault
    model = item.model.card.id
    said = "model %s failed on rows of shape %s"
    item.context.copy().run(log.error, said, model, tuple(item.rows.shape), exc_info=fault)
    alone = own_fault(fault, item)
    if alone is not None:
        return alone
    shape = tuple(item.rows.shape[1:])
    on = "" if isinstance(item.operation, LaneCall) else f", on an input of shape {shape}"
    return ModelFailed(
        f"The model {model} raised {cause(fault)}{on}; the service's log says where."
    )


def is_out_of_memory(fault: BaseException) -> bool:
    """Whether an error means that the memory did not suffice (CUDA's, Python's or the CPU's)."""
    if isinstance(fault, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(fault, RuntimeError) and "can't allocate memory" in str(fault)
