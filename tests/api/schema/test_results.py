"""Every task and method has a shape for its result, those that are added included."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from jsonschema import Draft202012Validator
from typing_extensions import TypedDict

from brightfield import explain, tasks
from brightfield.api.image_endpoints import ImageEndpoint
from brightfield.api.schema.image_operations import ImageOperation
from brightfield.api.schema.results import RESULTS, result_type
from brightfield.api.schema.shapes.shape import REFERENCE, shapes_with
from brightfield.results import MapSpace, Result
from brightfield.tasks.task import Task

CATALOG = {**tasks.catalog(), **explain.catalog()}


@pytest.mark.parametrize("name", sorted(CATALOG))
def test_every_task_and_method_has_a_shape(name: str) -> None:
    assert name in RESULTS, (
        f"declare the result of {name} in api/schema/shapes, and name it in api/schema/results.py"
    )


def test_no_shape_is_left_over() -> None:
    assert set(RESULTS) == set(CATALOG)


class Roundness(TypedDict):
    """How round an image is."""

    roundness: float


@dataclass(frozen=True)
class Round(Result):
    """A result that says its own shape."""

    def payload(self, space: MapSpace) -> Roundness:  # type: ignore[override]
        return {"roundness": 1.0}


@dataclass(frozen=True)
class Untold(Result):
    """A result that does not."""

    def payload(self, space: MapSpace) -> dict[str, Any]:
        return {"anything": 1}


class Measure(Task):
    """How round it is."""

    result: ClassVar[type[Result]] = Round


class Guess(Task):
    """What it is."""

    result: ClassVar[type[Result]] = Untold


def described(task: type[Task]) -> tuple[ImageOperation, dict[str, Any]]:
    operation = ImageOperation(ImageEndpoint(task.name, {task.name: task}, task.name))
    return operation, {**shapes_with(operation.shapes), **operation.components}


def validator(components: dict[str, Any], name: str) -> Draft202012Validator:
    whole = {"$ref": f"{REFERENCE}{name}", "components": {"schemas": components}}
    return Draft202012Validator(json.loads(json.dumps(whole)))


def answer(task: type[Task], result: Any) -> dict[str, Any]:
    return {
        "id": "req_1", "task": task.name,
        "model": {"id": "round", "version": "1", "sha256": None, "digest": None,
                  "backend": "eager", "precision": "fp32"},
        "image": {
            "sha256": "a" * 64, "width": 4, "height": 3, "axes": "YX", "dtype": "uint8",
            "orientation_applied": 1, "pixel_size": None, "scale": 1.0, "tiles": 1,
            "intensity": {"mode": "dtype", "low": 0.0, "high": 255.0, "limits": []},
            "name": None, "spacing": None,
            "selection": dict.fromkeys(
                ("page", "z", "t", "channels", "level", "level_by", "region")
            ),
        },
        "result": result, "warnings": [], "timing_ms": {"forward": 1.0}, "batch_size": 1,
    }  # fmt: skip


def test_a_task_that_is_added_says_its_shape_by_the_type_of_its_payload() -> None:
    assert result_type(Measure) is Roundness
    operation, components = described(Measure)
    assert operation.operation["summary"] == "How round it is."
    title = "".join(part.capitalize() for part in Measure.name.split("_"))
    checked = validator(components, f"{title}Replies")
    assert checked.is_valid(answer(Measure, {"roundness": 0.5}))
    assert checked.is_valid({"items": [answer(Measure, {"roundness": 0.5})]})
    assert not checked.is_valid(answer(Measure, {"roundness": "very"}))
    assert not checked.is_valid({**answer(Measure, {"roundness": 0.5}), "more": 1})


def test_one_that_says_none_may_answer_any_object() -> None:
    assert result_type(Guess) is None
    _, components = described(Guess)
    title = "".join(part.capitalize() for part in Guess.name.split("_"))
    checked = validator(components, f"{title}Reply")
    assert checked.is_valid(answer(Guess, {"anything": 1}))
    assert not checked.is_valid(answer(Guess, 1))
