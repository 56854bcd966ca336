"""Objects by a lab's own code: small decoders of StarDist's and Cellpose's kinds, and YOLO's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import ndimage

from brightfield.cards import ModelCard
from brightfield.errors import Unexplainable
from brightfield.geometry import Axis, Geometry
from brightfield.images.picture import Picture, Region
from brightfield.images.tiles import Tile, Tiling
from brightfield.outages import ModelFailed
from brightfield.targets import Aim
from brightfield.tasks.detect import Detect
from brightfield.tasks.kinds.dense import Scene
from brightfield.tasks.segment import Segment
from brightfield.tasks.targets.model_output import ModelOutput

HEIGHT, WIDTH = 60, 80
DISCS = ((16, 20, 9), (17, 40, 10), (42, 30, 12), (40, 62, 11))  # y, x, radius
Y, X = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)


def truth() -> NDArray[np.int32]:
    labels = np.zeros((HEIGHT, WIDTH), np.int32)
    for number, (y, x, radius) in enumerate(DISCS, 1):
        labels[np.hypot(Y - y, X - x) <= radius] = number
    return labels


def model(function: Callable[..., Any], task: str = "segment", **output: Any) -> ModelCard:
    card = ModelCard.model_validate(
        {
            "id": "x", "version": "1", "task": task, "licence": "-",
            "architecture": {"name": "-"}, "labels": ["cell", "dirt"],
            "output": {"activation": "sigmoid", "python": "post.py:objects", **output},
        }
    )  # fmt: skip
    return card.with_post(function)


def picture() -> Picture:
    return Picture(np.zeros((HEIGHT, WIDTH, 1), np.uint8), "0" * 64, "png", "YXC")


def answered(task: Any, output: Any, card: ModelCard, region: Region | None = None) -> Any:
    part = region or Region(0, 0, WIDTH, HEIGHT)
    canvas = task.canvas(Scene(card, picture(), part, None))
    geometry = Geometry(Axis.of(WIDTH, part.x, part.width), Axis.of(HEIGHT, part.y, part.height))
    canvas.add(output, geometry, Tile(part, part))
    return canvas.result()


RAYS = 32


def stars() -> torch.Tensor:
    """(1, 1 + RAYS, H, W): an object's probability, and how far its edge is along each ray."""
    maps = np.zeros((1 + RAYS, HEIGHT, WIDTH), np.float32)
    angles = np.arange(RAYS) * 2 * np.pi / RAYS
    for y, x, radius in DISCS:
        inside = np.hypot(Y - y, X - x) <= radius
        maps[0][inside] = 1 - np.hypot(Y - y, X - x)[inside] / radius
        for ray, angle in enumerate(angles):
            towards = (X - x) * np.cos(angle) + (Y - y) * np.sin(angle)
            off = np.hypot(X - x, Y - y) ** 2 - towards**2
            distance = -towards + np.sqrt(np.maximum(radius**2 - off, 0))
            maps[1 + ray][inside] = distance[inside]
    return torch.from_numpy(maps)[None]


def star_objects(maps: NDArray[np.float32], info: Any) -> dict[str, Any]:
    """The stars of the local maxima of the probability, the better of two that overlap."""
    likely, distances = maps[0], maps[1:]
    peaks = (ndimage.maximum_filter(likely, 5) == likely) & (likely >= info.threshold)
    angles = np.arange(len(distances)) * 2 * np.pi / len(distances)
    centres = sorted(zip(*np.nonzero(peaks), strict=True), key=lambda at: -likely[at])
    polygons, scores = [], []
    for y, x in centres:
        reach = distances[:, y, x] * info.scale[0]
        polygons.append(
            np.stack([x + 0.5 + reach * np.cos(angles), y + 0.5 + reach * np.sin(angles)], 1)
        )
        scores.append(likely[y, x])
    return {"polygons": polygons, "scores": scores}


def flows() -> torch.Tensor:
    """(1, 3, H, W): unit vectors towards the centre of an object, and its logit."""
    maps = np.zeros((3, HEIGHT, WIDTH), np.float32)
    maps[2] = -5
    for y, x, radius in DISCS:
        inside = np.hypot(Y - y, X - x) <= radius
        length = np.maximum(np.hypot(Y - y, X - x), 1e-3)
        maps[0][inside], maps[1][inside] = ((y - Y) / length)[inside], ((x - X) / length)[inside]
        maps[2][inside] = 5
    return torch.from_numpy(maps)[None]


def flow_objects(maps: NDArray[np.float32], info: Any) -> NDArray[np.int32]:
    """Pixels follow the flow for some steps; those that come together are one object."""
    inside = maps[2] > 0
    places = np.stack(np.nonzero(inside)).astype(np.float32)
    for _ in range(40):
        step = [ndimage.map_coordinates(flow, places, order=1) for flow in maps[:2]]
        places = places + 0.5 * np.stack(step)
    ends = np.zeros(maps.shape[1:], bool)
    rows, columns = np.rint(places).astype(int)
    ends[rows, columns] = True
    sinks, _ = ndimage.label(ndimage.binary_dilation(ends, iterations=1))
    labels = np.zeros(maps.shape[1:], np.int32)
    labels[inside] = sinks[rows, columns]
    return labels


def overlap(found: NDArray[Any], expected: NDArray[Any]) -> list[float]:
    """For each true object the best intersection over union."""
    best = []
    for number in range(1, int(expected.max()) + 1):
        ious = [
            ((found == other) & (expected == number)).sum()
            / ((found == other) | (expected == number)).sum()
            for other in range(1, int(found.max()) + 1)
        ]
        best.append(max(ious))
    return best


@pytest.mark.parametrize(
    ("make", "decode", "least"), [(stars, star_objects, 0.93), (flows, flow_objects, 0.9)]
)
def test_small_decoders_of_stars_and_flows_find_the_objects(
    make: Callable[[], torch.Tensor], decode: Callable[..., Any], least: float
) -> None:
    found = answered(Segment(threshold=0.3), make(), model(decode))
    expected = truth()
    expected[(expected == 1) & (found.labels > 0) & (expected == 2)] = 0
    assert found.mode == "instance" and len(found.objects) == len(DISCS)
    assert min(overlap(found.labels, expected)) >= least
    semantic = answered(Segment(mode="semantic", threshold=0.3), make(), model(decode))
    assert np.array_equal(semantic.labels > 0, found.labels > 0) and semantic.labels.max() == 1


def test_places_count_from_the_field_and_boxes_lie_in_the_image() -> None:
    region = Region(10, 5, 60, 50)
    output = stars()[:, :, 5:55, 10:70]
    found = answered(Segment(threshold=0.3), output, model(star_objects), region)
    whole = answered(Segment(threshold=0.3), stars(), model(star_objects))
    inside = (slice(8, 50), slice(13, 68))
    assert np.array_equal(found.labels[inside] > 0, whole.labels[inside] > 0)
    boxes = answered(Detect(threshold=0.3), stars(), model(star_objects, "detect")).objects
    expected = {tuple(item.box.json().values()) for item in whole.objects}
    assert {tuple(item.box.json().values()) for item in boxes} == expected


def test_tiles_are_put_together_before_the_code_reads_them() -> None:
    shapes = []

    def objects(maps: NDArray[np.float32], info: Any) -> Any:
        shapes.append(maps.shape)
        return flow_objects(maps, info)

    card = model(objects)
    field = Region(0, 0, WIDTH, HEIGHT)
    canvas = Segment().canvas(Scene(card, picture(), field, None))
    for tile in Tiling((32, 32), 4).tiles(field):
        part = tile.region
        geometry = Geometry(
            Axis.of(WIDTH, part.x, part.width), Axis.of(HEIGHT, part.y, part.height)
        )
        seen = flows()[:, :, part.y : part.y + part.height, part.x : part.x + part.width]
        canvas.add(seen, geometry, tile)
    assert np.array_equal(canvas.result().labels, answered(Segment(), flows(), card).labels)
    assert shapes == [(3, HEIGHT, WIDTH)] * 2


def test_several_outputs_keep_their_form() -> None:
    def objects(maps: Any, info: Any) -> Any:
        likely, distances = maps["likely"], maps["rays"]
        return star_objects(np.concatenate([likely, distances]), info)

    output = {"likely": stars()[:, :1], "rays": stars()[:, 1:]}
    found = answered(Segment(threshold=0.3), output, model(objects))
    whole = answered(Segment(threshold=0.3), stars(), model(star_objects))
    assert np.array_equal(found.labels, whole.labels)


def yolo_boxes(rows: NDArray[np.float32], info: Any) -> dict[str, Any]:
    """(4 + K, N) of centre, size and a score for each class."""
    x, y, width, height = rows[:4]
    boxes = np.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2], 1)
    return {"boxes": boxes, "scores": rows[4:].max(0), "classes": rows[4:].argmax(0)}


def test_rows_of_boxes_are_read_and_doubles_suppressed() -> None:
    rows = torch.tensor(
        [[20, 16, 18, 18, 0.9, 0.1], [21, 16, 18, 18, 0.8, 0.1], [62, 40, 22, 22, 0.2, 0.7]]
    ).T[None]
    found = answered(Detect(threshold=0.3), rows, model(yolo_boxes, "detect")).objects
    assert [item.label for item in found] == ["cell", "dirt"]
    assert [round(item.score, 4) for item in found] == [0.9, 0.7]
    assert tuple(found[1].box.json().values()) == (51, 29, 73, 51)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (np.zeros((3, 3), np.int32), r"labels of \(3, 3\)"),
        (np.zeros((HEIGHT, WIDTH), np.float32), "whole numbers"),
        ({"boxes": np.zeros((1, 4))}, "labels or polygons"),
        ({"rois": []}, "gives rois"),
        ({"labels": truth(), "scores": [1.0]}, "1 scores for 4 objects"),
        ({"labels": truth(), "classes": [0, 1, 2, 0]}, "classes from 0 to 2"),
        ({"labels": truth(), "scores": [1, 1, np.nan, 1]}, "isn't finite"),
    ],
)
def test_wrong_answers_say_what_is_wrong(answer: Any, says: str) -> None:
    with pytest.raises(ModelFailed, match=says):
        answered(Segment(), flows(), model(lambda maps, info: answer))


def test_what_the_code_raises_is_told() -> None:
    def objects(maps: Any, info: Any) -> Any:
        raise KeyError("no such flow")

    with pytest.raises(ModelFailed, match="KeyError: 'no such flow'"):
        answered(Segment(), flows(), model(objects))


def test_a_map_that_the_card_names_is_explained_and_no_other() -> None:
    geometry = Geometry(Axis.of(WIDTH, 0, WIDTH), Axis.of(HEIGHT, 0, HEIGHT))
    aim = Segment.model_validate({}) and Aim.model_validate({"object": 3})
    with pytest.raises(Unexplainable, match=r"output\.score_map"):
        Segment.targets(aim, ModelOutput(flows(), model(flow_objects), picture(), geometry), None)
    card = model(flow_objects, score_map=1)
    output = torch.cat([flows()[:, :1], flows()[:, 2:], flows()[:, 1:2]], 1)

    def reordered(maps: NDArray[np.float32], info: Any) -> Any:
        return flow_objects(maps[[0, 2, 1]], info)

    (target,) = Segment.targets(
        aim, ModelOutput(output, card.with_post(reordered), picture(), geometry), None
    )
    assert target.value == pytest.approx(5.0)
    with pytest.raises(Unexplainable, match="made by code of its own"):
        Detect.targets(
            aim, ModelOutput(output, model(yolo_boxes, "detect"), picture(), geometry), None
        )
