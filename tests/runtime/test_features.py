from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from brightfield.errors import InvalidParameter, TooManyPixels, UnknownLayer
from brightfield.models.inspection.layers import Tap
from brightfield.models.inspection.normalising import Cut
from brightfield.runtime import features
from brightfield.runtime.features import Features
from brightfield.runtime.layer_layouts import LayerLayouts

ROWS = torch.randn(2, 3, 6, 8, generator=torch.Generator().manual_seed(0))


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.maps = nn.Conv2d(3, 5, 3)
        self.aside = nn.Conv2d(3, 5, 3)
        self.tokens = nn.Flatten(2)
        self.mixed, self.head = nn.Linear(24, 2), nn.Linear(5, 4)
        self.end = nn.Softmax(dim=1)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.tokens(self.maps(x))
        scores: Tensor = self.end(self.head(tokens.mean(2) + 0 * self.mixed(tokens).sum(2)))
        return scores


@pytest.fixture
def network() -> Network:
    return Network().eval()


def test_maps_are_what_a_hook_sees(network: Network) -> None:
    seen: list[Tensor] = []
    hook = network.maps.register_forward_hook(lambda _, __, output: seen.append(output))
    with torch.no_grad():
        network(ROWS)
    hook.remove()
    assert torch.equal(Features(Tap("maps"), LayerLayouts())(network, ROWS, ()), seen[0])
    assert torch.equal(Features(Tap("tokens"), LayerLayouts())(network, ROWS, ()), seen[0])
    assert torch.equal(
        Features(Tap("maps"), LayerLayouts(), (4, 0))(network, ROWS, ()), seen[0][:, [4, 0]]
    )
    assert not network.maps._forward_hooks


def test_a_flat_layer_has_maps_of_one_place(network: Network) -> None:
    found = Features(Tap(""), LayerLayouts(), (1,), cut=Cut(frozenset([0]), 1, "softmax"))(
        network, ROWS, ()
    )
    with torch.no_grad():
        logits = network.head(network.maps(ROWS).mean((2, 3)))
    assert found.shape == (2, 1, 1, 1)
    torch.testing.assert_close(found[:, 0, 0, 0], logits[:, 1])


def test_what_has_no_maps_or_units_is_refused(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidParameter, match=r"no unit 5; the layer has 5, from 0 to 4"):
        Features(Tap("maps"), LayerLayouts(), (0, 5))(network, ROWS, ())
    with pytest.raises(InvalidParameter, match="gives 5 x 2 values that come from all places"):
        Features(Tap("mixed"), LayerLayouts())(network, ROWS, ())
    with pytest.raises(UnknownLayer, match="does not take part"):
        Features(Tap("aside"), LayerLayouts())(network, ROWS, ())
    monkeypatch.setattr(features, "_MOST_VALUES", 100)
    with pytest.raises(TooManyPixels, match="name fewer `units`"):
        Features(Tap("maps"), LayerLayouts())(network, ROWS, ())
    assert Features(Tap("maps"), LayerLayouts(), (0,))(network, ROWS, ()).shape == (2, 1, 4, 6)
