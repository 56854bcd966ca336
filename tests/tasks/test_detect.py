"""Boxes from candidates and from label images."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from skimage.measure import regionprops

from brightfield.cards import ModelCard
from brightfield.geometry import Axis, Geometry
from brightfield.images.picture import Picture, Region
from brightfield.images.tiles import Tile
from brightfield.models.architecture import Candidates
from brightfield.outages import ModelFailed
from brightfield.tasks.detect import Detect
from brightfield.tasks.kinds.dense import Scene
from brightfield.tasks.objects.objects import Objects

PICTURE = Picture(np.zeros((60, 80, 3), np.uint8), "0" * 64, "png", "YXC")


def card(task: str = "detect", **output: Any) -> ModelCard:
    return ModelCard.model_validate(
        {
            "id": "x", "version": "1", "task": task, "licence": "-",
            "architecture": {"name": "-"}, "output": {"activation": "sigmoid", **output},
            "labels": [{"name": "cell"}, {"name": "dirt"}],
        }
    )  # fmt: skip


def detected(task: Detect, output: Any, model: ModelCard, region: Region | None = None) -> Objects:
    part = region or Region(0, 0, 80, 60)
    canvas = task.canvas(Scene(model, PICTURE, part, None))
    geometry = Geometry(Axis.of(80, part.x, part.width), Axis.of(60, part.y, part.height))
    canvas.add(output, geometry, Tile(part, part))
    return canvas.result()


def candidates(boxes: list[list[float]], probabilities: list[list[float]]) -> Candidates:
    corners = torch.tensor([boxes])
    middles = (corners[..., :2] + corners[..., 2:]) / 2
    return Candidates(corners, torch.logit(torch.tensor([probabilities])), middles)


CELLS = candidates(
    [[10, 10, 30, 30], [11, 10, 31, 30], [50, 20, 70, 40], [-4, -6, 10, 8]],
    [[0.9, 0.1], [0.8, 0.6], [0.4, 0.7], [0.3, 0.2]],
)


def shown(found: Objects) -> list[tuple[str, float, list[float]]]:
    return [
        (o.label, pytest.approx(o.score, abs=1e-4), list(o.box.json().values()))
        for o in found.objects
    ]


def test_one_box_per_object_best_first() -> None:
    assert shown(detected(Detect(), CELLS, card())) == [
        ("cell", 0.9, [10, 10, 30, 30]),
        ("dirt", 0.7, [50, 20, 70, 40]),
        ("dirt", 0.6, [11, 10, 31, 30]),  # other classes do not suppress each other
    ]


def test_parameters_choose() -> None:
    def of(model: ModelCard | None = None, **task: Any) -> list[float]:
        found = detected(Detect(**task), CELLS, model or card())
        assert [o.id for o in found.objects] == list(range(1, len(found.objects) + 1))
        return [round(o.score or 0, 3) for o in found.objects]

    assert of(threshold=0.65) == [0.9, 0.7]
    assert of(card(threshold=0.25)) == [0.9, 0.7, 0.6, 0.4, 0.3]
    assert of(card(threshold=0.25), threshold=0.85) == [0.9]
    assert of(max_detections=1) == [0.9]
    assert of(classes="dirt") == [0.7, 0.6] == of(classes=("1",))
    assert of(iou=0.95) == [0.9, 0.8, 0.7, 0.6] == of(card(iou=0.95))
    assert of(threshold=1) == []


def test_boxes_end_at_the_image_or_region() -> None:
    edge = detected(Detect(threshold=0.25), CELLS, card()).objects[-1]
    assert list(edge.box.json().values()) == [0, 0, 10, 8]
    # In the region's own coordinates the first cell lies at (10, 10): (15, 17) in the image.
    found = detected(Detect(), CELLS, card(), Region(5, 7, 22, 40))
    assert shown(found)[0] == ("cell", 0.9, [15, 17, 27, 37])
    assert len(found.objects) == 2  # the one at (50, 20) has its point outside


def test_a_segmenter_gives_the_boxes_of_its_objects() -> None:
    maps = torch.full((1, 2, 60, 80), -5.0)
    maps[0, 0, 10:20, 10:30], maps[0, 1, 40:50, 5:15], maps[0, 1, 30:33, 60:70] = 2.0, 3.0, 1.0
    found = detected(Detect(), maps, card("segment"))
    truth = [
        (found.label, [float(edge) for edge in (box[1], box[0], box[3], box[2])])
        for found, box in zip(
            found.objects,
            [regionprops((maps[0].amax(0).numpy() == v).astype(int))[0].bbox for v in (3, 2, 1)],
            strict=True,
        )
    ]
    assert [(o.label, list(o.box.json().values())) for o in found.objects] == truth
    assert [o.score for o in found.objects] == pytest.approx(
        torch.tensor([3.0, 2.0, 1.0]).sigmoid().tolist(), abs=1e-6
    )
    assert len(detected(Detect(threshold=0.9), maps, card("segment")).objects) == 1
    assert len(detected(Detect(classes="dirt"), maps, card("segment")).objects) == 2


def test_nothing_is_an_answer_and_maps_of_a_detector_are_none() -> None:
    nothing = detected(Detect(), candidates([[1, 1, 2, 2]], [[0.1, 0.1]]), card())
    assert nothing.objects == () and nothing.payload("input")["objects"] == []
    with pytest.raises(ModelFailed, match="isn't a detector"):
        detected(Detect(), torch.zeros(1, 2, 60, 80), card())
