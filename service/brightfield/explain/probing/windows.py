"""The scores of an image with one window hidden at a time: plainly, or only what changes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch

from brightfield.errors import Unexplainable
from brightfield.explain.probing.incremental import Incremental, Windowed
from brightfield.explain.probing.probe import Probe
from brightfield.models.incremental import Refusal, counted
from brightfield.models.incremental.schedule import Spans
from brightfield.tensors import Images, Scores, chunked

WindowEngine = Literal["auto", "plain", "incremental"]

# With fewer windows, tracing a model that was not traced yet costs more than it saves.
WORTH_TRACING = 64


@dataclass(slots=True)
class Windows:
    """The scores of the whole image, `base` (1, T), and of every window, some at a time.

    `facts` says which engine runs and why; once the parts are used up, also what it cost.
    """

    base: Scores
    parts: Iterator[Windowed]
    facts: dict[str, Any] = field(default_factory=dict)


def windows(
    probe: Probe, images: Images, fill: Images, rows: Spans, cols: Spans, engine: WindowEngine
) -> Windows:
    """Hide every span of rows with every span of columns of `images` (1, C, H, W) by `fill`.

    `plain` runs every changed image through the whole model; `incremental` computes only what a
    window can have changed (`models.incremental`), which is exact: the scores are those of the
    plain way but for rounding. `auto` takes the one that is faster by a measurement on this model,
    machine and grid.

    Raises `Unexplainable` where `incremental` is asked for and the model cannot be computed so.
    """
    if engine == "plain":
        return _plainly(probe, images, fill, rows, cols, "asked for")
    least = WORTH_TRACING if engine == "auto" else 0
    found = probe.incremental(images, fill, rows, cols, least)
    if isinstance(found, Refusal):
        if engine == "incremental":
            raise Unexplainable(f"{found.reason} Use engine=auto or engine=plain.")
        return _plainly(probe, images, fill, rows, cols, found.reason)
    if engine == "incremental":
        return _incrementally(found, "asked for")
    pays, reason = _pays(found)
    if pays:
        return _incrementally(found, reason)
    return _plainly(probe, images, fill, rows, cols, reason)


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


def _plainly(
    probe: Probe, images: Images, fill: Images, rows: Spans, cols: Spans, reason: str
) -> Windows:
    (base,) = probe.scores([images])
    facts = {"engine": "plain", "engine_reason": reason, "forwards": len(rows) * len(cols) + 1}

    def parts() -> Iterator[Windowed]:
        began, first = time.monotonic(), 0
        for scores in probe.scores(chunked(_hidden(images, fill, rows, cols), probe.chunk())):
            yield Windowed(np.arange(first, first + len(scores)), scores)
            first += len(scores)
        facts["engine_seconds"] = round(time.monotonic() - began, 4)

    return Windows(base, parts(), facts)


def _incrementally(found: Incremental, reason: str) -> Windows:
    schedule = found.schedule
    facts: dict[str, Any] = {
        "engine": "incremental",
        "engine_reason": reason,
        "forwards": 1,
        "multiply_adds": schedule.work.multiply_adds,
        "plain_multiply_adds": schedule.plain_work.multiply_adds,
    }
    began = time.monotonic()
    base = found.base()

    def parts() -> Iterator[Windowed]:
        yield from found.parts()
        facts["engine_seconds"] = round(time.monotonic() - began, 4)

    return Windows(base, parts(), facts)


def _hidden(images: Images, fill: Images, rows: Spans, cols: Spans) -> Iterator[torch.Tensor]:
    """The image with one window hidden at a time, in row-major order."""
    for y0, y1 in rows:
        for x0, x1 in cols:
            hidden = images[0].clone(memory_format=torch.preserve_format)
            hidden[:, y0:y1, x0:x1] = fill[0, :, y0:y1, x0:x1]
            yield hidden
