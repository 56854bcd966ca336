"""Gradients through windows are those through the whole image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import NeuronGuidedBackprop
from torch import Tensor, nn

from brightfield.cards import InputSpec, ModelCard
from brightfield.engine.units.inside import Layer
from brightfield.engine.units.unit_gradients import UnitGradients, Window, window_of
from brightfield.models.inspection.layers import Tap
from brightfield.models.inspection.layouts import layouts
from brightfield.models.inspection.receptive import ReceptiveField, receptive_field
from brightfield.runtime.lane import Lane
from brightfield.runtime.resident import Resident
from brightfield.runtime.telemetry import Telemetry
from brightfield.runtime.ticket import Ticket
from brightfield.tasks.units.top_activations import Peak

IMAGES = torch.randn(1, 3, 128, 192, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def lane() -> Iterator[Lane]:
    lane = Lane(torch.device("cpu"), Telemetry(), threads=1)
    yield lane
    lane.stop()


def layers(*more: nn.Module) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(3, 6, 5, stride=2, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, 1),
            nn.Conv2d(6, 8, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(8, 4, 3, padding=1),
            *more,
        ).eval()


class Scaled(nn.Module):
    """What it puts out depends on the size of the image, too."""

    def forward(self, x: Tensor) -> Tensor:
        return x * x.shape[3]


class Demanding(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        if x.shape[3] < 48:
            raise ValueError("too small")
        return x


def layer(lane: Lane, module: nn.Module, **spec: Any) -> Layer:
    card = ModelCard.model_validate(
        {
            "id": "m", "version": "1", "task": "segment", "licence": "MIT",
            "architecture": {"name": "none"}, "input": {"size": {"multiple": 8}, **spec},
        }
    )  # fmt: skip
    return Layer(Resident(card, module, lane, 0), "5", Tap("5"))


def wanted(module: nn.Module, layer: str = "5") -> tuple[ReceptiveField, list[tuple[int, Peak]]]:
    """Of two units the greatest value and those at corners and borders."""
    maps: list[Tensor] = []
    hook = module.get_submodule(layer).register_forward_hook(lambda _, __, out: maps.append(out))
    with torch.no_grad():
        module(IMAGES)
    hook.remove()
    (values,) = maps[0]
    best = np.unravel_index(int(values[0].argmax()), values[0].shape)
    places = [best, (0, 0), (31, 47), (13, 0), (17, 24), (31, 3)]
    finds = [
        (u, Peak(float(values[u, y, x]), 0, int(y), int(x))) for u in (0, 3) for y, x in places
    ]
    return field_of(module, layer), finds


def field_of(module: nn.Module, layer: str) -> ReceptiveField:
    layout = layouts(module, [Tap(layer)], IMAGES)[Tap(layer)]
    return receptive_field(module, Tap(layer), IMAGES, layout)


def whole(found: Any) -> np.ndarray:
    """Laid into the whole image."""
    image = np.zeros(IMAGES.shape[1:], np.float32)
    _, height, width = found.values.shape
    image[:, found.top : found.top + height, found.left : found.left + width] = found.values
    return image


def test_they_equal_captums_through_the_whole_image(lane: Lane) -> None:
    module = layers()
    field, finds = wanted(module)
    found = list(UnitGradients(layer(lane, module), Ticket()).of(IMAGES, field, finds))
    assert all(gradient.values.shape[2] <= 96 for gradient in found if gradient is not None)
    with pytest.warns(UserWarning):
        reference = NeuronGuidedBackprop(module, module.get_submodule("5"))
        for (unit, find), gradient in zip(finds, found, strict=True):
            images = IMAGES.clone().requires_grad_()
            expected = reference.attribute(images, (unit, find.row, find.column))[0].detach()
            assert gradient is not None
            np.testing.assert_allclose(whole(gradient), expected, atol=1e-5)


def demanding() -> nn.Module:
    first, *others = layers()  # type: ignore[misc]
    return nn.Sequential(nn.Sequential(Demanding(), first), *others)


def scaled() -> nn.Module:
    *others, last = layers()  # type: ignore[misc]
    return nn.Sequential(*others, nn.Sequential(last, Scaled()))


@pytest.mark.parametrize("module", [demanding(), scaled()])
def test_where_a_window_does_not_do_the_whole_image_does(lane: Lane, module: nn.Module) -> None:
    _, finds = wanted(module)
    field = field_of(layers(), "5")
    gradients = UnitGradients(layer(lane, module), Ticket())
    found = list(gradients.of(IMAGES, field, finds))
    assert all(g is not None and g.values.shape == (3, 128, 192) for g in found)
    assert gradients.rule == "guided"


def test_a_window_holds_the_field_and_begins_on_the_grid() -> None:
    spans = np.array([[0, 10], [30, 45], [60, 64]])
    field = ReceptiveField(spans, np.array([[0, 5], [290, 321], [630, 640]]), (64, 640))
    free = InputSpec()
    assert window_of(field, Peak(1, 0, 0, 0), free) == Window(0, 32, 0, 32, 0, 0)
    # A third of 64 rows is no whole number of places, so nothing can be said of windows below.
    assert window_of(field, Peak(1, 0, 1, 0), free) == Window(0, 64, 0, 32, 0, 0)
    assert window_of(field, Peak(1, 0, 2, 0), free) is None
    fixed = InputSpec(size=(64, 640))
    assert window_of(field, Peak(1, 0, 0, 0), fixed) is None
    assert window_of(field, Peak(1, 0, 0, 0), InputSpec(crop=64)) is None
    everything = ReceptiveField.everything((2, 20), (64, 640))
    assert window_of(everything, Peak(1, 0, 0, 0), free) is None


def test_the_first_place_of_a_window_is_counted_by_the_stride() -> None:
    spans = np.stack([np.arange(16) * 8, np.arange(16) * 8 + 8], axis=1)
    field = ReceptiveField(spans, spans, (128, 128))
    assert window_of(field, Peak(1, 0, 9, 5), InputSpec()) == Window(64, 96, 32, 64, 8, 4)
