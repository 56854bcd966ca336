"""Which box and class of a detector is meant."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torchvision.ops import box_iou

from brightfield.cards import ArchitectureSection, ModelCard
from brightfield.errors import InvalidParameter, UnknownTarget
from brightfield.images.picture import Region
from brightfield.models.architecture import Candidates
from brightfield.models.loading.build import build
from brightfield.targets import Aim, Kind
from brightfield.tasks.detect import Detect
from brightfield.tasks.segment import Segment
from brightfield.tasks.targets.detection_targets import DetectionTarget

from ..seeing import seen

# Class 0 is sure of the first box, class 1 of the third; the second is a worse one of the first.
BOXES = [[10.0, 10, 30, 30], [12, 10, 32, 30], [50, 20, 70, 40], [60, 45, 75, 55]]
SCORES = [[0.9, 0.1], [0.7, 0.2], [0.3, 0.95], [0.05, 0.02]]
MASKS = torch.full((1, 4, 1, 14, 14), 9.0)


def card(task: str = "detect", **output: Any) -> ModelCard:
    return ModelCard.model_validate(
        {
            "id": "x", "version": "1", "task": task, "licence": "-",
            "architecture": {"name": "-"}, "output": {"activation": "sigmoid", **output},
            "labels": [{"name": "cell"}, {"name": "dirt"}],
        }
    )  # fmt: skip


def candidates() -> Candidates:
    corners = torch.tensor([BOXES])
    middles = (corners[..., :2] + corners[..., 2:]) / 2
    return Candidates(corners, torch.tensor([SCORES]).logit(), middles)


def found(kind: Kind | None = "logit", **aim: Any) -> list[Any]:
    return Detect.targets(Aim(**aim), seen(candidates(), card(), (60, 80)), kind)


def logit(row: int, column: int) -> Any:
    return pytest.approx(float(torch.tensor(SCORES[row][column]).logit()), abs=1e-5)


def test_left_out_it_is_the_best_detection() -> None:
    (target,) = found()
    assert isinstance(target, DetectionTarget)
    assert (target.label, target.class_id, target.value, target.kind) == (
        "dirt", 1, logit(2, 1), "logit",
    )  # fmt: skip
    assert target.payload() == {
        "label": "dirt",
        "class_id": 1,
        "measure": "logit of the class at the candidate",
        "box": {"xmin": 50, "ymin": 20, "xmax": 70, "ymax": 40},
        "candidate": {"xmin": 50, "ymin": 20, "xmax": 70, "ymax": 40},
        "iou": 1,
    }


def test_of_a_class_it_is_the_classes_best() -> None:
    first, second = found(target="cell,1")
    assert (first.class_id, first.value) == (0, logit(0, 0))
    assert (second.class_id, second.value) == (1, logit(2, 1))


def test_a_box_is_met_by_the_candidate_that_overlaps_most() -> None:
    (target,) = found(box="12,10,31.5,30")
    assert (target.class_id, target.value) == (0, logit(1, 0))
    assert target.iou == pytest.approx(19.5 / 20)
    assert target.payload()["candidate"]["xmin"] == 12
    (other,) = found(box="12,10,31.5,30", target="dirt")
    assert other.value == logit(1, 1)


def test_a_box_needs_no_detection() -> None:
    (target,) = found(box="60,45,75,55")
    assert (target.class_id, target.value) == (0, logit(3, 0))


def test_objects_are_those_of_detect() -> None:
    assert found(object=1)[0].value == logit(2, 1)
    assert found(object=2)[0].value == logit(0, 0)
    assert found(object=2, target="dirt")[0].value == logit(0, 1)
    assert found(point="11,29")[0].value == logit(0, 0)


def test_hiding_looks_at_the_similarity() -> None:
    (target,) = found(None)
    assert (target.kind, target.value) == ("similarity", pytest.approx(0.95))
    assert target.payload()["measure"] == "max over candidates of IoU x probability of the class"
    (other,) = found(None, box="10,10,30,20", target="cell")
    assert other.value == pytest.approx(0.9 / 2)
    assert found("probability", target="cell")[0].value == pytest.approx(0.9)


def test_a_region_tells_boxes_of_the_whole_image() -> None:
    part = Region(100, 200, 80, 60)
    target: Any = Detect.targets(
        Aim(box="150,220,170,240"), seen(candidates(), card(), (500, 600), part), "logit"
    )[0]
    assert (target.value, target.iou) == (logit(2, 1), pytest.approx(1))
    assert target.payload()["candidate"] == {"xmin": 150, "ymin": 220, "xmax": 170, "ymax": 240}


@pytest.mark.parametrize(
    ("aim", "error", "says"),
    [
        ({"target": "cel"}, UnknownTarget, "Did you mean cell"),
        ({"object": 3}, UnknownTarget, "no object 3: the model x finds 2"),
        ({"point": "45,45"}, UnknownTarget, "finds nothing at 45,45"),
        ({"point": "11,29", "target": "dirt"}, UnknownTarget, "finds no dirt at 11,29"),
        ({"box": "0,50,9,60"}, UnknownTarget, "overlaps 0,50,9,60"),
        ({"box": "90,70,95,80"}, UnknownTarget, "overlaps"),
        ({"within": "0,0,9,9"}, InvalidParameter, "within belongs to models that score pixels"),
    ],
)
def test_what_is_not_there_is_refused(aim: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        found(**aim)


def test_an_image_without_detections_is_refused() -> None:
    sure = seen(candidates(), card(threshold=0.99), (60, 80))
    with pytest.raises(UnknownTarget, match="finds nothing in the image; name a place with box"):
        Detect.targets(Aim(), sure, "logit")
    assert Detect.targets(Aim(box="60,45,75,55"), sure, "logit")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("builder", "activation"),
    [
        ("fasterrcnn_mobilenet_v3_large_320_fpn", "softmax"),
        ("ssdlite320_mobilenet_v3_large", "softmax"),
        ("retinanet_resnet50_fpn", "sigmoid"),
        ("fcos_resnet50_fpn", "sigmoid"),
    ],
)
def test_torchvisions_detectors_have_gradients_by_the_image(builder: str, activation: str) -> None:
    """Those of the logit of the candidate that overlaps most by torchvision's rule; and where no
    places are proposed, which gradients leave out, the differences along a random direction."""
    name = {"name": f"torchvision:{builder}", "num_classes": 3}
    model = card(activation=activation).model_copy(
        update={"architecture": ArchitectureSection.model_validate(name)}
    )
    module = build(model).double()
    generator = torch.Generator().manual_seed(0)
    image, way = torch.randn(2, 1, 3, 320, 320, generator=generator, dtype=torch.float64)
    with torch.no_grad():
        output = module(image)
    boxes = output.boxes[0] if output.boxes.dim() == 3 else output.boxes[0, :, 0]
    largest = boxes[(boxes[:, 2:] - boxes[:, :2]).prod(1).argmax()]
    box = ",".join(map(str, largest.tolist()))
    (target,) = Detect.targets(
        Aim(box=box, target="cell"), seen(output, model, (320, 320)), "logit"
    )
    rows = image.clone().requires_grad_()
    found = module(rows)
    (gradient,) = torch.autograd.grad(target.score(found).sum(), rows, retain_graph=True)
    row = int(box_iou(largest[None], boxes)[0].nan_to_num().argmax())
    logit = found.logits[0, row, int(activation == "softmax")]
    torch.testing.assert_close(gradient, *torch.autograd.grad(logit, rows))
    assert gradient.any()
    if "rcnn" not in builder:
        step = 1e-8 * way  # small beside the distances to the rectifiers' kinks
        with torch.no_grad():
            high, low = target.score(module(image + step)), target.score(module(image - step))
        expected = float(high - low) / 2e-8
        assert float((gradient * way).sum()) == pytest.approx(expected, rel=1e-3)


def test_a_segmenter_that_finds_objects_first_is_a_detector() -> None:
    output = candidates()._replace(masks=MASKS)
    looked = seen(output, card("segment"), (60, 80))
    (best,) = Segment.targets(Aim(), looked, None)
    assert (best.kind, best.value) == ("similarity", pytest.approx(0.95))
    (one,) = Segment.targets(Aim(point="11,11"), looked, "logit")
    assert one.value == logit(0, 0)
