"""Layers by name, and what is read from them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import get_model

from brightfield.cards import ExplainSection
from brightfield.errors import UnknownLayer
from brightfield.models.efficientnet_lite import EfficientNetLite
from brightfield.models.inspection.layers import (
    Tap,
    layer_names,
    reading,
    resolve,
    shapes,
)

from ...toys.vgg import narrow_vgg


def network(builder: str) -> nn.Module:
    torch.manual_seed(0)
    made: nn.Module = get_model(builder, weights=None, num_classes=3).eval()
    return made


IMAGES = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(3))


class Overwriting(nn.Module):
    """Works in place on what its layer gave, as torchvision's DenseNet does."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Conv2d(3, 4, 3)
        self.unused = nn.Conv2d(3, 4, 3)
        self.fc = nn.Linear(4, 2)

    def forward(self, images: Tensor) -> Tensor:
        maps = functional.relu(self.features(images), inplace=True)
        logits: Tensor = self.fc(maps.mean((2, 3)))
        return logits


def hooks(module: nn.Module) -> int:
    return sum(len(part._forward_hooks) + len(part._forward_pre_hooks) for part in module.modules())


def capture(module: nn.Module, names: list[str], images: Tensor) -> dict[str, Tensor]:
    """What flows through the named layers in one forward pass."""
    taps = {name: resolve(module, name) for name in names}
    with reading(module, list(taps.values())) as read:
        module(images)
    return {name: read[tap] for name, tap in taps.items()}


def test_resnet_s_penultimate_is_the_pooled_vector() -> None:
    resnet = network("resnet18")
    read = capture(resnet, ["penultimate", "layer4", "logits"], IMAGES)
    assert read["penultimate"].shape == (2, 512)
    torch.testing.assert_close(read["penultimate"], read["layer4"].mean((2, 3)))
    torch.testing.assert_close(read["logits"], resnet.get_submodule("fc")(read["penultimate"]))


def test_vgg_s_penultimate_comes_after_the_last_activation() -> None:
    vgg = narrow_vgg("vgg11", 3).eval()
    read = capture(vgg, ["penultimate", "classifier.4", "classifier.3"], IMAGES)
    assert read["penultimate"].shape == (2, 64)
    assert torch.equal(read["penultimate"], read["classifier.4"])
    # classifier.4 works in place on what classifier.3 gave.
    assert (read["classifier.3"] < 0).any()
    assert torch.equal(read["classifier.3"].relu(), read["classifier.4"])


def test_efficientnet_lite_s_penultimate_is_the_pooled_head() -> None:
    lite = EfficientNetLite(classes=3).eval()
    read = capture(lite, ["penultimate", "head"], IMAGES)
    assert read["penultimate"].shape == (2, 1280)
    torch.testing.assert_close(read["penultimate"], read["head"].mean((2, 3)))


def test_what_a_function_overwrites_is_kept() -> None:
    module = Overwriting()
    read = capture(module, ["features"], IMAGES)
    torch.testing.assert_close(read["features"], module.features(IMAGES), rtol=0, atol=0)


def test_captured_maps_lie_on_the_path_to_the_output() -> None:
    module = Overwriting()
    read = capture(module, ["features", "penultimate", "logits"], IMAGES)
    (at_maps,) = torch.autograd.grad(
        read["logits"][:, 1].sum(), read["features"], retain_graph=True
    )
    (at_vector,) = torch.autograd.grad(read["logits"][:, 1].sum(), read["penultimate"])
    assert torch.equal(at_vector, module.fc.weight[1].expand(2, 4))
    weight = module.fc.weight[1] / read["features"][0, 0].numel()
    expected = (read["features"] > 0) * weight[None, :, None, None]
    torch.testing.assert_close(at_maps, expected)


def test_hooks_are_gone_after_an_error() -> None:
    module = Overwriting()
    for images in (torch.zeros(1, 7, 64, 64), torch.zeros(1, 3, 64, 64)):
        for call in (lambda x: capture(module, ["fc"], x), lambda x: shapes(module, x)):
            if images.shape[1] == 7:
                with pytest.raises(RuntimeError):
                    call(images)
            else:
                call(images)
            assert hooks(module) == 0


def test_a_card_may_name_its_penultimate_layer() -> None:
    assert resolve(Overwriting(), "penultimate", ExplainSection(penultimate="features")) == Tap(
        "features"
    )


@pytest.mark.parametrize(
    ("name", "says"), [("layer5", "layer4"), ("penultimat", "penultimate"), ("", "no layer ''")]
)
def test_unknown_layers_come_with_the_nearest(name: str, says: str) -> None:
    with pytest.raises(UnknownLayer, match=says):
        resolve(network("resnet18"), name)


def test_layers_that_do_not_run_are_missing() -> None:
    with reading(module := Overwriting(), [Tap("unused")]) as read:
        module(IMAGES)
    assert not read


def test_a_network_without_linear_layers_has_no_penultimate() -> None:
    with pytest.raises(UnknownLayer, match=r"explain\.penultimate"):
        resolve(nn.Sequential(nn.Conv2d(3, 2, 1)), "penultimate")


def test_shapes_lists_every_module_in_order() -> None:
    module = Overwriting()
    listed = shapes(module, IMAGES)
    assert [layer.name for layer in listed] == layer_names(module) == ["features", "unused", "fc"]
    assert [layer.output_shape for layer in listed] == [(2, 4, 62, 62), None, (2, 2)]
    assert [layer.parameters for layer in listed] == [112, 112, 10]
    assert [layer.type for layer in listed] == ["Conv2d", "Conv2d", "Linear"]


class Recurrent(nn.Module):
    """One convolution that runs three times, as a module and then as another."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.again = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.fc = nn.Linear(4, 2)

    def steps(self, images: Tensor) -> list[Tensor]:
        maps = [self.first(images)]
        for _ in range(3):
            maps.append(self.again(maps[-1].relu()))
        return maps

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.fc(torch.stack(self.steps(images)[1:]).amax((0, 3, 4)))
        return logits


def test_a_module_that_runs_several_times_is_read_call_by_call() -> None:
    module = Recurrent().eval()
    maps = module.steps(IMAGES)[1:]
    names = ["again@0", "again@1", "again@2", "again"]
    read = capture(module, names, IMAGES)
    for name, expected in zip(names, (*maps, maps[-1]), strict=True):
        assert torch.equal(read[name], expected)
        assert resolve(module, name).label == name
    with reading(module, [place := Tap("again", "input", 1), Tap("again", call=3)]) as read:
        module(IMAGES)
    assert list(read) == [place]
    assert torch.equal(read[place], maps[0].relu())
    assert {layer.name: layer.calls for layer in shapes(module, IMAGES)} == {
        "first": 1, "again": 3, "fc": 1,
    }  # fmt: skip
    for wrong in ("again@", "again@x", "again@-1", "nowhere@0", "@0"):
        with pytest.raises(UnknownLayer, match="has no layer"):
            resolve(module, wrong)
