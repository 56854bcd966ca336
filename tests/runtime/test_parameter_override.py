from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision import models

from brightfield.models.inspection.layers import Tap
from brightfield.models.inspection.normalising import Cut
from brightfield.runtime.operations import Forward, Gradients, RowSpan
from brightfield.runtime.parameter_override import (
    ParameterOverride,
    WeightUse,
    drawn,
    last_weight,
)
from brightfield.targets import Score

CUT = Cut(frozenset([0]), 1, "softmax")
USE = WeightUse("4.weight", 0, 1)
IMAGES = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def last_layer(
    module: nn.Module, images: Tensor, score: Score, of: Tap | None = None
) -> str | None:
    found = last_weight(module, images, score, of=of)
    return None if found is None else found.label


def score(output: Tensor) -> Tensor:
    return output[:, 1]


def network() -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers = nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, 5)
        )
    return layers.eval().requires_grad_(False)


class TwoHeads(nn.Module):
    """The head that is defined and run last has no part in the first output."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Conv2d(3, 4, 3)
        self.classes = nn.Conv2d(4, 5, 1)
        self.boxes = nn.Conv2d(4, 4, 1)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        x = self.body(x).relu()
        return {"classes": self.classes(x), "boxes": self.boxes(x)}


def test_the_last_layer_is_the_one_nearest_to_the_score() -> None:
    assert last_layer(network(), IMAGES, score) == "4"
    assert last_layer(network(), IMAGES, lambda maps: maps[:, 1, 2, 2], of=Tap("1")) == "0"
    heads = TwoHeads()
    assert last_layer(heads, IMAGES, lambda out: out["classes"][:, 1, 0, 0]) == "classes"
    assert last_layer(heads, IMAGES, lambda out: out["boxes"][:, 1, 0, 0]) == "boxes"
    assert last_layer(nn.Flatten(), IMAGES, score) is None


def test_what_lies_beside_a_picked_score_does_not_count() -> None:
    """The first head's maps are joined to the second's, of which the score takes one place."""

    def picked(out: dict[str, Tensor]) -> Tensor:
        return torch.cat([out["boxes"].flatten(1), out["classes"].flatten(1)], 1)[:, -1]

    assert last_layer(TwoHeads(), IMAGES, picked) == "classes"


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("densenet121", "classifier"),
        ("mobilenet_v2", "classifier.1"),
        ("squeezenet1_1", "classifier.1"),
    ],
)
def test_in_known_networks_it_is_the_classifier(name: str, layer: str) -> None:
    module = models.get_model(name, num_classes=10).eval()
    assert last_layer(module, IMAGES, score) == layer


def test_values_are_drawn_as_large_as_they_were() -> None:
    module = network()
    first, same, other = (drawn(module, "4", seed) for seed in (0, 0, 1))
    assert sorted(first) == ["4.bias", "4.weight"]
    assert torch.equal(first["4.weight"], same["4.weight"])
    assert not torch.equal(first["4.weight"], other["4.weight"])
    wide = nn.Sequential(nn.Linear(400, 400))
    spread = drawn(wide, "0", 0)["0.weight"]
    trained = wide[0].weight.detach()
    sizes = [float(values.square().mean().sqrt()) for values in (spread, trained)]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.02)
    assert abs(float(torch.corrcoef(torch.stack([spread.ravel(), trained.ravel()]))[0, 1])) < 0.02


def randomised(module: nn.Module, operation: Forward | Gradients) -> ParameterOverride:
    return ParameterOverride(operation, USE, 0, drawn(module, "4", 0))


def test_the_operation_sees_the_drawn_values_and_the_module_keeps_its_own() -> None:
    module, spans = network(), [RowSpan(0, 2, score)]
    before = {name: value.clone() for name, value in module.state_dict().items()}
    own = {name: id(value) for name, value in module.named_parameters()}
    changed = network()
    changed.load_state_dict({**before, **drawn(module, "4", 0)})
    found = randomised(module, Forward())(module, IMAGES, spans)
    assert torch.equal(found, changed(IMAGES))
    gradient = randomised(module, Gradients(Tap("0"), relu_rule="guided"))(module, IMAGES, spans)
    expected = Gradients(Tap("0"), relu_rule="guided")(changed, IMAGES, spans)
    assert torch.equal(gradient.gradients, expected.gradients)
    assert {name: id(value) for name, value in module.named_parameters()} == own
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())


def test_after_a_failure_the_module_has_its_own_values() -> None:
    module = network()
    own = {name: id(value) for name, value in module.named_parameters()}
    with pytest.raises(RuntimeError):
        randomised(module, Forward())(module, IMAGES[:, :2], [])
    assert {name: id(value) for name, value in module.named_parameters()} == own


def test_an_exported_program_has_a_last_layer_too() -> None:
    module = network()
    program = torch.export.unflatten(torch.export.export(module, (IMAGES,)))
    assert last_layer(program, IMAGES, score) == "4"
    found = randomised(program, Forward())(program, IMAGES, [])
    torch.testing.assert_close(found, randomised(module, Forward())(module, IMAGES, []))


def test_only_the_same_change_of_the_same_operation_shares_a_batch() -> None:
    module = network()
    assert randomised(module, Forward()) == randomised(module, Forward())
    assert hash(randomised(module, Forward())) == hash(randomised(module, Forward()))
    assert randomised(module, Forward()) != randomised(module, Forward(CUT))
    assert randomised(module, Forward()) != ParameterOverride(Forward(), USE, 1, {})


class Again(nn.Module):
    """One linear layer twice, the second time without its bias and not as a module."""

    def __init__(self, *, functionally: bool) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.fc, self.norm = nn.Linear(6, 6), nn.LayerNorm(6)
        self.functionally = functionally

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.fc(x.mean(3).flatten(1)[:, :6]).tanh())
        found: Tensor = functional.linear(x, self.fc.weight) if self.functionally else self.fc(x)
        return found


@pytest.mark.parametrize("functionally", [False, True])
def test_of_a_layer_that_runs_twice_the_last_call_alone_is_drawn(functionally: bool) -> None:
    module = Again(functionally=functionally).eval()
    use = last_weight(module, IMAGES, score)
    assert use == WeightUse("fc.weight", 1, 2)
    assert use.label == "fc"
    values = drawn(module, "fc", 0)
    found = ParameterOverride(Forward(), use, 0, values)(module, IMAGES, [])
    with torch.no_grad():
        before = module.norm(module.fc(IMAGES.mean(3).flatten(1)[:, :6]).tanh())
        bias = None if functionally else values["fc.bias"]
        expected = functional.linear(before, values["fc.weight"], bias)
    torch.testing.assert_close(found, expected)
    first = ParameterOverride(Forward(), WeightUse("fc.weight", 0, 2), 0, values)
    assert not torch.allclose(first(module, IMAGES, []), expected)


def test_the_use_that_a_picked_score_comes_from_is_found() -> None:
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Conv2d(3, 2, 1)

        def forward(self, x: Tensor) -> Tensor:
            return torch.cat([self.head(x).flatten(1), self.head(x * x).flatten(1)], dim=1)

    first = last_weight(Shared(), IMAGES, lambda out: out[:, 0])
    last = last_weight(Shared(), IMAGES, lambda out: out[:, -1])
    assert (first, last) == (WeightUse("head.weight", 0, 2), WeightUse("head.weight", 1, 2))
    assert first is not None
    assert first.label == "head@0"


def test_attention_s_projection_is_drawn_where_no_module_calls_it() -> None:
    class Attends(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(4, 2, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            tokens = x.flatten(2).transpose(1, 2)[:, :9, [0, 1, 2, 0]]
            found: Tensor = self.attention(tokens, tokens, tokens)[0][:, 0]
            return found

    module = Attends().eval()
    use = last_weight(module, IMAGES, score)
    assert use == WeightUse("attention.out_proj.weight", 0, 1)
    values = drawn(module, use.layer, 0)
    found = ParameterOverride(Forward(), use, 0, values)(module, IMAGES, [])
    changed = Attends().eval()
    changed.load_state_dict({**module.state_dict(), **values})
    with torch.no_grad():
        torch.testing.assert_close(found, changed(IMAGES))
