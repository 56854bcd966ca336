"""Suppression against torchvision's and by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torchvision.models.detection.roi_heads import RoIHeads
from torchvision.ops import batched_nms

from brightfield.models.architecture import Candidates
from brightfield.tasks.objects.suppression import Detections, concatenate, keep_likely, suppress


def candidates(boxes: list[list[float]], logits: list[list[float]]) -> Candidates:
    corners = torch.tensor(boxes).reshape(1, -1, 4)
    return Candidates(
        corners, torch.tensor(logits)[None], (corners[..., :2] + corners[..., 2:]) / 2
    )


def logit(score: float) -> float:
    return float(np.log(score / (1 - score)))


# The second box overlaps the first by 80 / 120 = 0.667; the third is alone.
BOXES: list[list[float]] = [[0.0, 0, 10, 10], [0, 2, 10, 12], [50, 50, 60, 60]]
LOGITS: list[list[float]] = [
    [logit(0.9), logit(0.2)],
    [logit(0.8), logit(0.7)],
    [logit(0.3), logit(0.6)],
]


def run(found: Candidates, **changes: object) -> Detections:
    given: dict[str, object] = {"threshold": 0.25, "iou": 0.5, "max_detections": 10} | changes
    return suppress(found, "sigmoid", **given)  # type: ignore[arg-type]


def test_by_hand() -> None:
    found = run(candidates(BOXES, LOGITS))
    assert found.class_ids.tolist() == [0, 1, 1, 0]
    assert found.index.tolist() == [0, 1, 2, 2]
    assert found.scores == pytest.approx([0.9, 0.7, 0.6, 0.3])
    assert found.boxes.tolist() == [BOXES[0], BOXES[1], BOXES[2], BOXES[2]]
    assert [found.boxes.dtype, found.scores.dtype] == [np.float32, np.float32]
    assert [found.class_ids.dtype, found.index.dtype] == [np.int64, np.int64]


@pytest.mark.parametrize(
    ("changes", "index"),
    [
        ({"iou": 0.66}, [0, 1, 2, 2]),
        ({"iou": 0.67}, [0, 1, 1, 2, 2]),
        ({"classes": [1]}, [1, 2]),
        ({"classes": []}, []),
        ({"max_detections": 2}, [0, 1]),
        ({"threshold": 0.65}, [0, 1]),
        ({"threshold": 1.0}, []),
        ({"threshold": 0.0, "iou": 1.0}, [0, 1, 1, 2, 2, 0]),
    ],
)
def test_parameters(changes: dict[str, object], index: list[int]) -> None:
    assert run(candidates(BOXES, LOGITS), **changes).index.tolist() == index


def test_a_score_at_the_threshold_counts() -> None:
    assert len(run(candidates([BOXES[0]], [[0.0]]), threshold=0.5)) == 1


def test_without_candidates() -> None:
    found = run(Candidates(torch.zeros(1, 0, 4), torch.zeros(1, 0, 3), torch.zeros(1, 0, 2)))
    assert len(found) == 0
    assert found.boxes.shape == (0, 4)


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), float("-inf")])
def test_leaves_out_what_is_not_finite(wrong: float) -> None:
    boxes = [BOXES[0], [0.0, 2, wrong, 12], BOXES[2]]
    assert set(run(candidates(boxes, LOGITS)).index.tolist()) == {0, 2}
    logits = [[float("nan"), 0.0], *LOGITS[1:]]
    found = run(candidates(BOXES, logits))
    assert (0, 0) not in set(zip(found.index.tolist(), found.class_ids.tolist(), strict=True))
    assert np.isfinite(found.scores).all()


def test_a_candidate_of_one_class_scores_in_no_other() -> None:
    both = candidates(BOXES, LOGITS)._replace(classes=torch.tensor([[1, 1, 0]]))
    found = run(both, threshold=0.0, iou=1.0)
    pairs = zip(found.index.tolist(), found.class_ids.tolist(), strict=True)
    assert sorted(pairs) == [(0, 1), (1, 1), (2, 0)]


def test_classes_never_suppress_each_other_below_zero() -> None:
    # Moved by the greatest coordinate plus one, class 1's box would lie on class 0's.
    boxes = [[40.0, 40, 100, 100], [-61.0, -61, -1, -1]]
    assert len(run(candidates(boxes, [[2.0, -9], [-9, 1.0]]))) == 2


def test_softmax_with_boxes_per_class_equals_torchvision() -> None:
    generator = torch.Generator().manual_seed(2)
    count, classes = 200, 4
    corner = torch.rand(count, classes + 1, 2, generator=generator) * 80
    sides = torch.rand(count, classes + 1, 2, generator=generator) * 30 + 2
    boxes = torch.cat([corner, corner + sides], -1)
    logits = torch.randn(count, classes + 1, generator=generator) * 2
    expected_boxes, expected_scores, expected_labels = torchvisions(boxes, logits)
    found = suppress(
        Candidates(boxes[None, :, 1:], logits[None], corner[None, :, 0]),
        "softmax",
        threshold=0.05,
        iou=0.5,
        max_detections=100,
    )
    np.testing.assert_allclose(found.boxes, expected_boxes, atol=1e-4)
    np.testing.assert_allclose(found.scores, expected_scores, atol=1e-6)
    np.testing.assert_array_equal(found.class_ids + 1, expected_labels)


def torchvisions(boxes: Tensor, logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Faster R-CNN's own postprocessing, with a box coder that leaves boxes as they are."""
    heads = RoIHeads.__new__(RoIHeads)
    torch.nn.Module.__init__(heads)
    heads.box_coder = type("Coder", (), {"decode": staticmethod(lambda values, _: values)})()
    heads.score_thresh, heads.nms_thresh, heads.detections_per_img = 0.05, 0.5, 100
    proposals = [torch.zeros(len(boxes), 4)]
    found = heads.postprocess_detections(logits, boxes, proposals, [(10**6, 10**6)])
    return tuple(part[0] for part in found)


@given(
    seed=st.integers(0, 2**16),
    threshold=st.floats(0.0, 0.9),
    lower=st.floats(0.0, 1.0),
    iou=st.floats(0.0, 1.0),
)
def test_tiles_reduced_and_concatenated_give_the_same(
    seed: int, threshold: float, lower: float, iou: float
) -> None:
    generator = torch.Generator().manual_seed(seed)
    corners = torch.rand(1, 60, 2, generator=generator) * 40
    sides = torch.rand(1, 60, 2, generator=generator) * 20 + 1
    whole = Candidates(
        torch.cat([corners, corners + sides], -1),
        torch.randn(1, 60, 3, generator=generator),
        corners + sides / 2,
    )
    tiles = [Candidates(*(part[:, i::3] for part in whole[:3])) for i in range(3)]
    reduced = [keep_likely(tile, "sigmoid", threshold * lower) for tile in tiles]
    how = {"threshold": threshold, "iou": iou, "max_detections": 50}
    expected = suppress(whole, "sigmoid", **how)  # type: ignore[arg-type]
    found = suppress(concatenate(reduced), "sigmoid", **how)  # type: ignore[arg-type]
    np.testing.assert_array_equal(found.boxes, expected.boxes)
    np.testing.assert_allclose(found.scores, expected.scores, rtol=1e-6)
    np.testing.assert_array_equal(found.class_ids, expected.class_ids)
    best = batched_nms(
        whole.boxes[0].repeat_interleave(3, 0),
        whole.logits[0].sigmoid().flatten(),
        torch.arange(3).repeat(60),
        iou,
    )
    scores = whole.logits[0].sigmoid().flatten()[best]
    np.testing.assert_allclose(found.scores, scores[scores >= threshold][:50], rtol=1e-6)


def test_masks_and_classes_travel_along() -> None:
    both = candidates(BOXES, LOGITS)._replace(
        masks=torch.arange(3.0).view(1, 3, 1, 1, 1), classes=torch.tensor([[0, 1, 1]])
    )
    kept = keep_likely(both, "sigmoid", 0.65)
    joined = concatenate([kept, both])
    assert joined.masks is not None and joined.classes is not None
    assert joined.masks.flatten().tolist() == [0, 1, 0, 1, 2]
    assert joined.classes.tolist() == [[0, 1, 0, 1, 1]]
    with pytest.raises(ValueError, match="no candidates"):
        concatenate([])
