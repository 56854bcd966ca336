"""The lab's own code as an architecture: `python:<file or module>:<callable>` on a card."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import PurePosixPath
from types import ModuleType
from typing import Any

from torch import nn

from brightfield.cards import ModelCard
from brightfield.errors import InvalidCard, UntrustedCode
from brightfield.models.loading.arguments import with_nulls
from brightfield.models.loading.code_files import run_file
from brightfield.models.loading.foreign_code import foreign_code

_POST_TASKS = ("segment", "detect")


def build_lab_code(card: ModelCard, *, trust_model_code: bool) -> nn.Module:
    """What the card's callable returns for the card's arguments.

    `python:unet.py:UNet` is a file beside the card, `python:lab.models:unet` an installed module.

    Raises `UntrustedCode` unless the settings trust model code, and `InvalidCard` when the
    callable is not there, fails or returns no module.
    """
    _check_trust(card, trust_model_code)
    with foreign_code(f"{card.architecture.name} of {card.id}", InvalidCard):
        make = _named(card, card.architecture.name.removeprefix("python:"))
        module = make(**with_nulls(card.architecture.arguments, make))
    if not isinstance(module, nn.Module):
        raise InvalidCard(
            f"{card.architecture.name} of {card.id} returned {type(module).__name__}, "
            "not a torch.nn.Module."
        )
    return module


def load_post_code(card: ModelCard, *, trust_model_code: bool) -> Callable[..., Any] | None:
    """The function that the card's `output.python` names; None if it names none.

    Raises `UntrustedCode` unless the settings trust model code, and `InvalidCard` when the function
    is not there.
    """
    place = card.output.python
    if place is None:
        return None
    _check_trust(card, trust_model_code)
    if card.task not in _POST_TASKS:
        raise InvalidCard(
            f"output.python of {card.id} makes objects, and the task of the model is {card.task}; "
            f"it is for {' and '.join(_POST_TASKS)}."
        )
    with foreign_code(f"output.python of {card.id}", InvalidCard):
        found = _named(card, place)
    if not callable(found):
        raise InvalidCard(f"output.python of {card.id} names {place}, which is no function.")
    function: Callable[..., Any] = found
    return function


def _check_trust(card: ModelCard, trusted: bool) -> None:
    if not trusted:
        raise UntrustedCode(
            f"{card.id} brings Python code of its own, which runs with all rights of the service. "
            "Set trust_model_code (BRIGHTFIELD_TRUST_MODEL_CODE=true) if you trust it."
        )


def _named(card: ModelCard, text: str) -> Any:
    """What `<file or module>:<name>` means in the model's folder."""
    place, _, name = text.rpartition(":")
    if not place or not name:
        raise InvalidCard(
            f"The card of {card.id} names the code {text!r}; write python:<file or "
            "module>:<callable> as architecture, or <file>:<function> as output.python."
        )
    source = _file(card, place) if place.endswith(".py") else importlib.import_module(place)
    return getattr(source, name)


def _file(card: ModelCard, place: str) -> ModuleType:
    path = PurePosixPath(place)
    if path.is_absolute() or ".." in path.parts:
        raise InvalidCard(f"{place!r} on the card of {card.id} leaves its folder.")
    file = card.folder / path
    if not file.is_file():
        raise InvalidCard(f"{card.id} names {place}, which is not in its folder.")
    return run_file(file, f"brightfield_model_{card.id}")
