"""Embeddings as they are read off real networks on a lane."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision import models

from brightfield.cards import ModelCard
from brightfield.engine.scoring import reading_pass
from brightfield.errors import InvalidParameter, UnknownLayer
from brightfield.outages import ModelFailed
from brightfield.runtime.lane import Lane
from brightfield.runtime.resident import Resident
from brightfield.runtime.telemetry import Telemetry
from brightfield.runtime.ticket import Ticket
from brightfield.tasks.embed import Embed, Embedding

from ..toys.vgg import narrow_vgg

Take = Callable[..., Embedding]


def card(**explain: str) -> ModelCard:
    return ModelCard.model_validate(
        {
            "id": "m", "version": "1", "task": "classify", "licence": "MIT",
            "architecture": {"name": "none"}, "explain": explain,
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def lane() -> Iterator[Lane]:
    lane = Lane(torch.device("cpu"), Telemetry(), threads=1)
    yield lane
    lane.stop()


@pytest.fixture
def take(lane: Lane) -> Take:
    """Read a layer on the lane and make the vector of it, as the engine does."""

    def taken(module: nn.Module, images: Tensor, task: Embed, **explain: str) -> Embedding:
        resident = Resident(card(**explain), module, lane, 0)
        operation = reading_pass(resident, task.reads, raw=task.raw)
        output = resident.submit(operation, images, Ticket()).future.result(30)
        return task.postprocess(output, resident.card)

    return taken


@pytest.fixture(scope="module")
def resnet() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return models.resnet18(num_classes=10).eval()


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.randn(1, 3, 48, 40, generator=torch.Generator().manual_seed(0))


def features(resnet: Any, images: Tensor) -> Tensor:
    """layer4's maps, by running the parts of the network one after the other."""
    with torch.no_grad():
        x = resnet.maxpool(resnet.relu(resnet.bn1(resnet.conv1(images))))
        maps: Tensor = resnet.layer4(resnet.layer3(resnet.layer2(resnet.layer1(x))))
        return maps


def close(found: Embedding, expected: Tensor) -> None:
    atol = 1e-5 * float(expected.abs().max())
    np.testing.assert_allclose(found.vector, expected.numpy(), rtol=0, atol=atol)


def test_penultimate_is_what_enters_the_classifier(
    take: Take, resnet: nn.Module, images: Tensor
) -> None:
    found = take(resnet, images, Embed())
    assert (found.layer, found.vector.shape) == ("penultimate", (512,))
    close(found, features(resnet, images).mean(dim=(2, 3))[0])


def test_logits_are_the_output(take: Take, resnet: nn.Module, images: Tensor) -> None:
    with torch.no_grad():
        close(take(resnet, images, Embed(layer="logits")), resnet(images)[0])


@pytest.mark.parametrize("pool", ["mean", "max", "none"])
def test_maps_are_pooled_over_space(
    take: Take, resnet: nn.Module, images: Tensor, pool: Any
) -> None:
    maps = features(resnet, images)[0]
    assert maps.shape == (512, 2, 2)
    expected = {"mean": maps.mean(dim=(1, 2)), "max": maps.amax(dim=(1, 2)), "none": maps.ravel()}
    close(take(resnet, images, Embed(layer="layer4", pool=pool)), expected[pool])


def test_the_cards_penultimate_layer_wins(take: Take, resnet: nn.Module, images: Tensor) -> None:
    found = take(resnet, images, Embed(), penultimate="layer4")
    close(found, features(resnet, images).mean(dim=(2, 3))[0])
    assert take(resnet, images, Embed(pool="none"), penultimate="layer4").vector.shape == (2048,)


def test_vgg_has_the_features_that_enter_its_last_layer(take: Take, images: Tensor) -> None:
    torch.manual_seed(0)
    vgg: Any = narrow_vgg("vgg11", 3).eval()
    with torch.no_grad():
        entering = vgg.avgpool(vgg.features(images)).flatten(1)
        expected = vgg.classifier[:5](entering)[0]
    found = take(vgg, images, Embed(layer="classifier.4"))
    assert found.vector.shape == (64,)
    assert found.vector.max() > 0
    close(found, expected)
    close(take(vgg, images, Embed()), expected)  # dropout passes everything on


class Layouts(nn.Module):
    """Maps whose channels come last, and tokens behind one that stands for no place."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.last, self.tokens = nn.Conv2d(3, 5, 4, 4), nn.Linear(5, 7), nn.LayerNorm(7)
        self.mixed = nn.Linear(13, 2)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.last(self.stem(images).permute(0, 2, 3, 1))
        tokens = maps.flatten(1, 2)
        tokens = self.tokens(torch.cat([torch.ones_like(tokens[:, :1]), tokens], 1))
        return self.mixed(tokens.mT)[:, :, 0]


def test_channels_and_tokens_are_pooled_over_places(take: Take) -> None:
    module, images = Layouts().eval(), torch.randn(1, 3, 16, 12)
    with torch.no_grad():
        maps = module.last(module.stem(images).permute(0, 2, 3, 1))[0].flatten(0, 1)
        tokens = functional.layer_norm(maps, [7])
        every = module.tokens(torch.cat([torch.ones(1, 7), maps]))
    close(take(module, images, Embed(layer="last")), maps.mean(0))
    close(take(module, images, Embed(layer="tokens")), tokens.mean(0))
    close(take(module, images, Embed(layer="tokens", pool="max")), tokens.amax(0))
    close(take(module, images, Embed(layer="tokens", pool="none")), every.flatten())


def test_values_that_come_from_all_places_are_not_pooled(take: Take) -> None:
    with pytest.raises(InvalidParameter, match=r"'mixed' gives 7 x 2 values that come from all"):
        take(Layouts().eval(), torch.randn(1, 3, 16, 12), Embed(layer="mixed"))


def test_normalising_gives_unit_length() -> None:
    vector = torch.tensor([[3.0, 0.0, -4.0]])
    found = Embed(normalize=True).postprocess(vector, card())
    assert found.vector.tolist() == pytest.approx([0.6, 0, -0.8])
    assert found.normalized
    zero = Embed(normalize=True).postprocess(torch.zeros(1, 3), card())
    assert zero.vector.tolist() == [0, 0, 0]


def test_unknown_layers_get_the_nearest(take: Take, resnet: nn.Module, images: Tensor) -> None:
    with pytest.raises(UnknownLayer, match=r"'layer5'.* layer"):
        take(resnet, images, Embed(layer="layer5"))
    with pytest.raises(UnknownLayer, match="one tensor"):
        Embed(layer="x").postprocess([torch.zeros(1, 2)], card())


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_a_vector_that_is_not_finite_is_a_fault_of_the_model(value: str) -> None:
    with pytest.raises(ModelFailed, match=r"layer 'fc' .* NaN or infinite"):
        Embed(layer="fc").postprocess(torch.tensor([[1.0, float(value)]]), card())


def test_the_result_in_every_format() -> None:
    found = Embed(layer="fc").postprocess(torch.tensor([[1.0, 0.25, 0.5]]), card())
    assert found.payload("input") == {
        "dim": 3, "layer": "fc", "embedding": [1.0, 0.25, 0.5], "normalized": False,
    }  # fmt: skip
    assert found.raster("input").axes == "C"
    assert found.table().columns == ("f0", "f1", "f2")
    (row,) = found.table().rows
    assert len(row) == 3
    assert found.formats == ("json", "npy", "csv")
