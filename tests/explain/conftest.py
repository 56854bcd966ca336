"""Modules on a real lane, explained in the way of the engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import skimage.data
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from brightfield import zoo
from brightfield.cards import ModelCard, Resize, read_card
from brightfield.engine.probe import LaneProbe
from brightfield.engine.scoring import scoring_pass, scoring_passes
from brightfield.explain.method import Method
from brightfield.geometry import Axis, Geometry
from brightfield.images.picture import Picture
from brightfield.models.loading.build import build
from brightfield.preprocess import preprocess
from brightfield.results import Result
from brightfield.runtime.lane import Lane
from brightfield.runtime.model_end import find_end
from brightfield.runtime.resident import Resident
from brightfield.runtime.telemetry import Telemetry
from brightfield.runtime.ticket import Ticket
from brightfield.tasks.classify import Classify
from brightfield.tasks.targets.model_output import ModelOutput


@dataclass(frozen=True)
class Case:
    """A model, and one image as it takes it."""

    module: nn.Module
    images: Tensor
    geometry: Geometry
    card: ModelCard
    picture: NDArray[np.uint8] | None = None
    """(H, W, 3) as displayed; noise where none is given."""

    def limited(self, max_batch: int | None) -> Case:
        """The same with another bound of its batches."""
        return replace(self, card=self.card.model_copy(update={"max_batch": max_batch}))


def plain(height: int, width: int) -> Geometry:
    """The input is the image."""
    return Geometry(Axis.of(width, 0, width), Axis.of(height, 0, height))


def case(module: nn.Module, images: Tensor, geometry: Geometry | None = None, **card: Any) -> Case:
    """A model of raw arrays, as it stands; `card` changes sections of its card."""
    channels, height, width = images.shape[1:]
    fields = {
        "id": "case",
        "version": "1",
        "task": "classify",
        "licence": "Apache-2.0",
        "architecture": {"name": "none"},
        "input": {"channels": channels, "size": [height, width], "pixels": "raw"},
        **card,
    }
    return Case(module, images, geometry or plain(height, width), ModelCard.model_validate(fields))


ONE_SCORE = {"activation": "sigmoid"}
"""The card's `output` for a network with one output, of which a softmax makes nothing."""


def image(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    """(1, *shape), normally distributed."""
    return torch.randn(1, *shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def displayed(case: Case) -> NDArray[np.uint8]:
    """The case's picture."""
    if case.picture is not None:
        return case.picture
    noise = np.random.default_rng(0).integers(0, 256, (*case.geometry.image_size, 3))
    return noise.astype(np.uint8)


class Bench:
    """One lane, and what the engine does between an image and a method's result."""

    def __init__(self, lane: Lane) -> None:
        self.lane = lane

    def resident(self, case: Case) -> Resident:
        resident = Resident(case.card, case.module, self.lane, 0)
        resident.run(lambda: find_end(resident, case.images[:1]))
        return resident

    def probe(
        self,
        method: Method,
        case: Case,
        resident: Resident | None = None,
        ticket: Ticket | None = None,
    ) -> LaneProbe:
        resident, ticket = resident or self.resident(case), ticket or Ticket()
        kind = method.kind or Classify.hidden_kind
        forward = scoring_pass(resident, kind)
        output = resident.submit(forward, case.images, ticket).future.result()
        picture = Picture(displayed(case), "", "png", "YXC")
        targets = Classify.targets(
            method, ModelOutput(output, case.card, picture, case.geometry), kind
        )
        passes = scoring_passes(resident, kind)
        return LaneProbe(resident, targets, case.geometry, ticket, passes, lambda: picture.pixels)

    def explain(self, method: Method, case: Case) -> Any:
        """The method's result."""
        *_, last = method(self.probe(method, case), case.images)
        assert isinstance(last.result, Result)
        return last.result

    def settle(self) -> None:
        """Until the batch that was on its way when its caller gave up is over."""
        self.resident(case(nn.Identity(), image(1, 1, 1))).call(lambda: None).result(30)


@pytest.fixture(scope="session")
def lane() -> Iterator[Lane]:
    lane = Lane(torch.device("cpu"), Telemetry(), threads=1)
    yield lane
    lane.stop()


@pytest.fixture(scope="session")
def bench(lane: Lane) -> Bench:
    return Bench(lane)


@pytest.fixture(scope="session")
def shipped() -> Case:
    """The shipped model and scikit-image's cat, both small and in float64.

    A gradient jumps where a rectifier's input is 0, so in float32 the order of sums can show.
    """
    card = read_card(zoo.folder() / "imagenet-lite0")
    small = card.input.model_copy(update={"resize": Resize(short=110), "crop": 96})
    seen = preprocess(Picture(skimage.data.chelsea(), "", "png", "YXC"), small)
    card = card.model_copy(update={"input": small})
    return Case(build(card).double(), seen.tensor.double(), seen.geometry, card)
