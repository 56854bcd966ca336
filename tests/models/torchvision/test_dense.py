"""What RetinaNet, FCOS and SSD share with nothing else; test_torchvision_detection runs them."""

from __future__ import annotations

import torch

from brightfield.models.torchvision.dense import weighed_logits


def test_fcos_logits_give_its_scores() -> None:
    classes = torch.tensor([-30.0, -3.0, 0.0, 2.0, 9.0], dtype=torch.float64)[:, None]
    centreness = torch.tensor([-20.0, -1.0, 0.5, 12.0], dtype=torch.float64)
    expected = (classes.sigmoid() * centreness.sigmoid()).sqrt()
    torch.testing.assert_close(weighed_logits(classes, centreness).sigmoid(), expected)
    single = weighed_logits(classes.float(), centreness.float())
    torch.testing.assert_close(single.sigmoid().double(), expected, rtol=1e-5, atol=0)


def test_fcos_logits_of_certain_answers_stay_finite() -> None:
    classes = torch.tensor([-500.0, 0.0, 500.0], requires_grad=True)
    logits = weighed_logits(classes, torch.tensor([500.0, 500.0, 500.0]))
    assert logits.isfinite().all()
    assert logits[2] > 80
    (gradient,) = torch.autograd.grad(logits.sum(), classes)
    assert gradient.isfinite().all()
