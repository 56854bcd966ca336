"""EfficientNet-Lite against its published sizes and a functional reading of its weights."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from brightfield.cards import read_card
from brightfield.models.efficientnet_lite import EfficientNetLite, SamePadding
from brightfield.models.loading.checkpoint import read_checkpoint
from brightfield.models.loading.weights import locate
from brightfield.zoo import folder

# Parameters in millions as the authors' table gives them (to one decimal).
PUBLISHED_SIZES = {
    (1.0, 1.0): 4.7,
    (1.0, 1.1): 5.4,
    (1.1, 1.2): 6.1,
    (1.2, 1.4): 8.2,
    (1.4, 1.8): 13.0,
}


@pytest.mark.parametrize(("width", "depth"), PUBLISHED_SIZES)
def test_has_as_many_parameters_as_published(width: float, depth: float) -> None:
    with torch.device("meta"):
        network = EfficientNetLite(width=width, depth=depth)
    millions = sum(parameter.numel() for parameter in network.parameters()) / 1e6
    assert round(millions, 1) == PUBLISHED_SIZES[width, depth]


@pytest.mark.parametrize("side", [32, 33, 34, 127, 224])
@pytest.mark.parametrize("kernel", [3, 5])
def test_pads_like_tensorflow(side: int, kernel: int) -> None:
    padded = SamePadding(kernel, 2)(torch.ones(1, 1, side, side))
    total = max((-(-side // 2) - 1) * 2 + kernel - side, 0)
    assert padded.shape[-1] == side + total
    before = int((padded[0, 0, padded.shape[-1] // 2] == 0).int().argmin())
    assert before == total // 2


@pytest.mark.parametrize("side", [64, 97])
def test_equals_a_functional_reading_of_the_published_weights(side: int) -> None:
    card = read_card(folder() / "imagenet-lite0")
    (published,) = read_checkpoint(locate(card, None)).states.values()
    network = EfficientNetLite().eval()
    network.load_state_dict(EfficientNetLite.rename(published))
    images = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(network(images), functional_lite0(images, published))


def test_rename_leaves_its_own_names_alone() -> None:
    own = EfficientNetLite(classes=2).state_dict()
    assert list(EfficientNetLite.rename(own)) == list(own)


def test_layers_have_readable_names() -> None:
    names = dict(EfficientNetLite(classes=2).named_modules())
    assert {"stem", "blocks.3.expand", "blocks.3.depthwise", "blocks.3.project.conv", "head"} <= (
        names.keys()
    )
    assert not any(getattr(module, "inplace", False) for module in names.values())


def functional_lite0(images: Tensor, state: dict[str, Tensor]) -> Tensor:
    """The network as one straight program over the published names."""

    def norm(maps: Tensor, name: str) -> Tensor:
        keys = ("running_mean", "running_var", "weight", "bias")
        return functional.batch_norm(maps, *(state[f"{name}.{key}"] for key in keys), eps=1e-3)

    def same(maps: Tensor, name: str, stride: int, groups: int = 1) -> Tensor:
        kernel = state[f"{name}.weight"].shape[-1]
        outputs = -(-maps.shape[-1] // stride)
        total = max((outputs - 1) * stride + kernel - maps.shape[-1], 0)
        maps = functional.pad(maps, (total // 2, total - total // 2) * 2)
        return functional.conv2d(maps, state[f"{name}.weight"], stride=stride, groups=groups)

    maps = functional.relu6(norm(same(images, "_conv_stem", 2), "_bn0"))
    strides = [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1]
    for index, stride in enumerate(strides):
        block, inner = f"_blocks.{index}", maps
        if index > 0:
            inner = functional.relu6(norm(same(inner, f"{block}._expand_conv", 1), f"{block}._bn0"))
        inner = same(inner, f"{block}._depthwise_conv", stride, inner.shape[1])
        inner = functional.relu6(norm(inner, f"{block}._bn1"))
        inner = norm(same(inner, f"{block}._project_conv", 1), f"{block}._bn2")
        maps = maps + inner if maps.shape == inner.shape else inner
    maps = functional.relu6(norm(same(maps, "_conv_head", 1), "_bn1"))
    return functional.linear(maps.mean((2, 3)), state["_fc.weight"], state["_fc.bias"])


def test_fewer_stages_are_its_beginning() -> None:
    whole = EfficientNetLite(classes=2).eval()
    short = EfficientNetLite(classes=2, stages=5, head=64).eval()
    begin = {
        key: value
        for key, value in whole.state_dict().items()
        if key in short.state_dict() and key.startswith(("stem.", "blocks."))
    }
    short.load_state_dict(begin, strict=False)
    images = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        maps = short.blocks(short.stem(images))
        torch.testing.assert_close(maps, whole.blocks[:11](whole.stem(images)))
    assert maps.shape == (1, 112, 4, 4)
    assert short(images).shape == (1, 2)


@pytest.mark.parametrize("stages", [0, 8])
def test_refuses_stages_that_there_are_not(stages: int) -> None:
    with pytest.raises(ValueError, match="goes from 1 to 7"):
        EfficientNetLite(stages=stages)
