"""Candidates of a tile, placed in the image."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from brightfield.cards import ModelCard
from brightfield.geometry import Axis, Geometry
from brightfield.images.picture import Region
from brightfield.images.tiles import Tile
from brightfield.models.architecture import Candidates
from brightfield.outages import ModelFailed
from brightfield.tasks.objects.tiled_candidates import clipped, own_candidates

TILE = Tile(Region(10, 20, 40, 40), Region(20, 30, 20, 20))
GEOMETRY = Geometry(Axis.of(100, 10, 40), Axis.of(90, 20, 40))


def card(*labels: str, activation: str = "sigmoid") -> ModelCard:
    return ModelCard.model_validate(
        {
            "id": "x", "version": "1", "task": "detect", "licence": "-",
            "architecture": {"name": "-"}, "output": {"activation": activation},
            "labels": [{"name": name} for name in labels],
        }
    )  # fmt: skip


def at(points: list[tuple[float, float]], logits: list[float]) -> Candidates:
    places = torch.tensor([points])
    return Candidates(
        torch.cat([places - 3, places + 3], -1), torch.tensor([logits])[..., None], places
    )


def test_each_belongs_to_the_tile_in_whose_core_its_point_lies() -> None:
    # Points of the core are 10 to 30 of the tile; its first edge is within, its last is not.
    inside = [(10.0, 10.0), (29.9, 10.0), (20.0, 29.9)]
    outside = [(9.9, 15.0), (30.0, 15.0), (15.0, 9.9), (15.0, 30.0), (float("nan"), 15.0)]
    found = own_candidates(at(inside + outside, [5.0] * 8), GEOMETRY, TILE, card("a"), 0.5)
    expected = torch.tensor(inside) + torch.tensor([10.0, 20.0])
    assert torch.allclose(found.points[0], expected)
    assert torch.allclose(found.boxes[0], torch.cat([expected - 3, expected + 3], 1))


def test_only_what_is_likely_is_kept() -> None:
    found = own_candidates(
        at([(15.0, 15.0)] * 3, [-1.0, 0.0, float("nan")]), GEOMETRY, TILE, card("a"), 0.5
    )
    assert found.logits.flatten().tolist() == [0.0]


def test_a_resized_tile_is_scaled_back() -> None:
    shrunk = GEOMETRY.resized(20, 10)
    found = own_candidates(at([(5.0, 10.0)], [1.0]), shrunk, TILE, card("a"), 0.5)
    assert found.points.tolist() == [[[10 + 4 * 5, 20 + 2 * 10]]]
    assert found.boxes.tolist() == [[[18, 34, 42, 46]]]


def test_labels_must_be_as_many_as_classes() -> None:
    with pytest.raises(ModelFailed, match="names 2 labels, and the model has 1"):
        own_candidates(at([(15.0, 15.0)], [1.0]), GEOMETRY, TILE, card("a", "b"), 0.5)
    unnamed = own_candidates(at([(15.0, 15.0)], [1.0]), GEOMETRY, TILE, card(), 0.5)
    assert len(unnamed.points[0]) == 1


def test_boxes_are_cut_at_the_region() -> None:
    boxes = np.array([[-5, 3, 200, 15], [12, 22, 18, 28]], np.float32)
    assert clipped(boxes, Region(10, 5, 30, 40)).tolist() == [[10, 5, 40, 15], [12, 22, 18, 28]]
