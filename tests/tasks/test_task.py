"""What every task of the catalog promises."""

from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError

from brightfield.cards import ModelCard
from brightfield.errors import Unexplainable
from brightfield.results import Result
from brightfield.targets import Aim
from brightfield.tasks import catalog
from brightfield.tasks.task import Task

from .seeing import seen

TASKS = catalog()


@pytest.fixture(params=TASKS)
def task(request: pytest.FixtureRequest) -> type[Task]:
    return TASKS[request.param]


def test_it_is_called_like_its_file(task: type[Task]) -> None:
    assert TASKS[task.name] is task
    assert issubclass(task.result, Result)


def test_its_parameters_are_documented_with_defaults(task: type[Task]) -> None:
    assert task.__doc__
    described = task.model_json_schema()["properties"]
    for name, field in task.model_fields.items():
        assert described[name]["description"], name
        assert not field.is_required(), name
    with pytest.raises(ValidationError):
        task(nonsense=1)  # type: ignore[call-arg]


def test_the_formats_of_a_choice_are_among_all_formats(task: type[Task]) -> None:
    formats = task().formats
    assert "json" in formats
    assert set(formats) <= set(task.every_format())


@pytest.mark.parametrize("task", [task for task in TASKS.values() if not task.explainable])
def test_what_has_no_score_is_refused(task: type[Task]) -> None:
    card = ModelCard.model_validate(
        {
            "id": "m", "version": "1", "task": "embed", "licence": "MIT",
            "architecture": {"name": "none"},
        }
    )  # fmt: skip
    with pytest.raises(Unexplainable, match="'embed'"):
        task.targets(Aim(), seen(torch.zeros(1, 3), card), "logit")
