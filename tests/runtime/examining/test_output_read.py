"""Whatever form a network's output has: it is read, or refused saying what came."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from brightfield.engine.scoring import scoring_pass
from brightfield.errors import InvalidCard
from brightfield.models.architecture import Candidates
from brightfield.outages import DamagedWeights, ModelFailed
from brightfield.tasks.targets.labels import class_scores

from .conftest import Examined, Net, images, remarks

Pair = namedtuple("Pair", "scores features")


@dataclass
class ModelOutput:
    logits: Tensor
    hidden_states: None = None


ALONE: dict[str, Callable[[Tensor], Any]] = {
    "a tuple of one": lambda z: (z,),
    "a list of one": lambda z: [z],
    "a dict of one": lambda z: {"out": z},
    "an ordered dict with gaps": lambda z: OrderedDict(loss=None, logits=z),
    "a dataclass with gaps": ModelOutput,
    "another object": lambda z: SimpleNamespace(logits=z, name="x"),
    "a list in a dict": lambda z: {"heads": [z]},
    "as a map of one pixel": lambda z: z[..., None, None],
}
TAKEN: dict[str, tuple[Callable[[Tensor], Any], Any]] = {
    "of a tuple": (lambda z: (z, z[..., None, None] * 2), 0),
    "of a dict": (lambda z: {"aux": -z, "out": z}, "out"),
    "of a named tuple by name": (lambda z: Pair(z, -z), "scores"),
    "of a named tuple by place": (lambda z: Pair(-z, z), 1),
    "inside": (lambda z: {"heads": [-z, z]}, ["heads", 1]),
    "of an object": (lambda z: SimpleNamespace(a=-z, logits=z), "logits"),
}


def check(resident: Any, network: Net) -> None:
    """/classify gives the softmax of the network's logits, for one image and for several."""
    for count in (1, 3):
        rows = images(count)
        found = class_scores(
            scoring_pass(resident, "probability")(network, rows, ()), resident.card
        )
        with torch.no_grad():
            torch.testing.assert_close(torch.from_numpy(found), network.logits(rows).softmax(1))


@pytest.mark.parametrize("after", ALONE.values(), ids=ALONE)
def test_the_only_tensor_is_taken(examined: Examined, after: Callable[[Tensor], Any]) -> None:
    check(examined(network := Net(after)), network)


@pytest.mark.parametrize(("after", "take"), TAKEN.values(), ids=TAKEN)
def test_the_part_that_the_card_names(
    examined: Examined, after: Callable[[Tensor], Any], take: Any
) -> None:
    check(examined(network := Net(after), output={"take": take}), network)
    with pytest.raises(InvalidCard, match=r"take = .* under \[output\]"):
        examined(Net(after))
    with pytest.raises(InvalidCard, match=r"output.take names 'wrong'.*it puts out a"):
        examined(Net(after), output={"take": "wrong"})


@pytest.mark.parametrize("after", [lambda z: z[:, 0], lambda z: z[:, :1].squeeze()])
def test_one_value_per_image(examined: Examined, after: Callable[[Tensor], Tensor]) -> None:
    """(B,), and () of one image: sigmoid of the logit for the second label."""
    network = Net(after)
    for labels in (("ill",), ("healthy", "ill")):
        resident = examined(network, labels=labels, output={"activation": "sigmoid"})
        for count in (1, 3):
            output = scoring_pass(resident, "probability")(network, images(count), ())
            found = torch.from_numpy(class_scores(output, resident.card))
            with torch.no_grad():
                ill = network.logits(images(count))[:, 0].sigmoid()
            expected = [1 - ill, ill] if len(labels) == 2 else [ill]
            torch.testing.assert_close(found, torch.stack(expected, 1))


def test_squeezed_classes_of_one_image(examined: Examined) -> None:
    resident = examined(network := Net(lambda z: z.squeeze()))
    check(resident, network)
    assert not resident.alone


REFUSED: dict[str, tuple[Callable[[Tensor], Any], str]] = {
    "class numbers": (lambda z: z.argmax(1), r"int64, which are no scores; leave an argmax"),
    "decisions": (lambda z: z > 0, "bool, which are no scores"),
    "nothing": (lambda z: None, "it puts out a NoneType"),
    "a text": (lambda z: "a", "it puts out a str"),
    "tokens": (lambda z: z[:, None].repeat(1, 5, 1), r"it puts out \(1, 5, 4\) float32"),
    "maps": (lambda z: z[..., None, None].repeat(1, 1, 5, 5), 'Set task = "segment"'),
    "boxes": (lambda z: Candidates(z[:, :, None], z[:, None], z), 'Set task = "detect"'),
    "classes first": (lambda z: z.T, "has 1 outputs"),
    "two outputs": (lambda z: z[:, :2], "names 4 labels, and its network has 2 outputs"),
    "dicts of boxes": (
        lambda z: [{"boxes": z, "labels": z[0].long(), "scores": z[0]}], "a list of 1: a dict of 3",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("after", "match"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_class_scores(
    examined: Examined, after: Callable[[Tensor], Any], match: str
) -> None:
    with pytest.raises(InvalidCard, match=match):
        examined(Net(after))


SEGMENT: dict[str, Any] = {
    "task": "segment", "labels": ["cell"], "output": {"activation": "sigmoid"},
}  # fmt: skip


@pytest.mark.parametrize("after", [lambda z: z[:, 0], lambda z: z[:, :1].squeeze()])
def test_one_map_per_image(examined: Examined, after: Callable[[Tensor], Tensor]) -> None:
    resident = examined(network := Net(after, maps=True), **SEGMENT)
    for count in (1, 3):
        output = scoring_pass(resident, "probability")(network, images(count), ())
        assert output.shape == (count, 1, 16, 16)


MAPS: dict[str, tuple[Callable[[Tensor], Any], dict[str, Any], str]] = {
    "channels last": (
        lambda z: z[:, :1].permute(0, 2, 3, 1), {}, r"\(1, 16, 16, 1\).*permute\(0, 3, 1, 2\)",
    ),
    "vectors": (lambda z: z.mean((2, 3)), {}, r"it puts out \(1, 4\)"),
    "too few for a softmax": (
        lambda z: z[:, :1], {"output": {"activation": "softmax"}}, 'activation = "sigmoid"',
    ),
    "no labels": (lambda z: z, {"labels": []}, "names no labels"),
    "one map for objects": (
        lambda z: z[:, :1], {"output": {"activation": "sigmoid", "instances": {}}}, "needs 2 maps",
    ),
    "objects of a softmax": (
        lambda z: z[:, :2], {"output": {"activation": "softmax", "instances": {}}}, "background's",
    ),
    "boxes without masks": (
        lambda z: Candidates(z[:, :, 0], z[:, :, 0], z[:, :, 0]), {}, "boxes and no masks",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("after", "card", "match"), MAPS.values(), ids=MAPS)
def test_what_is_no_maps(
    examined: Examined, after: Callable[[Tensor], Any], card: dict[str, Any], match: str
) -> None:
    with pytest.raises(InvalidCard, match=match):
        examined(Net(after, maps=True), **{**SEGMENT, **card})


def test_maps_beyond_the_labels_are_told(examined: Examined) -> None:
    (note,) = examined(Net(maps=True), **SEGMENT).notes
    assert note.code == "unused_outputs"
    assert "puts out 4 maps, and the card speaks of the first 1" in note.detail


@pytest.mark.parametrize(
    ("task", "match"), [("detect", "should put out boxes"), ("superresolve", "enlarges 2 times")]
)
def test_other_tasks_say_what_they_want(examined: Examined, task: str, match: str) -> None:
    with pytest.raises(InvalidCard, match=match):
        examined(Net(), task=task, output={"scale": 2, "activation": "none"})


class TestRunning:
    @pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
    def test_other_dtypes(self, examined: Examined, dtype: torch.dtype) -> None:
        network = Net().to(dtype)
        resident = examined(network)
        assert remarks(resident) == ["computes_in"]
        found = scoring_pass(resident, "probability")(network, images(), ())
        with torch.no_grad():
            expected = Net().eval()(images())
        torch.testing.assert_close(found.float(), expected, atol=5e-2, rtol=5e-2)

    def test_the_shape_and_the_cause_are_told(self, examined: Examined) -> None:
        with pytest.raises(ModelFailed, match=r"shape \(1, 16, 16\).*expected input.*3 channels"):
            examined(Net(), input={"size": [16, 16], "channels": 1})

        def fail(x: Tensor) -> Tensor:
            raise ValueError("bad shape for me")

        with pytest.raises(ModelFailed, match=r"\(3, 16, 16\).*ValueError: bad shape for me"):
            examined(Net(before=fail))
        volumes = nn.Sequential(nn.Conv3d(3, 4, 3), nn.Flatten())
        with pytest.raises(ModelFailed, match=r"\(3, 16, 16\).*RuntimeError"):
            examined(volumes)

    def test_a_network_of_one_size(self, examined: Examined) -> None:
        fixed = nn.Sequential(nn.Flatten(), nn.Linear(3 * 64 * 64, 4))
        resident = examined(fixed, input={})
        assert (resident.shape, remarks(resident)) == ((3, 64, 64), ["fails_on_a_size"])
        assert not examined(fixed, input={"size": [64, 64]}).notes

    def test_a_network_that_refuses_noise(self, examined: Examined) -> None:
        class Suspicious(Net):
            def forward(self, x: Tensor) -> Any:
                if x.any():
                    raise ValueError("not black")
                return super().forward(x)

        (note,) = examined(Suspicious()).notes
        assert note.code == "not_examined" and "not black" in note.detail

    def test_weights_that_are_no_numbers(self, examined: Examined) -> None:
        broken, masked = Net(), Net()
        broken.conv.weight.data[0, 0, 0, 0] = torch.nan
        masked.register_buffer("mask", torch.tensor([0.0, -torch.inf]))
        with pytest.raises(DamagedWeights, match=r"NaN in conv\.weight"):
            examined(broken)
        assert remarks(examined(masked)) == ["not_finite_weights"]

    @pytest.mark.parametrize(
        ("explain", "match"),
        [
            ({"layer": "layer5"}, "explain.layer of m: .*no layer 'layer5'"),
            ({"penultimate": "con"}, "Did you mean conv"),
            ({"layer": "unused"}, "does not take part in a prediction"),
            ({"layer": "conv@3"}, "does not take part in a prediction"),
        ],
    )
    def test_layers_of_the_card_that_are_not_there(
        self, examined: Examined, explain: dict[str, str], match: str
    ) -> None:
        network = Net()
        network.unused = nn.Conv2d(3, 3, 1)
        with pytest.raises(InvalidCard, match=match):
            examined(network, explain=explain)
