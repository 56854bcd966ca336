"""FCOS: where its candidates lie, that tiles equal the whole, and that gradients reach pixels."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from brightfield.models.architecture import Candidates
from brightfield.models.efficientnet_lite import EfficientNetLite
from brightfield.models.fcos import FCOS, around, centres


@pytest.fixture(scope="module")
def network() -> FCOS:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        built = FCOS(classes=3, width=16).eval().requires_grad_(False)
        for part in built.modules():  # statistics as a trained network has them, so that maps vary
            if isinstance(part, nn.BatchNorm2d):
                part.running_var.mul_(0.1)
                nn.init.uniform_(part.bias, -0.3, 0.6)
        for head in built.heads:
            nn.init.normal_(head.logits.weight, std=0.5)
            nn.init.normal_(head.distances.weight, std=0.1)
    return built


def noise(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize(("height", "width"), [(32, 32), (96, 160)])
def test_has_a_candidate_for_every_cell_of_three_grids(
    network: FCOS, height: int, width: int
) -> None:
    found = network(noise(2, 3, height, width))
    cells = sum((height // stride) * (width // stride) for stride in (8, 16, 32))
    assert found.boxes.shape == (2, cells, 4)
    assert found.logits.shape == (2, cells, 3)
    assert found.points.shape == (2, cells, 2)
    # Every point lies in its own cell's middle, so their mean is that of the image.
    torch.testing.assert_close(found.points.mean(1), torch.tensor([[width / 2, height / 2]] * 2))


def test_before_training_a_box_is_six_strides_around_its_point() -> None:
    network = FCOS(classes=1, width=8, shrink=1).eval()
    with torch.no_grad():
        for head in network.heads:
            head.distances.weight.zero_()
            head.logits.weight.zero_()
        found = network(noise(1, 3, 32, 32))
    strides = torch.tensor([4.0] * 64 + [8.0] * 16 + [16.0] * 4)
    reach = torch.stack([-strides, -strides, strides, strides], 1) * 3
    torch.testing.assert_close(found.boxes[0], found.points[0].repeat(1, 2) + reach)
    torch.testing.assert_close(found.logits.sigmoid(), torch.full((1, 84, 1), 0.01))


def test_points_and_boxes_by_hand() -> None:
    points = centres(2, 3, 8, torch.device("cpu"))
    assert points.tolist() == [[[4, 4], [12, 4], [20, 4], [4, 12], [12, 12], [20, 12]]]
    box = around(torch.tensor([10.0, 20.0]), torch.tensor([1.0, 2.0, 3.0, 4.0]))
    assert box.tolist() == [9, 18, 13, 24]


def test_a_tile_equals_the_whole_away_from_its_border(network: FCOS) -> None:
    whole_image = noise(1, 3, 64, 1536)
    start, halo = 320, 480  # multiples of the stride; the halo exceeds the radius
    whole = network(whole_image)
    tile = moved(network(whole_image[..., start : start + 1024]), start)
    core = (start + halo, start + 1024 - halo)
    expected, found = within(whole, *core), within(tile, *core)
    assert len(expected.points) == 8 * 8 + 4 * 4 + 2 * 2
    torch.testing.assert_close(found.points, expected.points)
    torch.testing.assert_close(found.boxes, expected.boxes, atol=1e-2, rtol=1e-5)  # pixels
    torch.testing.assert_close(found.logits, expected.logits, atol=1e-4, rtol=1e-4)
    assert expected.logits.std() > 0.1


def moved(candidates: Candidates, right: int) -> Candidates:
    shift = torch.tensor([right, 0.0])
    return candidates._replace(
        boxes=candidates.boxes + shift.repeat(2), points=candidates.points + shift
    )


def within(candidates: Candidates, left: int, right: int) -> Candidates:
    x = candidates.points[0, :, 0]
    chosen = (x > left) & (x < right)
    parts = (part[0, chosen] for part in candidates[:3])
    return Candidates(*parts)


def test_a_logit_has_a_gradient_within_its_radius_only(network: FCOS) -> None:
    images = noise(1, 3, 64, 1024).requires_grad_()
    found = network(images)
    (gradient,) = torch.autograd.grad(found.logits[0, 0, 1], images)  # the first point is (4, 4)
    reached = gradient[0].abs().amax(dim=(0, 1)) > 0
    assert reached[:32].all()
    assert not reached[480:].any()


def test_begins_with_the_names_of_efficientnet_lite(network: FCOS) -> None:
    lite = EfficientNetLite().state_dict()
    shared = {k: v for k, v in network.state_dict().items() if k.startswith(("stem.", "blocks."))}
    assert {key: value.shape for key, value in shared.items()} == {
        key: lite[key].shape for key in shared
    }
    assert sum(key.endswith("depthwise.conv.weight") for key in shared) == 11


def test_can_be_exported(network: FCOS) -> None:
    images = noise(1, 3, 64, 64)
    program = torch.export.export(network, (images,))
    torch.testing.assert_close(tuple(program.module()(images))[:3], tuple(network(images))[:3])


def test_has_fewer_than_a_million_parameters() -> None:
    with torch.device("meta"):
        parameters = sum(part.numel() for part in FCOS(classes=3).parameters())
    assert math.ceil(parameters / 1e6) == 1
