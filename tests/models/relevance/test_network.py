"""Relevance against zennit's, Captum's, and what algebra says; in float64."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from captum.attr import LRP
from captum.attr._utils.lrp_rules import EpsilonRule
from torch import Tensor, nn
from zennit.attribution import Gradient
from zennit.canonizers import Canonizer, SequentialMergeBatchNorm
from zennit.composites import LayerMapComposite, layer_map_base
from zennit.core import Hook
from zennit.rules import Epsilon, Gamma, ZPlus
from zennit.torchvision import ResNetCanonizer
from zennit.types import Convolution, Linear

from brightfield.errors import Unexplainable
from brightfield.models.relevance import rules
from brightfield.models.relevance.network import Relevance, RuleSet, relevance

from ...explain.networks import architecture, small

NEARLY_ZERO = RuleSet(rules.epsilon(1e-14), rules.epsilon(1e-14), sums=1e-14)
RULES: dict[str, tuple[RuleSet, Callable[[], Hook], Callable[[], Hook]]] = {
    "epsilon": (
        RuleSet(rules.epsilon(1e-3), rules.epsilon(1e-3)),
        lambda: Epsilon(1e-3),
        lambda: Epsilon(1e-3),
    ),
    "gamma": (RuleSet(rules.gamma(0.25), rules.gamma(0.25)), Gamma, Gamma),
    "z_plus": (RuleSet(rules.z_plus(), rules.z_plus()), ZPlus, ZPlus),
    "epsilon_plus": (RuleSet(rules.z_plus(), rules.epsilon(1e-6)), ZPlus, Epsilon),
    "without biases": (
        RuleSet(rules.gamma(0.25).without_biases(), rules.epsilon(1e-3).without_biases()),
        lambda: Gamma(zero_params="bias"),
        lambda: Epsilon(1e-3, zero_params="bias"),
    ),
}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.random.fork_rng():
        torch.manual_seed(5)
        yield
    torch.set_num_threads(before)


def found(module: Callable[[Tensor], Any], x: Tensor, by: RuleSet, target: int = 1) -> Relevance:
    return relevance(module, x, lambda output: output[:, target].flatten(), by)


def same(ours: Tensor, reference: Tensor, tolerance: float = 1e-7) -> None:
    assert float(reference.abs().max()) > 0
    assert float((ours - reference).abs().max() / reference.abs().max()) < tolerance


def of_zennit(
    module: nn.Module, x: Tensor, convolution: Hook, dense: Hook, canonizer: Canonizer
) -> Tensor:
    """Zennit leaves each merged batch normalisation there as a scale of 1 / sqrt(1 + eps), which
    is made 1 here."""
    layers = [*layer_map_base(1e-6), (Convolution, convolution), (Linear, dense)]
    composite = LayerMapComposite(layer_map=layers, canonizers=[canonizer])
    with composite.context(module) as changed:
        for part in changed.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.running_var.fill_(1 - part.eps)  # type: ignore[union-attr]
        with Gradient(model=changed) as attributor:
            _, given = attributor(x, lambda z: z * torch.eye(z.shape[1], dtype=z.dtype)[[1]])
    return given  # type: ignore[no-any-return]


@pytest.mark.filterwarnings("ignore:.*backward hook:UserWarning")
@pytest.mark.parametrize(
    ("name", "canonizer", "rule"),
    [
        *(("vgg_like", SequentialMergeBatchNorm, rule) for rule in RULES),
        ("resnet18", ResNetCanonizer, "epsilon_plus"),
        *(
            pytest.param("resnet18", ResNetCanonizer, rule, marks=pytest.mark.slow)
            for rule in sorted(RULES.keys() - {"epsilon_plus"})
        ),
    ],
)
def test_it_is_zennits(name: str, canonizer: type[Canonizer], rule: str) -> None:
    module, x = architecture(name).double(), torch.randn(1, 3, 32, 48, dtype=torch.float64)
    ours, convolution, dense = RULES[rule]
    before = found(module, x, ours).values
    same(before, of_zennit(module, x, convolution(), dense(), canonizer()))
    assert torch.equal(found(module, x, ours).values, before)


def test_it_is_captums_for_modules_in_a_row() -> None:
    layers = [nn.Conv2d(3, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 4, 5, 2), nn.Tanh()]
    module = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 5, 1)).double()
    for part in (module[0], module[3], module[6]):
        part.rule = EpsilonRule(epsilon=1e-2)  # type: ignore[assignment]
    x = torch.randn(1, 3, 17, 22, dtype=torch.float64)
    ours = found(module, x, RuleSet(rules.epsilon(1e-2), rules.epsilon(1e-2), sums=1e-9))
    reference = LRP(module).attribute(x.requires_grad_(), target=(1, 0, 0))
    same(ours.values, reference.detach())


class Everything(nn.Module):
    """Without biases or offsets: piecewise linear, so its score is x . gradient."""

    def __init__(self, padding_mode: str) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, 2, 1, bias=False, padding_mode=padding_mode)
        self.norm = nn.BatchNorm2d(8)
        self.again = nn.Conv2d(8, 8, 3, padding="same", groups=4, bias=False)
        self.wide = nn.Conv2d(16, 6, 3, padding=2, dilation=2, bias=False)
        self.up = nn.ConvTranspose2d(6, 4, 3, 2, 1, 1, bias=False, groups=2)
        self.act = nn.LeakyReLU(0.1)
        self.scale = nn.Parameter(torch.rand(4, 1, 1) + 0.5)
        self.dense = nn.Linear(36, 12, bias=False)
        self.mixed = nn.Parameter(torch.randn(2, 12, 7))
        for part in (self.norm,):
            part.running_mean.zero_(), part.running_var.uniform_(0.5, 2)  # type: ignore[union-attr]

    def forward(self, x: Tensor) -> Tensor:
        x = x * 2.0
        y = self.norm(self.first(x))
        y = y + self.again(self.act(self.again(F.relu(y))))  # one module, twice
        y = y - self.act(y)[:, [1, 0, 3, 2, 5, 4, 7, 6]]
        z = torch.cat([F.avg_pool2d(y, 3, 2, 1), F.max_pool2d(y, 3, 2, 1)], 1)
        z = self.up(F.pad(self.wide(z), (1, 0, 0, 1), mode="reflect")).relu_() * self.scale
        z = F.interpolate(z, scale_factor=1.5, mode="bilinear") / 3
        z = torch.stack(z.chunk(2, 1), 1).flatten(1, 2).permute(0, 2, 3, 1).roll(2, 1)
        z = F.adaptive_avg_pool2d(z.movedim(-1, 1), 3).reshape(1, -1)
        z = F.dropout(self.act(self.dense(z)), training=self.training)
        w = torch.einsum("bd,kdc->bkc", z, self.mixed)
        return torch.maximum(w[:, 0], -w[:, 1]) + w.amax(1) + w.mean(1)


@pytest.mark.parametrize("padding_mode", ["zeros", "reflect", "replicate", "circular"])
def test_without_biases_it_is_the_input_times_its_gradient(padding_mode: str) -> None:
    module = Everything(padding_mode).double().eval()
    x = torch.randn(1, 3, 17, 22, dtype=torch.float64)
    given = found(module, x, NEARLY_ZERO)
    source = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(module(source)[:, 1].sum(), source)
    same(given.values, x * gradient)
    assert float(given.values.sum()) == pytest.approx(float(given.scores))
    assert float(given.constants) == pytest.approx(0, abs=1e-9)


@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")
@pytest.mark.parametrize(
    "packed",
    [
        torch.jit.trace,
        lambda module, x: torch.jit.script(module),
        lambda module, x: torch.export.export(module, (x,)).module(),
    ],
)
def test_programs_have_the_relevance_of_their_network(packed: Any) -> None:
    layers, x = small(), torch.randn(1, 3, 16, 16, dtype=torch.float64)
    by = RULES["epsilon_plus"][0]
    network = nn.Sequential(*layers).double().eval()
    same(found(packed(network, x), x, by).values, found(network, x, by).values)


def test_one_layer_divides_by_hand() -> None:
    """z = 2 * 3 - 1 * 4 + 0.5 * 6 + 1 = 6: z+ = 6 + 3 + 1 = 10; gamma 1 doubles the 6, 3 and 1."""
    layer = nn.Linear(3, 1).double()
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[3.0, -4.0, 6.0]]))
        layer.bias.fill_(1.0)
    x = torch.tensor([[2.0, 1.0, 0.5]], dtype=torch.float64)
    for rule, expected, constants in (
        (rules.epsilon(1e-12), [6.0, -4.0, 3.0], 1.0),
        (rules.epsilon(6.0), [3.0, -2.0, 1.5], 0.5),
        (rules.z_plus(), [3.6, 0.0, 1.8], 0.6),
        (rules.gamma(1.0), [4.5, -1.5, 2.25], 0.75),
    ):
        given = found(layer, x, RuleSet(rule, rule), 0)
        assert given.values[0].tolist() == pytest.approx(expected, rel=1e-6)
        assert float(given.constants) == pytest.approx(constants, rel=1e-6)


@pytest.mark.parametrize("rule", RULES)
def test_pixels_and_biases_sum_to_the_score(rule: str) -> None:
    x = torch.randn(1, 3, 16, 16, dtype=torch.float64)
    given = found(small(), x, RULES[rule][0])
    total = float(given.values.sum() + given.constants)
    assert total == pytest.approx(float(given.scores), abs=3e-3)
    assert (abs(float(given.constants)) > 0.01) == (rule != "without biases")


class Frozen(nn.Module):
    """A convolution, and what scales its output by constants."""

    def __init__(self, scaled: Callable[[Tensor, Tensor, Tensor], Tensor], *, apart: bool) -> None:
        super().__init__()
        self.layer = nn.Conv2d(2, 3, 3)
        self.scaled, self.apart = scaled, apart
        self.scale, self.shift = torch.randn(1, 3, 1, 1), torch.randn(1, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.layer(x)
        z = self.scaled(y, self.scale.to(y), self.shift.to(y)).mean((2, 3))
        return z + 0 * y.mean((2, 3)) if self.apart else z


@pytest.mark.parametrize(
    "scaled",
    [
        lambda y, a, b: F.batch_norm(y, -b.flatten(), a.flatten() ** 2),
        lambda y, a, b: y * a + b,
        lambda y, a, b: b - y / a,
        lambda y, a, b: torch.sub(y, b, alpha=2).neg_().add(a),
        lambda y, a, b: torch.rsub(y, b) - 1,
    ],
)
def test_what_scales_a_layer_counts_as_part_of_it(scaled: Any) -> None:
    module, x = Frozen(scaled, apart=False).double(), torch.randn(1, 2, 5, 6, dtype=torch.float64)
    merged = nn.Conv2d(2, 3, 3).double()
    with torch.no_grad():  # affine, so its response to units is its weights
        zero = module.layer(torch.zeros_like(x))
        scale, shift = module.scale.double(), module.shift.double()
        at = [scaled(zero * 0 + value, scale, shift)[0, :, 0, 0] for value in (0.0, 1.0)]
        merged.weight.copy_(module.layer.weight * (at[1] - at[0])[:, None, None, None])
        merged.bias.copy_(module.layer.bias * (at[1] - at[0]) + at[0])  # type: ignore[union-attr, operator]
    by = RuleSet(rules.z_plus(), rules.z_plus())
    ours, reference = found(module, x, by), found(lambda r: merged(r).mean((2, 3)), x, by)
    same(ours.values, reference.values)
    assert float(ours.constants) == pytest.approx(float(reference.constants))


REFUSED: dict[str, tuple[Callable[[Tensor], Tensor], str]] = {
    "a gate": (lambda x: (x * x.mean((2, 3), keepdim=True).sigmoid()).mean((2, 3)), "mul, which"),
    "attention": (lambda x: (x @ x.mT).mean((2, 3)), "bmm, which"),
    "softmax": (lambda x: x.softmax(1).mean((2, 3)), "softmax"),
    "layer norm": (lambda x: F.layer_norm(x, x.shape[1:]).mean((2, 3)), "native_layer_norm, which"),
    "instance norm": (lambda x: F.instance_norm(x)[:, :, 0, 0], "LRP has no rule"),
    "a power": (lambda x: (x**2).mean((2, 3)), "the operation pow"),
    "a way that depends": (lambda x: x.mean((2, 3)) * (1 if x.max() > 0 else 2), "depends on the"),
    "noise": (lambda x: F.dropout(x).mean((2, 3)), "draws random numbers"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_others_are_refused_by_name(name: str) -> None:
    module, said = REFUSED[name]
    with pytest.raises(Unexplainable, match=said) as fault:
        found(module, torch.randn(1, 3, 4, 4), NEARLY_ZERO)
    assert "Use gradient" in str(fault.value)


def test_an_operation_where_no_relevance_comes_needs_no_rule() -> None:
    def both(x: Tensor) -> tuple[Tensor, Tensor]:
        return x.mean((2, 3)), x.exp().mean((2, 3))

    x = torch.randn(1, 3, 4, 4)
    given = relevance(both, x, lambda output: output[0][:, 2], NEARLY_ZERO)
    same(given.values[:, 2], x[:, 2] / 16, 1e-5)
    assert not given.values[:, :2].any()


def test_a_score_that_is_no_sum_is_refused() -> None:
    def cosine(output: Tensor) -> Tensor:
        return F.cosine_similarity(output, torch.tensor([[1.0, 2.0, -1.0]]))

    with pytest.raises(Unexplainable, match="weighted sum"):
        relevance(lambda x: x.mean((2, 3)), torch.randn(1, 3, 4, 4), cosine, NEARLY_ZERO)


def test_a_network_that_changes_by_itself_is_refused() -> None:
    step = torch.zeros(3)

    def moving(x: Tensor) -> Tensor:
        scores = x.mean((2, 3)) + step
        step.add_(1.0)
        return scores

    with pytest.raises(Unexplainable, match="its own score"):
        found(moving, torch.randn(1, 3, 4, 4), NEARLY_ZERO)
