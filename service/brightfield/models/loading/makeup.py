"""What a model's numbers depend on, as one digest.

A version is what its maker wrote on the card, and the SHA-256 is that of the weights alone. Two
models of the same version and weights give other numbers if the card prepares images otherwise or
the code of the network was edited.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from brightfield.cards import ModelCard
from brightfield.errors import InvalidCard

_PYTHON = "python:"


def model_digest(card: ModelCard) -> str:
    """SHA-256, in hexadecimal, of what makes the model's output from an image.

    That is the architecture with its arguments, how images are prepared (`input`), which part of
    the output counts (`output.take`), where feature vectors are taken (`explain.penultimate`), the
    weights' SHA-256 or name, and the code of a lab's own network: every Python file in the model's
    folder, or in the installed package that the card names. A lab's own code from the output to
    objects is in it, too. What else follows the output (labels, colours, thresholds) and what only
    describes (version, licence, quality) isn't in it. Runs no code and reads no weights.
    """
    content: dict[str, Any] = {
        "architecture": card.architecture.model_dump(mode="json"),
        # Without defaults, so an option that a later version adds changes no digest.
        "input": card.input.model_dump(mode="json", exclude_defaults=True),
        "penultimate": card.explain.penultimate,
        **({"take": card.output.take} if card.output.take else {}),
        "weights": _weights(card),
        "code": _code(card),
    }
    if card.output.python is not None:
        content["objects"] = [card.output.python, _hashed(card.folder, card.folder.rglob("*.py"))]
    written = json.dumps(content, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()


def check_unchanged(card: ModelCard, digest: str) -> None:
    """Raises `InvalidCard` if files of the model were edited since the digest was taken."""
    if model_digest(card) != digest:
        raise InvalidCard(
            f"The code of {card.id} was edited while the model was loaded; load it again."
        )


def _weights(card: ModelCard) -> str | None:
    if card.weights is None:
        return None
    place = [card.weights.entry, card.weights.prefix]
    named = card.weights.sha256 or card.weights.torchvision
    return named if place == [None, None] else json.dumps([named, *place])


def _code(card: ModelCard) -> Mapping[str, str]:
    """The SHA-256 of each file of a lab's own code, by its path."""
    if not card.architecture.name.startswith(_PYTHON):
        return {}
    place = card.architecture.name.removeprefix(_PYTHON).rpartition(":")[0]
    if place.endswith(".py"):
        return _hashed(card.folder, card.folder.rglob("*.py"))
    return package_code(place.partition(".")[0])


@cache
def package_code(name: str) -> Mapping[str, str]:
    """Of an installed package, once for the life of the process, as Python imports it once."""
    try:
        found = importlib.util.find_spec(name) if name else None
    except (ImportError, ValueError):
        found = None
    if found is None:
        return {}
    if found.submodule_search_locations is None:
        file = Path(found.origin or "")
        return _hashed(file.parent, [file])
    files: dict[str, str] = {}
    for folder in found.submodule_search_locations:
        files |= _hashed(Path(folder), Path(folder).rglob("*.py"))
    return files


def _hashed(folder: Path, files: Iterable[Path]) -> dict[str, str]:
    found = sorted(file for file in files if file.is_file())
    return {file.relative_to(folder).as_posix(): _sha256(file) for file in found}


def _sha256(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as fault:
        raise InvalidCard(f"The code in {file.name} cannot be read: {fault.strerror}.") from fault
