"""The probe: a method's only way to the model, each chunk one item on the lane."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import nn

from brightfield.cards import ModelCard
from brightfield.engine.scoring import scoring_pass
from brightfield.errors import Unexplainable, UnknownLayer
from brightfield.geometry import Geometry
from brightfield.models.layers import last_spatial_layer, resolve
from brightfield.runtime.item import Band, Item
from brightfield.runtime.operations import Gradients, Operation
from brightfield.runtime.resident import Resident
from brightfield.runtime.ticket import Ticket
from brightfield.targets import Gradient, Kind, Target
from brightfield.tensors import Images, Scores

# Chunks on their way at once: one on the lane and one that waits, so the lane never idles between.
_AHEAD = 2


class LaneProbe:
    """`explain.probe.Probe` over a resident model; used in a thread that may block.

    A withdrawn or expired ticket ends the explanation between two chunks.
    """

    def __init__(
        self,
        resident: Resident,
        targets: Sequence[Target],
        geometry: Geometry,
        ticket: Ticket,
        kind: Kind = "logit",
    ) -> None:
        self.targets = targets
        self.geometry = geometry
        self._resident = resident
        self._ticket = ticket
        self._forward = scoring_pass(resident, kind)

    @property
    def card(self) -> ModelCard:
        return self._resident.card

    @property
    def model(self) -> nn.Module:
        return self._resident.module

    def chunk(self, *, gradients: bool = False) -> int:
        operation: Operation = Gradients(cut=self._forward.cut) if gradients else self._forward
        shape = (self.card.input.channels, *self.geometry.input_size)
        return self._resident.most_rows(operation, shape)

    def scores(self, chunks: Iterable[Images]) -> Iterator[Scores]:
        for output in self._run(self._forward, chunks):
            yield torch.stack([target.score(output) for target in self.targets], dim=1)

    def gradients(self, chunks: Iterable[Images], layer: str | None = None) -> Iterator[Gradient]:
        operation = Gradients(layer, self._forward.cut)
        yield from self._run(operation, chunks, self.targets[0].score)

    def spatial_layer(self, name: str | None) -> str:
        wanted = name or self.card.explain.layer
        if wanted is not None:
            return resolve(self.model, wanted, self.card.explain).name
        resident = self._resident
        sample = torch.zeros(1, *resident.shape)
        find = resident.call(lambda: last_spatial_layer(self.model, resident.place(sample)))
        try:
            return str(find.result())
        except UnknownLayer:
            raise Unexplainable(
                f"The model {self.card.id} has no layer with spatial maps, which Grad-CAM needs; "
                "use gradient, input_x_gradient, smoothgrad or integrated_gradients."
            ) from None

    def _run(self, operation: Operation, chunks: Iterable[Images], argument: Any = None) -> Any:
        """The results of all chunks in order, with few of them on their way at once."""
        waiting: deque[Item] = deque()
        try:
            for chunk in chunks:
                self._ticket.check()
                waiting.append(self._submit(operation, chunk, argument))
                if len(waiting) >= _AHEAD:
                    yield waiting.popleft().future.result()
            while waiting:
                yield waiting.popleft().future.result()
        finally:  # after an error, or when the method needs no more
            for item in waiting:
                item.future.cancel()

    def _submit(self, operation: Operation, chunk: Images, argument: Any) -> Item:
        return self._resident.submit(
            operation, chunk, self._ticket, band=Band.BULK, argument=argument
        )
