"""Which models a process loads."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from brightfield.errors import UnknownModel
from brightfield.served_models import ServedModels
from brightfield.settings import Settings

MODELS = ("nuclei", "nuclei-2", "photo-x2", "photo-x4")


@pytest.mark.parametrize(
    ("text", "served"),
    [
        ("", MODELS),
        ("nuclei", ("nuclei",)),
        ("nuclei, photo-*", ("nuclei", "photo-x2", "photo-x4")),
        ("photo-x[24]", ("photo-x2", "photo-x4")),
        ("!photo-*", ("nuclei", "nuclei-2")),
        ("nuclei*,!nuclei", ("nuclei-2",)),
        ("!*", ()),
    ],
)
def test_patterns_choose_models(text: str, served: tuple[str, ...]) -> None:
    found = ServedModels.read(text)
    assert tuple(model for model in MODELS if model in found) == served
    assert found.every == (text == "")


@pytest.mark.parametrize("text", ["a b", "!!photo", "photo;rm", "ü"])
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match=r"photo-\*"):
        Settings(serves=text)


def test_an_id_that_is_wrong_is_noticed() -> None:
    ServedModels.read("nuclei,cells-*,!cells").check_known(MODELS)
    with pytest.raises(UnknownModel, match="Did you mean nuclei"):
        ServedModels.read("nucle").check_known(MODELS)
