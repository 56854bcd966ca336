"""Task-aligned assignment by hand, and against a slow reading of its definition."""

from __future__ import annotations

import torch
from torch import Tensor

from brightfield.models.architecture import Candidates
from training.assignment import Objects, Rule, assign


def objects(boxes: list[list[float]], classes: list[int], padding: int = 0) -> Objects:
    corners = torch.tensor([*boxes, *[[0.0] * 4] * padding]).reshape(1, -1, 4)
    kinds = torch.tensor([[*classes, *[0] * padding]], dtype=torch.int64)
    present = torch.tensor([[True] * len(classes) + [False] * padding])
    return Objects(corners, kinds, present)


def candidates(boxes: Tensor, scores: Tensor) -> Candidates:
    return Candidates(
        boxes[None], scores.logit()[None], (boxes[None, :, :2] + boxes[None, :, 2:]) / 2
    )


def test_by_hand() -> None:
    boxes = torch.tensor(
        [[0.0, 0, 10, 10], [0, 0, 10, 8], [0, 0, 10, 5], [40, 40, 50, 50], [4, 4, 60, 60]]
    )
    scores = torch.tensor([[0.25, 0.5], [0.49, 0.5], [0.9, 0.5], [0.5, 0.5], [0.9, 0.9]])
    found = assign(
        candidates(boxes, scores), objects([[0, 0, 10, 10]], [0], padding=2), Rule(best=2, beta=1)
    )
    # Alignments sqrt(.25) 1 = .5, sqrt(.49) .8 = .56, sqrt(.9) .5 = .47; the two best are taken,
    # and the greatest IoU among them is 1.
    assert found.objects.tolist() == [[0, 0, -1, -1, -1]]
    expected = torch.zeros(1, 5, 2)
    expected[0, 0, 0], expected[0, 1, 0] = 0.5 / 0.56, 1.0
    torch.testing.assert_close(found.scores, expected)


def test_a_candidate_of_two_objects_goes_to_the_one_it_overlaps_most() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10]])
    wanted = objects([[4, 4, 20, 20], [0, 0, 10, 12]], [0, 1])
    found = assign(candidates(boxes, torch.full((1, 2), 0.5)), wanted)
    assert found.objects.tolist() == [[1]]
    torch.testing.assert_close(found.scores, torch.tensor([[[0.0, 10 / 12]]]))


def test_without_objects_nothing_is_learned() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10]])
    found = assign(candidates(boxes, torch.full((1, 2), 0.5)), objects([], [], padding=1))
    assert found.objects.tolist() == [[-1]]
    assert not found.scores.any()


def test_equals_a_slow_reading_of_the_definition() -> None:
    generator = torch.Generator().manual_seed(1)
    corners = torch.rand(80, 2, generator=generator) * 40
    boxes = torch.cat([corners, corners + torch.rand(80, 2, generator=generator) * 30 + 5], 1)
    scores = torch.rand(80, 3, generator=generator)
    starts = torch.rand(6, 2, generator=generator) * 40
    wanted = torch.cat([starts, starts + torch.rand(6, 2, generator=generator) * 25 + 8], 1)
    kinds = [0, 1, 2, 0, 1, 1]
    found = assign(candidates(boxes, scores), objects(wanted.tolist(), kinds), Rule(best=5))
    expected_objects, expected_scores = slow(boxes, scores, wanted, kinds, best=5)
    assert found.objects[0].tolist() == expected_objects
    torch.testing.assert_close(found.scores[0], expected_scores)
    assert len(set(expected_objects)) == 7  # every object and none


def slow(
    boxes: Tensor, scores: Tensor, wanted: Tensor, kinds: list[int], best: int
) -> tuple[list[int], Tensor]:
    overlap = [[iou(one.tolist(), box.tolist()) for box in boxes] for one in wanted]
    taken: dict[int, list[int]] = {}
    for row, (one, kind) in enumerate(zip(wanted.tolist(), kinds, strict=True)):
        inside = [
            column
            for column, (left, top, right, bottom) in enumerate(boxes.tolist())
            if one[0] < (left + right) / 2 < one[2] and one[1] < (top + bottom) / 2 < one[3]
        ]
        alignment = {c: float(scores[c, kind]) ** 0.5 * overlap[row][c] ** 6 for c in inside}
        for column in sorted(inside, key=lambda c, a=alignment: -a[c])[:best]:  # type: ignore[misc]
            taken.setdefault(column, []).append(row)
    owners = [-1] * len(boxes)
    for column, rows in taken.items():
        owners[column] = max(rows, key=lambda row: overlap[row][column])
    targets = torch.zeros(scores.shape)
    for row, kind in enumerate(kinds):
        own = [column for column, owner in enumerate(owners) if owner == row]
        values = [float(scores[c, kind]) ** 0.5 * overlap[row][c] ** 6 for c in own]
        for column, value in zip(own, values, strict=True):
            targets[column, kind] = value / max(values) * max(overlap[row][c] for c in own)
    return owners, targets


def iou(one: list[float], other: list[float]) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    inter = max(0.0, width) * max(0.0, height)
    areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (one, other)]
    return inter / (sum(areas) - inter)
