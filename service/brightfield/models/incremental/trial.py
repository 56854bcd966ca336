"""A plan tried on noise: whether it does what the module does, on complete maps and on crops."""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from brightfield.models.incremental.base import as_input, evaluate
from brightfield.models.incremental.graph import Graph
from brightfield.models.incremental.head import run_call
from brightfield.models.incremental.recording import RecordedCall
from brightfield.models.incremental.schedule import MOST_BYTES, Schedule, Spans, make_schedule
from brightfield.tensors import Images

# How far an output may differ from the module's, by the greatest output, on complete maps.
_TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-4}
_COARSE_TOLERANCE = 2e-2
# The same on crops, by how much the windows change the output; and by the greatest output, for
# rounding's sake.
_OF_SPREAD = 1e-3
_ROUNDING = {torch.float64: 1e-12, torch.float32: 2e-6}
_COARSE_ROUNDING = 2e-2

_MISFIT = "recorded for one image, does not fit another one"


def misfit(graph: Graph, module: nn.Module, sample: Images) -> str | None:
    """Why the graph is not the module, as a sentence; None where the trial finds no difference.

    Two rows of noise together must give what the module gives each of them alone, and some windows
    of one row, hidden by the other one, what the module gives for these images.
    """
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(2, *sample.shape[1:], generator=generator, dtype=torch.float64)
    rows = as_input(noise.to(sample))
    with torch.inference_mode():
        alone = pytree.tree_map(_joined, *(module(row.clone()) for row in _single(rows)))
        try:
            if not _alike(evaluate(graph, rows).output, alone):
                return _unfollowed(graph, rows)
        except torch.OutOfMemoryError:
            raise
        except Exception:  # an operation that takes only the recorded number of rows
            return _unfollowed(graph, rows)
        return _fault_on_crops(graph, module, rows)


def _fault_on_crops(graph: Graph, module: nn.Module, rows: Images) -> str | None:
    image, fill = rows[:1], rows[1:]
    sides = [_spans(length) for length in image.shape[2:]]
    places = [(i, -1 - i if i % 2 else i) for i in range(min(map(len, sides)))]
    try:
        schedule = make_schedule(graph, sides[0], sides[1], image.element_size(), MOST_BYTES)
        found = _occluded(schedule, image, fill)
    except torch.OutOfMemoryError:
        raise
    except Exception as failure:
        return f"The plan of the model fails on crops ({type(failure).__name__}: {failure})."
    wanted = [module(_hidden(image, fill, sides[0][i], sides[1][j])) for i, j in places]
    width = len(sides[1])
    chosen = [found[i * width + j % width] for i, j in places]
    if _close(pytree.tree_map(_joined, *chosen), pytree.tree_map(_joined, *wanted)):
        return None
    return "What the model's plan gives on crops is not what the model gives."


def _spans(length: int) -> Spans:
    """Windows at both ends and in between, as long as those of a map by default."""
    side = max(1, length // 7)
    starts = {0, (length - side) // 3, (2 * (length - side)) // 3 + 1, length - side}
    return [(start, start + side) for start in sorted(starts) if start + side <= length]


def _occluded(schedule: Schedule, image: Images, fill: Images) -> list[Any]:
    """The output of every window, each a tree of single rows."""
    base = schedule.base(image)
    outputs: list[Any] = [None] * (len(schedule.rows) * len(schedule.cols))
    for chunk in schedule.chunks:
        output = chunk.run(base, fill)
        places = [int(i) * len(schedule.cols) + int(j) for i in chunk.rows for j in chunk.columns]
        for row, place in enumerate(places):
            outputs[place] = pytree.tree_map_only(Tensor, itemgetter(slice(row, row + 1)), output)
    return outputs


def _single(rows: Images) -> list[Images]:
    return [rows[i : i + 1] for i in range(len(rows))]


def _hidden(image: Images, fill: Images, down: tuple[int, int], across: tuple[int, int]) -> Images:
    hidden = image.clone()
    place = (..., slice(*down), slice(*across))
    hidden[place] = fill[place]
    return hidden


def _joined(*parts: Any) -> Any:
    return torch.cat(parts) if isinstance(parts[0], Tensor) else parts[0]


def _pairs(found: Any, wanted: Any) -> Iterator[tuple[Any, Any]] | None:
    """The leaves of both; None for trees of different forms."""
    ours, form = pytree.tree_flatten(found)
    theirs, other = pytree.tree_flatten(wanted)
    return zip(ours, theirs, strict=True) if form == other else None


def _alike(found: Any, wanted: Any) -> bool:
    pairs = _pairs(found, wanted)
    return pairs is not None and all(_like(one, other) for one, other in pairs)


def _like(found: Any, wanted: Any) -> bool:
    if not _comparable(found, wanted):
        return _equal(found, wanted)
    tolerance = _TOLERANCE.get(wanted.dtype, _COARSE_TOLERANCE)
    return _largest(found - wanted) <= tolerance * _largest(wanted)


def _close(found: Any, wanted: Any) -> bool:
    pairs = _pairs(found, wanted)
    return pairs is not None and all(_near(one, other) for one, other in pairs)


def _near(found: Any, wanted: Any) -> bool:
    if not _comparable(found, wanted):
        return _equal(found, wanted)
    spread = _largest(wanted.amax(0) - wanted.amin(0))
    rounding = _ROUNDING.get(wanted.dtype, _COARSE_ROUNDING)
    return _largest(found - wanted) <= _OF_SPREAD * spread + rounding * _largest(wanted)


def _comparable(found: Any, wanted: Any) -> bool:
    """Whether both are numbers of one shape whose difference says something."""
    tensors = isinstance(found, Tensor) and isinstance(wanted, Tensor)
    return tensors and found.shape == wanted.shape and wanted.is_floating_point() and wanted.numel()


def _equal(found: Any, wanted: Any) -> bool:
    if isinstance(found, Tensor) and isinstance(wanted, Tensor):
        return found.dtype == wanted.dtype and torch.equal(found, wanted)
    return bool(found == wanted)


def _largest(values: Tensor) -> float:
    return float(values.abs().max())


def _unfollowed(graph: Graph, rows: Images) -> str:
    """The first operation that gives two rows together something else than each of them alone."""
    name = _first_misfit(graph, rows)
    if name is None:
        return f"What the model computes, {_MISFIT}."
    return f"The model's operation {name}, {_MISFIT}."


def _first_misfit(graph: Graph, rows: Images) -> str | None:
    parts = [rows, *_single(rows)]
    known = [evaluate(graph, part, kept=graph.head.frontier).values for part in parts]
    together, *alone = known
    for call in graph.head.calls:
        try:
            for values, part in zip(known, parts, strict=True):
                run_call(call, values, len(part))
        except Exception:
            return _written(call)
        for number, _ in call.results:
            if not _alike(together[number], _joined(*(values[number] for values in alone))):
                return _written(call)
    return None


def _written(call: RecordedCall) -> str:
    return call.name.partition(".")[2].strip("_")
