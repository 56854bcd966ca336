"""The scores of an image with one window hidden at a time: plainly, or only what changes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch

from brightfield.errors import BrightfieldError, Unexplainable
from brightfield.explain.probing.hiding import hidden_image
from brightfield.explain.probing.incremental import Incremental, Windowed
from brightfield.explain.probing.probe import Probe
from brightfield.images.picture import Note
from brightfield.models.incremental import Refusal, counted
from brightfield.models.incremental.schedule import Spans
from brightfield.outages import ModelFailed, OutOfMemory
from brightfield.tensors import Images, Scores, chunked

WindowEngine = Literal["auto", "plain", "incremental"]

# With fewer windows, tracing a model that was not traced yet costs more than it saves.
WORTH_TRACING = 64
# Of the way and not of the request: what another way may do without.
_FAILURES = (ModelFailed, OutOfMemory)


@dataclass(slots=True)
class Windows:
    """The scores of the whole image, `base` (1, T), and of every window, some at a time.

    `facts` says which engine runs and why; once the parts are used up, also what it cost. `notes`
    are to be told with the result.
    """

    base: Scores
    parts: Iterator[Windowed]
    facts: dict[str, Any] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class WindowTask:
    """Every span of rows with every span of columns of `images` (1, C, H, W), hidden by `fill`."""

    probe: Probe
    images: Images
    fill: Images
    rows: Spans
    cols: Spans

    def __len__(self) -> int:
        return len(self.rows) * len(self.cols)

    def incremental(self, least: int) -> Incremental | Refusal:
        return self.probe.incremental(self.images, self.fill, self.rows, self.cols, least)

    def plainly(self, places: Sequence[int]) -> Iterator[Windowed]:
        """The windows at some places, one complete pass each."""
        hidden, first = (self._hidden(place) for place in places), 0
        for scores in self.probe.scores(chunked(hidden, self.probe.chunk())):
            yield Windowed(np.asarray(places[first : first + len(scores)], np.int64), scores)
            first += len(scores)

    def _hidden(self, place: int) -> torch.Tensor:
        row, column = divmod(place, len(self.cols))
        return hidden_image(self.images, self.fill, self.rows[row], self.cols[column])


def windows(
    probe: Probe, images: Images, fill: Images, rows: Spans, cols: Spans, engine: WindowEngine
) -> Windows:
    """Hide every span of rows with every span of columns of `images` (1, C, H, W) by `fill`.

    `plain` runs every changed image through the whole model; `incremental` computes only what a
    window can have changed (`models.incremental`): the scores are those of the plain way but for
    rounding. For every image the base and some windows are compared with plain passes. `auto` takes
    the one that is faster by a measurement on this model, machine and grid, and goes back to plain
    passes where anything is wrong with the incremental way, with a note that says what.

    Raises `Unexplainable` where `incremental` is asked for and the model cannot be computed so.
    """
    task = WindowTask(probe, images, fill, rows, cols)
    match engine:
        case "plain":
            return _plainly(task, "asked for")
        case "incremental":
            return _as_asked(task)
        case _:
            return _automatically(task)


def _as_asked(task: WindowTask) -> Windows:
    """Incrementally, or not at all."""
    try:
        found = task.incremental(0)
        wrong = found.reason if isinstance(found, Refusal) else found.agreement().wrong()
    except _FAILURES as failure:
        raise _unexplainable(_failed(failure)) from failure
    if isinstance(found, Refusal) or wrong is not None:
        raise _unexplainable(wrong or "")
    return _incrementally(found, "asked for")


def _unexplainable(reason: str) -> Unexplainable:
    return Unexplainable(f"{reason} Use engine=auto or engine=plain.")


def _automatically(task: WindowTask) -> Windows:
    """The faster way; plainly where the other one fails or is wrong."""
    try:
        found = task.incremental(WORTH_TRACING)
        if isinstance(found, Refusal):
            return _plainly(task, found.reason)
        pays, reason = _pays(found)
        if not pays:
            return _plainly(task, reason)
        agreement = found.agreement()
        wrong = agreement.wrong()
        if wrong is None:
            coarse = agreement.rounded()
            if coarse is not None:
                return _plainly(task, coarse)
            return _with_a_way_back(task, _incrementally(found, reason))
    except Exception as failure:
        if not isinstance(failure, _FAILURES) and isinstance(failure, BrightfieldError):
            raise
        wrong = _failed(failure)
    made = _plainly(task, wrong)
    made.notes.append(_fell_back(wrong))
    return made


def _with_a_way_back(task: WindowTask, made: Windows) -> Windows:
    """The same, whose last windows come by plain passes if a chunk fails."""
    incremental = made.parts

    def parts() -> Iterator[Windowed]:
        left = dict.fromkeys(range(len(task)))
        try:
            for part in incremental:
                yield part
                for place in part.places.tolist():
                    left.pop(place)
        except _FAILURES as failure:
            reason = _failed(failure)
            made.notes.append(_fell_back(reason))
            made.facts.update(engine="plain", engine_reason=reason)
            made.facts["forwards"] += len(left)
            yield from task.plainly(list(left))

    made.parts = parts()
    return made


def _failed(failure: BaseException) -> str:
    what = failure.detail if isinstance(failure, BrightfieldError) else repr(failure)
    return f"The incremental way failed: {what}"


def _fell_back(reason: str) -> Note:
    return Note("engine_fell_back", f"The map was computed by plain passes. {reason}")


def _pays(found: Incremental) -> tuple[bool, str]:
    """Whether the incremental way is the faster one, and why.

    By what is counted where the count says no already, and for a single window, whose measurement
    would be all of the work.
    """
    count = counted(found.schedule)
    single = len(found.schedule.rows) * len(found.schedule.cols) == 1
    if single or count.incremental_s > count.plain_s:
        share = count.incremental_s / count.plain_s
        return count.incremental, f"counted as {100 * share:.0f} % of the work of the plain way"
    measured = found.estimate()
    return measured.incremental, (
        f"estimated at {measured.incremental_s:.3g} s, and the plain way at {measured.plain_s:.3g}"
    )


def _plainly(task: WindowTask, reason: str) -> Windows:
    (base,) = task.probe.scores([task.images])
    facts = {"engine": "plain", "engine_reason": reason, "forwards": len(task) + 1}

    def parts() -> Iterator[Windowed]:
        began = time.monotonic()
        yield from task.plainly(range(len(task)))
        facts["engine_seconds"] = round(time.monotonic() - began, 4)

    return Windows(base, parts(), facts)


def _incrementally(found: Incremental, reason: str) -> Windows:
    schedule = found.schedule
    facts: dict[str, Any] = {
        "engine": "incremental",
        "engine_reason": reason,
        "forwards": 1 + found.checks,
        "multiply_adds": schedule.work.multiply_adds,
        "plain_multiply_adds": schedule.plain_work.multiply_adds,
    }
    began = time.monotonic()
    base = found.base()

    def parts() -> Iterator[Windowed]:
        yield from found.parts()
        facts["engine_seconds"] = round(time.monotonic() - began, 4)

    return Windows(base, parts(), facts)
