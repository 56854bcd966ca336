"""Looking inside real models on a lane: layers, filters, activations."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from brightfield.errors import InvalidParameter, UnknownLayer
from brightfield.images.filters import FilterChoice
from brightfield.tasks.activations import FeatureMaps, ReadActivations

from ...toys.engines import Bench, noise, npy, png


@pytest.fixture(scope="module")
def module(bench: Bench) -> nn.Module:
    """The network of `bare`."""
    bench.engine.registry.load("bare", pin=True).result()
    resident = bench.engine.registry.resident("bare")
    assert resident is not None
    return resident.module


def taken(pixels: NDArray[np.uint8]) -> Tensor:
    """As the card of `bare` asks: 24 x 24, mean 0.5, deviation 0.25."""
    return torch.from_numpy((pixels / 255 - 0.5) / 0.25).float().permute(2, 0, 1)[None]


def hooked(module: nn.Module, images: Tensor, layer: str) -> NDArray[np.float32]:
    read: list[Tensor] = []
    part = module.get_submodule(layer)
    hook = part.register_forward_hook(lambda _, __, output: read.append(output.clone()))
    with torch.no_grad():
        module(images)
    hook.remove()
    array: NDArray[np.float32] = read[0][0].numpy()
    return array


def maps_of(answer: Any) -> FeatureMaps:
    assert isinstance(answer.result, FeatureMaps)
    return answer.result


def test_activations_are_what_a_hook_sees(bench: Bench, module: nn.Module) -> None:
    pixels = noise(24, 24)
    found = maps_of(bench.answer(ReadActivations(layer="1"), png(pixels)))
    expected = hooked(module, taken(pixels), "1")
    np.testing.assert_allclose(found.maps, expected, atol=1e-5)
    for unit, values in enumerate(expected):
        row, column = np.unravel_index(values.argmax(), values.shape)
        activity = found.activity[unit]
        assert activity.place == (row, column)
        assert activity.max == pytest.approx(values.max(), abs=1e-5)
        assert activity.mean == pytest.approx(values.mean(), abs=1e-5)
        assert activity.centre == (column + 0.5, row + 0.5)
        box = activity.box
        assert (box.xmin, box.xmax) == (max(0, column - 1), min(24, column + 2))
        assert (box.ymin, box.ymax) == (max(0, row - 1), min(24, row + 2))


def test_chosen_units_come_in_their_order(bench: Bench, module: nn.Module) -> None:
    pixels = noise(24, 24)
    found = maps_of(bench.answer(ReadActivations(layer="0", units="5,2"), png(pixels)))
    np.testing.assert_allclose(found.maps, hooked(module, taken(pixels), "0")[[5, 2]], atol=1e-5)
    assert [activity.unit for activity in found.activity] == [5, 2]
    assert found.activity[0].max == pytest.approx(found.maps[0].max())


def test_boxes_are_in_pixels_of_a_larger_image(bench: Bench) -> None:
    """The image is twice as large as the input, and a region of a larger one."""
    pixels = noise(70, 90)
    found = maps_of(bench.answer(ReadActivations(layer="1"), png(pixels), region=(20, 10, 48, 48)))
    for activity in found.activity:
        row, column = activity.place
        assert activity.centre == (20 + 2 * column + 1, 10 + 2 * row + 1)
        assert activity.box.xmin == 20 + 2 * max(0, column - 1)
        assert activity.box.ymax == 10 + 2 * min(24, row + 2)


def test_left_out_it_is_the_last_layer_with_maps(bench: Bench) -> None:
    found = maps_of(bench.answer(ReadActivations(), png(noise(24, 24))))
    assert (found.placed.layer, found.maps.shape) == ("0", (8, 24, 24))


def test_flat_layers_and_aliases(bench: Bench, module: nn.Module) -> None:
    pixels = noise(24, 24)
    for layer, name in (("penultimate", "3"), ("logits", "4"), ("4", "4")):
        found = maps_of(bench.answer(ReadActivations(layer=layer), png(pixels)))
        expected = hooked(module, taken(pixels), name)
        np.testing.assert_allclose(found.maps[:, 0, 0], expected, atol=1e-5)
        assert found.activity[0].box.json() == {"xmin": 0, "ymin": 0, "xmax": 24, "ymax": 24}
        assert not found.placed.notes


def test_logits_are_unnormalised(bench: Bench) -> None:
    found = maps_of(bench.answer(ReadActivations(layer="logits"), png(noise(24, 24)), "softmax"))
    assert abs(float(found.maps.sum()) - 1) > 1e-3


def test_raw_arrays_have_insides(bench: Bench) -> None:
    array = np.random.default_rng(0).random((2, 4, 5)).astype(np.float32)
    found = maps_of(bench.answer(ReadActivations(layer="logits"), npy(array), "raw"))
    np.testing.assert_allclose(found.maps.ravel(), [array[0].sum(), 2 * array[1].sum()], rtol=1e-5)


@pytest.mark.parametrize(
    ("task", "fault", "sentence"),
    [
        (ReadActivations(layer="nine"), UnknownLayer, "no layer 'nine'"),
        (ReadActivations(layer="0", units="8"), InvalidParameter, "from 0 to 7"),
    ],
)
def test_wrong_names_are_told(
    bench: Bench, task: ReadActivations, fault: type[Exception], sentence: str
) -> None:
    with pytest.raises(fault, match=sentence):
        bench.answer(task, png(noise(24, 24)))


def test_filters_are_the_weights(bench: Bench, module: nn.Module) -> None:
    weight = module.get_submodule("0").weight.detach().numpy()  # type: ignore[union-attr,operator]

    def filters(picture: bool = False, **choice: Any) -> Any:
        wish = FilterChoice(**choice)
        return asyncio.run(bench.engine.filters("bare", wish, picture=picture))

    found = filters()
    assert (found.layer, found.total, found.first) == ("0", (8, 3), (0, 0))
    assert np.array_equal(found.weights, weight)
    assert np.array_equal(filters(first=6, first_slice=1, slices=1).weights, weight[6:, 1:2])
    np.testing.assert_allclose(found.ranges, np.abs(weight).max(axis=(1, 2, 3)))
    found.weights[:] = 0  # a copy
    assert module.get_submodule("0").weight.any()  # type: ignore[union-attr,operator]
    with pytest.raises(InvalidParameter, match="Linear"):
        filters(layer="4")


def test_layers_come_in_the_order_of_named_modules(bench: Bench, module: nn.Module) -> None:
    listed = asyncio.run(bench.engine.layers("bare"))
    assert [layer.name for layer in listed] == [name for name, _ in module.named_modules() if name]
    assert listed[2].output_shape == (1, 8, 3, 3)
