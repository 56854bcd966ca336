"""What a method says of a network that predicts and can't be explained by it."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from brightfield.errors import Unexplainable, UnknownLayer
from brightfield.explain.grad_cam import GradCam
from brightfield.explain.gradient import GradientSaliency
from brightfield.explain.guided_backprop import GuidedBackprop
from brightfield.outages import ModelFailed

from .conftest import Bench, case, image

IMAGES = image(3, 16, 16)


class Parts(nn.Module):
    """Two convolutions, of which something is done with the second, and a linear layer."""

    def __init__(self, how: str) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem, self.fc, self.how = nn.Conv2d(3, 4, 3), nn.Linear(4, 2), how
        self.body: nn.Module = nn.Sequential(nn.Conv2d(4, 4, 3), nn.ReLU())
        if how == "script":
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # PyTorch deprecates it
                self.body = torch.jit.trace(self.body.eval(), torch.zeros(2, 4, 14, 14))

    def forward(self, images: Tensor) -> Tensor:
        maps = torch.relu(self.stem(images))
        if self.how in ("reentrant", "checkpoint"):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # it warns without gradients
                maps = checkpoint(self.body, maps, use_reentrant=self.how == "reentrant")
        else:
            maps = self.body(maps)
        if self.how == "chunk":
            first, _ = maps.chunk(2, 1)
            first.relu_()
        if self.how == "never" or (self.how == "gradients" and maps.requires_grad):
            raise ValueError("out of order")
        scores: Tensor = self.fc(maps.mean((2, 3)))
        return scores


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("reentrant", "gradient checkpointing"),
        ("chunk", "works in place"),
        ("gradients", "ValueError: out of order"),
    ],
)
def test_a_fault_of_gradients_names_what_works(bench: Bench, how: str, reason: str) -> None:
    subject = case(Parts(how), IMAGES)
    for method in (GradientSaliency(), GuidedBackprop(), GradCam(layer="stem")):
        with pytest.raises(Unexplainable, match=rf"{reason}.* Use occlusion, rise and kernel_shap"):
            bench.explain(method, subject)


def test_what_guided_methods_cannot_do_others_can(bench: Bench) -> None:
    subject = case(Parts("checkpoint"), IMAGES)
    works = "gradient checkpointing.* Use gradient, input_x_gradient, smoothgrad and integrated"
    with pytest.raises(Unexplainable, match=works):
        bench.explain(GuidedBackprop(), subject)
    assert bench.explain(GradientSaliency(), subject).values.any()


def test_rectifiers_in_torchscript_are_guided_and_its_layers_refused(bench: Bench) -> None:
    plain, script = (
        bench.explain(GuidedBackprop(target="1"), case(Parts(how), IMAGES))
        for how in ("plain", "script")
    )
    assert abs(plain.values - script.values).max() < 1e-6 * plain.values.max()
    assert [note.code for note in script.notes] == ["fails_sanity_check"]
    assert bench.explain(GradCam(), case(Parts("script"), IMAGES)).facts["layer"] == "stem"
    with pytest.raises(UnknownLayer, match="TorchScript"):
        bench.explain(GradCam(layer="body"), case(Parts("script"), IMAGES))


def test_activations_that_follow_no_rule_are_named(bench: Bench) -> None:
    module = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.SiLU(), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Linear(4, 2),
    )  # fmt: skip
    notes = bench.explain(GuidedBackprop(), case(module, IMAGES)).notes
    assert [note.code for note in notes] == ["fails_sanity_check", "partly_guided"]
    assert "silu" in notes[1].detail
    with pytest.raises(Unexplainable, match="there are silu"):
        bench.explain(GuidedBackprop(), case(nn.Sequential(*module[:1], *module[3:]), IMAGES))


def test_a_fault_of_the_network_is_its_own(bench: Bench) -> None:
    resident = bench.resident(case(Parts("plain"), IMAGES))
    probe = bench.probe(GradientSaliency(), case(Parts("plain"), IMAGES), resident)
    resident.module.how = "never"  # type: ignore[assignment]
    with pytest.raises(ModelFailed):
        list(GradientSaliency()(probe, IMAGES))
