"""A model that is loaded, placed on a device and warm."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
from torch import nn

from brightfield.cards import ModelCard, Multiple
from brightfield.errors import InvalidParameter
from brightfield.images.picture import Note
from brightfield.models.examination.examination import Examination
from brightfield.models.examination.outputs import OutputForm
from brightfield.models.examination.samples import shapes
from brightfield.models.incremental import CostEstimate, IncrementalPlan, Refusal, Schedule
from brightfield.models.inspection.normalising import Rewrite
from brightfield.models.inspection.reach import reach
from brightfield.models.inspection.receptive import ReceptiveField
from brightfield.models.loading.input_sizes import ANY_SIZE, InputSizes
from brightfield.outages import ModelFailed
from brightfield.runtime.acceleration.accelerated import Accelerated
from brightfield.runtime.acceleration.verdict import UNTRIED, Verdict
from brightfield.runtime.acceleration.wanted import ANY, Wanted
from brightfield.runtime.batch_sizes import BatchSizes
from brightfield.runtime.lane import Lane, assert_off_lane
from brightfield.runtime.layer_layouts import LayerLayouts
from brightfield.runtime.lru_cache import LRUCache
from brightfield.runtime.operations import Activations, Forward, LaneCall, Operation
from brightfield.runtime.ticket import Ticket
from brightfield.runtime.work_item import Priority, WorkItem

T = TypeVar("T")

# Warm-up ends before a batch would take longer than this, so that loading stays short.
_LONGEST_WARM_UP_BATCH = 0.25


@dataclass(slots=True, eq=False)
class Planned:
    """A schedule of windows; `estimate` is what was measured of it, once it was."""

    schedule: Schedule
    estimate: CostEstimate | None = None


@dataclass(slots=True, eq=False, weakref_slot=True)
class Resident:
    """A module in eval mode on a lane's device, with its card and its measured batch sizes.

    `digest` is that of all that its numbers depend on (`models.loading.makeup`), `examination` what
    was found out when it was loaded. Scores before normalisation are the output of `cut` (None: of
    the network as it is), which explanations look at; `normalised` says that there are none.
    Scores before the card's activation are the output of `scores`. `alone` says that images of one
    batch would change each other's answers. `usual` is the shape of its images where the card
    leaves it open and the network doesn't take 256 x 256. `notes` are in the warnings of every
    answer. `plans` has what was traced for incremental passes, by operation and shape, `planned`
    the grids of windows over them. `form` and `dtype` are what its examination has added to the
    network: how its output is read, and in which dtype it takes images. `verdict` says what runs
    its predictions, which is `accelerated` if it isn't the module itself; explanations always have
    the module. Who uses it and how long it stays is the registry's business.
    """

    card: ModelCard
    module: nn.Module
    lane: Lane
    size_bytes: int
    sha256: str | None = None
    digest: str | None = None
    static_batch: int | None = None
    input_sizes: InputSizes = ANY_SIZE
    cut: Rewrite | None = None
    scores: Rewrite | None = None
    normalised: bool = False
    alone: bool = False
    usual: tuple[int, int, int] | None = None
    form: OutputForm | None = None
    dtype: torch.dtype | None = None
    verdict: Verdict = UNTRIED
    accelerated: Accelerated | None = None
    examination: Examination | None = None
    notes: tuple[Note, ...] = ()
    sizes: BatchSizes = field(default_factory=BatchSizes)
    plans: LRUCache[Hashable, IncrementalPlan | Refusal] = field(
        default_factory=lambda: LRUCache(2)
    )
    planned: LRUCache[Hashable, Planned] = field(default_factory=lambda: LRUCache(4))
    fields: LRUCache[Hashable, ReceptiveField] = field(default_factory=lambda: LRUCache(32))
    """Receptive fields by layer and size of the input, where they were asked for."""
    layouts: LayerLayouts = field(init=False)
    """How the layers are read as maps; for the lane's thread."""
    _reach: LRUCache[None, int | None] = field(default_factory=lambda: LRUCache(1))

    def __post_init__(self) -> None:
        self.layouts = LayerLayouts(self.card.explain.axes)

    @property
    def kept_bytes(self) -> int:
        """Bytes of what was traced and planned for explanations, and is kept for the next."""
        return sum(each.size_bytes for each in (self.plans, self.planned, self.fields))

    @property
    def most_kept_bytes(self) -> int:
        """The most bytes of that."""
        return sum(each.most_bytes for each in (self.plans, self.planned, self.fields))

    @property
    def device(self) -> torch.device:
        """Where it is."""
        return self.lane.device

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of the input that the card asks for; 256 x 256 where any size will do."""
        return self.usual or shapes(self.card.input, self.input_sizes)[0]

    @property
    def row_limit(self) -> int | None:
        """The most rows of one pass; None: as many as there is memory for."""
        return 1 if self.alone else self.static_batch

    def submit(
        self,
        operation: Operation,
        rows: torch.Tensor,
        ticket: Ticket,
        *,
        band: Priority = Priority.INTERACTIVE,
        argument: Any = None,
        max_batch: int | None = None,
        only_timed: bool = False,
    ) -> WorkItem:
        """Queue `rows` (n, C, H, W) for an operation; the item's future has n rows of result.

        Raises `UnfitImage` for rows of a size that the model's program doesn't take.
        """
        if not isinstance(operation, LaneCall):
            self.input_sizes.check_rows(rows.shape[1:], self.card.id)
        item = WorkItem(self, operation, rows, ticket, band, argument, max_batch, only_timed)
        self.lane.submit(item)
        return item

    def call(
        self, function: Callable[[], Any], explains: torch.Tensor | None = None
    ) -> Future[Any]:
        """Queue a function for the lane's thread, between batches."""
        call = LaneCall(function, explains)
        return self.submit(call, torch.empty(1, 0), Ticket(), band=Priority.BULK).future

    def run(self, function: Callable[[], T], explains: torch.Tensor | None = None) -> T:
        """What a function gives on the lane's thread. Blocks, so it must not be called there.

        With `explains`, rows that the model takes, the function looks into it: a fault of its own
        is `Unexplainable` if the model predicts for them.
        """
        assert_off_lane()
        value: T = self.call(function, explains).result()
        return value

    def reach(self) -> int | None:
        """How far the output at a place depends on pixels around it; traced when first needed.

        None where there is no bound, or where the model does not run on the strips that tell it.
        `models.inspection.reach` says how. Blocks, so it must not be called on the lane.
        """
        assert_off_lane()
        return self._reach.get(None, self._traced_reach)

    def _traced_reach(self) -> int | None:
        spec = self.card.input
        multiple = spec.size.multiple if isinstance(spec.size, Multiple) else 1
        try:
            return reach(self._output_of, spec.channels, multiple)
        except ModelFailed:  # what is wrong stands in the log
            return None

    def _output_of(self, rows: torch.Tensor) -> Any:
        """The output for rows of NaN and zeros; each pass is a turn of its own on the lane."""

        def forward() -> Any:
            with torch.backends.cudnn.flags(enabled=False):
                return Forward(self.cut)(self.module, self.place(rows), ())

        return self.run(forward)

    def predicting(self, wanted: Wanted = ANY) -> Forward:
        """The pass that predicts, before the card's activation: by what runs the model fastest, if
        that is what is wanted.

        Raises `InvalidParameter` for a backend or a precision by which the model can't run now.
        """
        fast = self._fast(wanted)
        if fast is not None:
            return fast
        if wanted.allows("eager", "fp32"):
            return Forward(self.scores)
        raise self._not_by(wanted)

    def reading(self, own: Activations, wanted: Wanted = ANY) -> Operation:
        """The pass that reads a place of the model: its `own`, or one that gives the same sooner.

        Raises `InvalidParameter` for a backend or a precision by which it can't be read now.
        """
        fast = self._fast(wanted)
        quick = None if fast is None else fast.reading(own)
        if quick is not None:
            return quick
        if wanted.allows("eager", "fp32"):
            return own
        raise InvalidParameter(
            f"The layer {own.tap.label or 'logits'!r} of the model {self.card.id} is read by eager "
            f"(fp32), and not by {wanted.backend} ({wanted.precision}); leave that out.",
            errors=[{"location": _named(wanted)}],
        )

    def _fast(self, wanted: Wanted) -> Accelerated | None:
        """What runs the model fastest, if it can and is wanted."""
        fast = self.accelerated
        if fast is None or not fast.usable or not wanted.allows(fast.backend, fast.precision):
            return None
        return fast

    def _not_by(self, wanted: Wanted) -> InvalidParameter:
        verdict = self.verdict
        also = "" if self.accelerated is None else f" or {verdict.backend} ({verdict.precision})"
        return InvalidParameter(
            f"The model {self.card.id} can be run by eager (fp32){also}, and not by "
            f"{wanted.backend} ({wanted.precision}); GET /models/{self.card.id} says why.",
            errors=[{"location": _named(wanted)}],
        )

    def most_rows(
        self, operation: Operation, shape: tuple[int, ...], max_batch: int | None = None
    ) -> int:
        """Rows at which a batch is closed: the measured best, capped by the card and the caller."""
        if isinstance(operation, LaneCall):  # each is of a kind of its own: nothing to measure
            return 1
        caps = (self.row_limit, self.card.max_batch, max_batch)
        best = self.sizes.best(operation, shape)
        return min([best, *(cap for cap in caps if cap is not None)])

    def place(self, rows: torch.Tensor) -> torch.Tensor:
        """The rows on the device, channels last where that is an image layout (faster there)."""
        layout = torch.channels_last if rows.dim() == 4 else torch.contiguous_format
        return rows.to(self.device, non_blocking=True).contiguous(memory_format=layout)

    def move_to_device(self) -> None:
        """Place the module; runs on the lane."""
        self.module.to(self.device)
        if any(parameter.dim() == 4 for parameter in self.module.parameters()):
            self.module.to(memory_format=torch.channels_last)

    def warm_up(self, forward: Forward | None = None, most: int | None = None) -> None:
        """Measure passes (default: the module's own) at growing batch sizes, until one no longer
        pays, or of `most` rows; of what was measured before, one image alone.

        Runs in the loader's thread through the lane's queue, so that traffic of other models
        comes in between. An error here means that the model does not work; it is raised.
        """
        forward = forward or Forward()
        known = self.sizes.compared(forward, self.shape)
        most = 1 if known else most or self._warm_up_limit()
        rows = 1
        while True:
            seconds = self._timed(rows, forward)
            if rows >= most or 2 * seconds > _LONGEST_WARM_UP_BATCH:
                return
            rows *= 2

    def _timed(self, rows: int, forward: Forward) -> float:
        sample = torch.zeros(rows, *self.shape)
        seconds = math.inf
        for _ in range(2):  # the first run of a size includes its one-time costs
            item = self.submit(forward, sample, Ticket(), band=Priority.BULK, only_timed=True)
            item.result()
            seconds = min(seconds, item.finished - item.started)
        return seconds

    def _warm_up_limit(self) -> int:
        caps = (self.row_limit, self.card.max_batch)
        return min([16, *(cap for cap in caps if cap is not None)])

    def release_cache(self) -> None:
        """Give the device's cached, unused blocks back (before a retry, after an eviction)."""
        if self.device.type == "cuda":
            torch.cuda.empty_cache()


def _named(wanted: Wanted) -> str:
    """The parameter that asks for something."""
    return "precision" if wanted.backend == "auto" else "backend"


def module_bytes(module: nn.Module) -> int:
    """Bytes of a module's parameters and buffers."""
    tensors = {id(t): t for t in (*module.parameters(), *module.buffers())}
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
