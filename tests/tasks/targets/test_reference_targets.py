"""The likeness to a reference, against the cosine by NumPy and its closed gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from brightfield.tasks.targets.reference_targets import reference_target

RANDOM = np.random.default_rng(0)


def cosine(u: Any, v: Any) -> float:
    return float(u @ v / np.linalg.norm(u) / np.linalg.norm(v))


@pytest.mark.parametrize(("shape", "axes"), [((1, 7), ()), ((1, 7, 4, 5), (2, 3))])
def test_it_is_the_cosine_of_the_means_over_space(shape: Any, axes: Any) -> None:
    """Flat features, and maps, which a transformer's tokens are by then."""
    one, other = (RANDOM.normal(size=shape).astype(np.float32) for _ in range(2))
    target = reference_target(torch.from_numpy(one), torch.from_numpy(other), "penultimate", "ab")
    expected = cosine(one.mean(axes)[0], other.mean(axes)[0])
    assert target.value == pytest.approx(expected, rel=1e-5)
    batch = torch.from_numpy(np.concatenate([one, -2 * one, other]))
    assert target.score(batch).tolist() == pytest.approx([expected, -expected, 1], rel=1e-5)
    assert target.payload() == {
        "label": "reference",
        "class_id": None,
        "measure": "cosine similarity to the reference",
        "layer": "penultimate",
        "reference": "ab",
    }


def test_its_gradient_is_the_closed_form() -> None:
    """d cos(u, v) / du = v / (|u| |v|) - cos(u, v) u / |u|^2."""
    u, v = RANDOM.normal(size=(2, 6))
    target = reference_target(torch.from_numpy(u)[None], torch.from_numpy(v)[None], "l", "ab")
    rows = torch.from_numpy(u)[None].float().requires_grad_()
    (gradient,) = torch.autograd.grad(target.score(rows).sum(), rows)
    size = np.linalg.norm(u)
    expected = v / (size * np.linalg.norm(v)) - cosine(u, v) * u / size**2
    np.testing.assert_allclose(gradient[0], expected, rtol=1e-5, atol=1e-6)


def test_nothing_is_like_nothing() -> None:
    target = reference_target(torch.zeros(1, 4), torch.ones(1, 4), "l", "ab")
    assert target.value == 0
