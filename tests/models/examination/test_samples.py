"""Images of a card's form."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from brightfield.cards import InputSpec
from brightfield.models.examination.samples import samples, shapes, smaller


def test_they_are_what_preprocessing_makes() -> None:
    spec = InputSpec(channels=2, size=(8, 9), mean=(0.5, 0.25), std=(0.25, 0.5))
    first, unit, black = samples(spec, shapes(spec)[0])
    assert first.rows.shape == (4, 2, 8, 9) and first.neighbours.shape == (2, 2, 8, 9)
    mean, std = (np.array(part)[:, None, None] for part in (spec.mean, spec.std))
    np.testing.assert_allclose(first.rows, (unit.rows.numpy() - mean) / std, rtol=1e-6)
    for images in (unit.rows, unit.neighbours):
        assert float(images.min()) >= 0 and float(images.max()) <= 1
    assert float(unit.rows[2].max()) < 0.3 and float(unit.rows[3].min()) > 0.7
    assert not black.rows.any() and not black.telling


def test_arrays_have_no_bounds() -> None:
    first, *_ = samples(InputSpec(pixels="raw"), (3, 8, 8))
    assert float(first.neighbours.abs().max()) > 50 > float(first.rows.abs().max())
    again, *_ = samples(InputSpec(pixels="raw"), (3, 8, 8))
    assert torch.equal(first.rows, again.rows)


@pytest.mark.parametrize(
    ("spec", "first", "small"),
    [
        ({"size": (40, 60)}, (3, 40, 60), None),
        ({"size": (512, 256)}, (3, 512, 256), (3, 96, 96)),
        ({"crop": 224, "channels": 1}, (1, 224, 224), (1, 96, 96)),
        ({"size": {"multiple": 100}}, (3, 300, 300), (3, 100, 100)),
        ({}, (3, 256, 256), (3, 96, 96)),
    ],
)
def test_shapes(
    spec: dict[str, object], first: tuple[int, ...], small: tuple[int, ...] | None
) -> None:
    made = InputSpec.model_validate(spec)
    assert shapes(made)[0] == first
    assert smaller(made, shapes(made)[0]) == small
