"""Maps that show nothing say so, and nothing draws them at full contrast."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from brightfield.explain.grad_cam import GradCam
from brightfield.explain.gradient import GradientSaliency
from brightfield.explain.guided_backprop import GuidedBackprop
from brightfield.explain.input_x_gradient import InputTimesGradient
from brightfield.explain.method import Method
from brightfield.explain.occlusion import Occlusion
from brightfield.explain.rise import Rise

from ..conftest import Bench, case, image

IMAGES = image(3, 24, 24)


class Ends(nn.Module):
    """A convolution, and an end of some kind."""

    def __init__(self, how: str) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body, self.fc, self.how = nn.Conv2d(3, 4, 3), nn.Linear(4, 2), how
        self.norm = nn.InstanceNorm2d(4)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.body(images)
        match self.how:
            case "round":
                maps = maps.round()
            case "std":
                return self.fc(maps.std((2, 3)))  # type: ignore[no-any-return]
            case "normalised":
                maps = self.norm(maps)
            case "sqrt":
                maps = (maps.relu() * maps.relu()).sqrt()
            case "constant":
                return self.fc(maps.mean((2, 3)) * 0)  # type: ignore[no-any-return]
            case "saturated":
                return 5 + self.fc(torch.tanh(4e-4 * maps.mean((2, 3))))  # type: ignore[no-any-return]
        scores: Tensor = self.fc(maps.mean((2, 3)))
        return scores


def found(bench: Bench, method: Method, how: str) -> tuple[list[str], Any]:
    result = bench.explain(method, case(Ends(how), IMAGES))
    codes = [note.code for note in result.notes]
    return [code for code in codes if code not in ("default_layer", "fails_sanity_check")], result


@pytest.mark.parametrize(
    ("method", "how", "code"),
    [
        (GradientSaliency(target="0"), "round", "empty_map"),
        (InputTimesGradient(target="0"), "constant", "empty_map"),
        (GradCam(target="0"), "round", "empty_map"),
        (Occlusion(target="0"), "constant", "empty_map"),
        (Rise(target="0", masks=20), "constant", "empty_map"),
        (GradCam(target="0"), "std", "rounding_noise"),
        (GradCam(target="0", relu=False), "std", "rounding_noise"),
        (GradientSaliency(target="0"), "normalised", "rounding_noise"),
        (GradientSaliency(target="0"), "saturated", "saturated"),
    ],
)
def test_what_shows_nothing_says_so(bench: Bench, method: Method, how: str, code: str) -> None:
    codes, result = found(bench, method, how)
    assert codes == [code]
    if code != "saturated":
        assert not result.heat().map.any()
        assert len({tuple(pixel) for pixel in result.image().reshape(-1, 3).tolist()}) == 1


def test_what_shows_something_does_not(bench: Bench) -> None:
    for method in (GradientSaliency(), Occlusion(), Rise(masks=20), GradCam(relu=False)):
        codes, result = found(bench, method, "plain")
        assert codes == []
        assert result.heat().map.any()


def test_a_map_of_what_speaks_against_the_target_says_how_to_see_it(bench: Bench) -> None:
    module = nn.Sequential(
        nn.Conv2d(3, 1, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1, 2)
    )
    with torch.no_grad():
        module[4].weight.copy_(torch.tensor([[-1.0], [1.0]]))
    result: Any = bench.explain(GradCam(target="0", layer="1"), case(module, IMAGES))
    (note,) = result.notes
    assert note.code == "empty_map"
    assert "relu=false" in note.detail


def test_infinite_gradients_have_no_numbers_or_are_stopped(bench: Bench) -> None:
    codes, result = found(bench, GuidedBackprop(target="0"), "sqrt")
    assert "rounding_noise" not in codes
    assert torch.from_numpy(result.values).isfinite().all()
