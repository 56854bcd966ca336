"""Replies about collections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from starlette.responses import Response

from brightfield.api.problems import problem
from brightfield.api.writing.sized import json_reply
from brightfield.collections.adding import AddedItems
from brightfield.collections.concepts import ConceptTest
from brightfield.errors import BrightfieldError
from brightfield.results import finite
from brightfield.store.collections import Collection

_ADVICE = "ask for fewer items, by a filter or a smaller number"


def items_reply(document: Mapping[str, Any], max_reply_bytes: int, status: int = 200) -> Response:
    """A reply about items. Raises `ReplyTooLarge`."""
    return json_reply(document, max_reply_bytes, _ADVICE, status)


def added_reply(name: str, added: AddedItems, request_id: str, max_reply_bytes: int) -> Response:
    """What became of each item: 200, or 207 where some failed."""
    entries = [
        {"id": each.id, "error": problem(each.outcome, f"{request_id}.{index}")}
        if isinstance(each.outcome, BrightfieldError)
        else {"id": each.id, "outcome": each.outcome}
        for index, each in enumerate(added.items)
    ]
    failed = any("error" in entry for entry in entries)
    status = 207 if failed else 200
    warnings = [asdict(note) for note in added.notes]
    document = {"collection": name, "items": entries, "warnings": warnings}
    return items_reply(document, max_reply_bytes, status)


def concept_reply(found: ConceptTest, request_id: str, max_reply_bytes: int) -> Response:
    """A tested concept: 200, or 207 where some images could not be read."""
    inputs = [
        {"image": each.image, "id": each.id}
        | (
            {"error": problem(each.found, f"{request_id}.{each.image}")}
            if isinstance(each.found, BrightfieldError)
            else {"derivative": finite(each.found)}
        )
        for each in found.inputs
    ]
    status = 207 if any("error" in each for each in inputs) else 200
    warnings = [asdict(note) for note in found.notes]
    document = {**found.facts, "inputs": inputs, "warnings": warnings}
    return items_reply(document, max_reply_bytes, status)


def collection_json(collection: Collection) -> dict[str, Any]:
    """A collection as JSON."""
    return {
        "name": collection.name,
        **asdict(collection.properties),
        "model_digest": collection.model_digest,
        "dim": collection.dim,
        "items": collection.size,
        "changes": collection.changes,
        "created": collection.created,
    }
