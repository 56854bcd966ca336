from __future__ import annotations

import pytest

from brightfield import explain, tasks
from brightfield.cards import ModelCard
from brightfield.engine.default_models import DefaultModels
from brightfield.errors import InvalidParameter, UnknownModel
from brightfield.tasks.superresolve import Superresolve


def models(**wanted: str) -> DefaultModels:
    return DefaultModels(tasks.catalog(), explain.catalog(), wanted)


def enlarging(name: str, scale: int) -> ModelCard:
    return ModelCard.model_validate(
        {
            "id": name, "version": "1", "task": "superresolve", "licence": "-",
            "architecture": {"name": "-"}, "output": {"scale": scale},
        }
    )  # fmt: skip


def test_a_borrower_takes_what_is_set_for_its_lender_unless_it_has_its_own() -> None:
    assert models().preset(tasks.Embed) == "imagenet-lite0"
    assert models(classify="lab").preset(tasks.Embed) == "lab"
    assert models(classify="lab", embed="own").preset(tasks.Embed) == "own"
    assert models(saliency="own").preset(explain.GradCam) == "own"
    assert models(saliency="own").preset(explain.Occlusion) == "imagenet-lite0"


def test_a_name_that_nothing_has_is_unknown() -> None:
    assert models().named("saliency") == "imagenet-lite0"
    with pytest.raises(UnknownModel, match="No model is set for recolour; name one"):
        models().named("recolour")


def test_another_model_is_taken_where_the_default_cannot() -> None:
    cards = {card.id: card for card in (
        enlarging("photo-x2", 2), enlarging("cells-x4", 4), enlarging("photo-x4", 4),
    )}  # fmt: skip
    assert models().chosen(Superresolve(), None, cards) == "photo-x2"
    assert models().chosen(Superresolve(scale=4), None, cards) == "photo-x4"
    with pytest.raises(InvalidParameter, match="not 3 times"):
        models().chosen(Superresolve(scale=3), None, cards)
