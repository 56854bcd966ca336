"""What every method of the catalog promises, tested on every one that there is."""

from __future__ import annotations

import gc
import itertools
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson
import pytest
import torch
from pydantic import ValidationError
from torch import nn

from brightfield.errors import BrightfieldError, Cancelled
from brightfield.explain import catalog
from brightfield.explain.method import Method, Step
from brightfield.outages import ModelFailed
from brightfield.runtime.operations import Forward
from brightfield.runtime.resident import Resident
from brightfield.runtime.ticket import Ticket

from .conftest import Bench, Case, case, image
from .networks import Tapped, small
from .transformers import vit

METHODS = catalog()
# What keeps a method short, where it has such a parameter.
SHORT = {"steps": 9, "samples": 9, "masks": 20, "window": 4, "stride": 4}
SHORT_OF = {"kernel_shap": {"rows": 2, "columns": 3, "samples": 40}}


# What changes how a method runs, and is tried on every method that has such a parameter.
WAYS = {
    "": {},
    "checks": {"checks": True},
    "neuron": {"neuron": "2,1,3", "layer": "network.4"},
    "mask": {"mask": "grabcut"},
}
# One method of gradients, one of a layer and one of passes alone: what the others have in common.
FEW = ("gradient", "grad_cam", "occlusion")
CASES = [
    pytest.param((name, way), marks=[] if not way or name in FEW else pytest.mark.slow)
    for name, kind in METHODS.items()
    for way, parameters in WAYS.items()
    if parameters.keys() <= kind.model_fields.keys()
]


@pytest.fixture(params=CASES, ids="-".join)
def method(request: pytest.FixtureRequest) -> Method:
    return shortened(*request.param)


def shortened(name: str, way: str = "") -> Method:
    kind = METHODS[name]
    short = {name: value for name, value in SHORT.items() if name in kind.model_fields}
    return kind(**{**short, **SHORT_OF.get(name, {}), **WAYS[way]})


def of_its_kind(name: str) -> nn.Module:
    """A network that the method is for."""
    return Exactly(vit()) if name.startswith("attention") else small()


class Exactly(nn.Module):
    """A network in float64, whatever comes in."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.inner = network

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.inner(x.double())
        return scores


@pytest.fixture
def subject(request: pytest.FixtureRequest) -> Case:
    """Parameters may have gradients, and one part is left in training mode: it shall stay so."""
    given = request.node.callspec.params
    name = given["method"][0] if "method" in given else given.get("name", "")
    module = Tapped(of_its_kind(name)).eval().requires_grad_()
    *_, last = module.modules()
    last.train()
    return case(module, image(3, 16, 16), max_batch=4)


def state(module: nn.Module) -> dict[str, Any]:
    """All that an explanation could leave behind."""
    hooks = [
        (name, kind, list(table))
        for name, part in module.named_modules()
        for kind, table in vars(part).items()
        if kind.endswith("_hooks")
    ]
    return {
        "hooks": hooks,
        "gradients": [name for name, p in module.named_parameters() if p.grad is not None],
        "asked": [p.requires_grad for p in module.parameters()],
        "modes": [part.training for part in module.modules()],
        "attributes": [sorted(vars(part)) for part in module.modules()],
        "values": {name: t.clone() for name, t in module.state_dict().items()},
    }


@pytest.fixture(autouse=True)
def nothing_is_left(subject: Case, bench: Bench) -> Iterator[None]:
    before = state(subject.module)
    assert before["hooks"]
    assert not before["gradients"]
    yield
    bench.settle()
    after = state(subject.module)
    values, kept = before.pop("values"), after.pop("values")
    assert after == before
    for name, value in values.items():
        assert torch.equal(kept[name], value), name


def test_it_ends_with_the_one_result(method: Method, subject: Case, bench: Bench) -> None:
    steps: list[Step] = list(method(bench.probe(method, subject), subject.images))
    assert all(a.done < b.done for a, b in itertools.pairwise(steps))
    assert {step.total for step in steps} == {steps[-1].done}
    assert steps[0].done > 0
    assert [step.result is not None for step in steps] == [False] * (len(steps) - 1) + [True]
    assert isinstance(steps[-1].result, type(method).result)


def test_its_result_is_finite_in_every_format(method: Method, subject: Case, bench: Bench) -> None:
    result = bench.explain(method, subject)
    for space in ("input", "image"):
        assert orjson.loads(orjson.dumps(result.payload(space)))
        raster = result.raster(space)
        assert np.isfinite(raster.array).all()
        assert np.ptp(raster.array) > 0
        assert raster.array.ndim == len(raster.axes)
    assert result.raster("image").array.shape[-2:] == subject.geometry.image_size
    assert set(method.formats) <= set(type(method).every_format())
    if "csv" in method.formats:
        table = result.table()
        assert all(len(row) == len(table.columns) for row in table.rows)
    if "png" in method.formats:
        assert result.heat().map.shape == subject.geometry.image_size


def test_asked_twice_it_says_the_same(method: Method, subject: Case, bench: Bench) -> None:
    alone = subject.limited(1)
    first, second = (bench.explain(method, alone).raster("input").array for _ in range(2))
    assert np.array_equal(first, second)


def test_its_parameters_are_documented_with_defaults(method: Method) -> None:
    kind = type(method)
    assert kind.name == kind.__module__.rpartition(".")[2]
    assert kind.__doc__
    assert "Source" in kind.__doc__
    for name, field in kind.model_fields.items():
        assert field.description, name
        assert not field.is_required(), name
    with pytest.raises(ValidationError):
        kind(nonsense=1)  # type: ignore[call-arg]
    with pytest.raises(ValidationError):
        method.target = ("0",)  # type: ignore[misc]


def test_several_targets_are_answered_or_refused(
    method: Method, subject: Case, bench: Bench
) -> None:
    fields = {**method.model_dump(exclude_unset=True), "target": "0,3"}
    if type(method).several:
        answer = bench.explain(type(method)(**fields), subject).payload("input")
        assert [target["class_id"] for target in answer["targets"]] == [0, 3]
    else:
        with pytest.raises(ValidationError, match="one target at a time"):
            type(method)(**fields)


@pytest.mark.parametrize("at", [1, 2])
def test_a_failing_model_leaves_nothing(
    method: Method, subject: Case, bench: Bench, at: int
) -> None:
    probe = bench.probe(method, subject)
    module: Any = subject.module
    module.fails_from = module.passes + at
    try:
        with pytest.raises(ModelFailed, match="case raised ValueError"):
            for _ in range(2):  # a method of one pass fails at its second run
                list(method(probe, subject.images))
    finally:
        module.fails_from = None


def test_a_method_that_is_given_up_leaves_nothing(
    method: Method, subject: Case, bench: Bench
) -> None:
    generator: Any = method(bench.probe(method, subject), subject.images)
    next(generator)
    with pytest.raises(RuntimeError, match="thrown in"):
        generator.throw(RuntimeError("thrown in"))


# What makes a method long, where it has such a parameter.
LONG: dict[str, Any] = {"steps": 200, "samples": 200, "masks": 200, "window": 4, "stride": 1}
LONG |= {"engine": "plain"}  # of whose chunks this is


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [name for name, kind in METHODS.items() if LONG.keys() & kind.model_fields.keys()]
)
def test_memory_is_that_of_the_chunks_on_their_way(name: str, subject: Case, bench: Bench) -> None:
    """Of some 200 images in chunks of four, those of at most three chunks are there at once, and
    their gradients or masks with them."""
    kind = METHODS[name]
    method = kind(**{key: value for key, value in LONG.items() if key in kind.model_fields})
    probe = bench.probe(method, subject)
    looks: list[int] = []
    for step in method(probe, subject.images):
        if step.done >= 40 * (len(looks) + 1):
            looks.append(alive((16, 16)))
    assert len(looks) >= 4
    assert max(looks) < 45


def alive(size: tuple[int, int]) -> int:
    """Tensors (..., h, w) that there are."""
    things = gc.get_objects()
    return sum(type(thing) is torch.Tensor and thing.shape[-2:] == size for thing in things)


class Refusing:
    """A probe whose scores or gradients cannot be taken apart: the method itself fails."""

    def __init__(self, probe: Any) -> None:
        self._probe = probe

    def __getattr__(self, name: str) -> Any:
        return getattr(self._probe, name)

    def scores(self, chunks: Any) -> Iterator[Any]:
        for _ in self._probe.scores(chunks):
            yield None

    def gradients(self, chunks: Any, *how: Any, **rules: Any) -> Iterator[Any]:
        for _ in self._probe.gradients(chunks, *how, **rules):
            yield None

    def relevance(self, *what: Any) -> None:
        self._probe.relevance(*what)

    def attention(self, *what: Any) -> None:
        self._probe.attention(*what)

    def at_neuron(self, *where: Any) -> Any:
        return Refusing(self._probe.at_neuron(*where))


def test_a_method_that_fails_itself_leaves_nothing(
    method: Method, subject: Case, bench: Bench
) -> None:
    with pytest.raises((AttributeError, TypeError)):
        list(method(Refusing(bench.probe(method, subject)), subject.images))  # type: ignore[arg-type]


def test_a_withdrawn_ticket_ends_it(method: Method, subject: Case, bench: Bench) -> None:
    ticket = Ticket()
    generator = method(bench.probe(method, subject, ticket=ticket), subject.images)
    module: Any = subject.module
    if SHORT.keys() & type(method).model_fields.keys():
        assert next(generator).result is None
    ticket.cancel()
    passes = module.passes
    with pytest.raises(Cancelled):
        list(generator)
    assert module.passes <= passes + 2  # what was on its way


def test_no_pass_is_made_once_the_deadline_is_over(
    method: Method, subject: Case, bench: Bench
) -> None:
    probe = bench.probe(method, subject, ticket=(ticket := Ticket(60)))
    ticket.deadline = 0
    module: Any = subject.module
    passes = module.passes
    with pytest.raises(BrightfieldError, match="deadline"):
        list(method(probe, subject.images))
    assert module.passes <= passes + 1  # looking for a layer is not bound to the ticket


class Asking:
    """A thread that keeps predicting one image, and keeps what came."""

    def __init__(self, resident: Resident, images: torch.Tensor) -> None:
        self.answers: list[torch.Tensor] = []
        self._ask = lambda: resident.submit(Forward(), images, Ticket()).future.result(30)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._over.is_set():
            self.answers.append(self._ask())

    def __enter__(self) -> Asking:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        self._thread.join()


@pytest.mark.parametrize("most", [1, pytest.param(None, marks=pytest.mark.slow)])
def test_predictions_of_other_threads_do_not_see_it(
    method: Method, subject: Case, bench: Bench, most: int | None
) -> None:
    """Bit for bit at one batch size, within rounding where batches differ."""
    alone = subject.limited(most)
    resident = bench.resident(alone)
    other = image(3, 16, 16, seed=9)
    expected = resident.submit(Forward(), other, Ticket()).future.result()
    quiet = bench.explain(method, alone).raster("input").array
    with Asking(resident, other) as first, Asking(resident, other) as second:
        rounds = 0
        while (rounds := rounds + 1) <= 2 or len(first.answers) + len(second.answers) <= 5:
            *_, last = method(bench.probe(method, alone, resident), subject.images)
            found = last.result.raster("input").array  # type: ignore[union-attr]
            np.testing.assert_allclose(found, quiet, atol=1e-5 * np.ptp(quiet))
    answers = first.answers + second.answers
    assert len(answers) > 5
    span = float(expected.max() - expected.min())
    tolerance = 0.0 if most == 1 else 1e-5 * span
    assert max(float((answer - expected).abs().max()) for answer in answers) <= tolerance
    if most == 1:
        assert np.array_equal(found, quiet)


# Each method with one end, and the other ends with one method.
ENDS = [(name, nn.Softmax(dim=1)) for name in METHODS]
ENDS += [("gradient", end) for end in (nn.Sigmoid(), nn.LogSoftmax(dim=1))]


@pytest.mark.parametrize(("name", "end"), ENDS, ids=str)
def test_a_normalising_end_is_left_out(
    name: str, subject: Case, bench: Bench, end: nn.Module
) -> None:
    method, network = shortened(name), of_its_kind(name)
    ended = nn.Sequential(network, end).eval()
    layer = {"layer": "4"} if "layer" in type(method).model_fields else {}
    nested = {"layer": "0.4"} if layer else {}
    expected = bench.explain(method.model_copy(update=layer), case(network, subject.images))
    found = bench.explain(method.model_copy(update=nested), case(ended, subject.images))
    assert np.array_equal(found.raster("input").array, expected.raster("input").array)
    assert not any(part._forward_hooks for part in ended.modules())
