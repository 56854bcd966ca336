"""What every operation says of keys: the scope that it needs, and how it refuses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute

from brightfield.access.scopes import MEANINGS
from brightfield.api.door.needs import Needs, needs_of
from brightfield.api.schema.responses import FAULT

SCHEME = "ApiKey"
_TEXT: Mapping[str, Any] = {"schema": {"type": "string"}}
_CHALLENGE = {"WWW-Authenticate": {"description": "What is missing (RFC 6750).", **_TEXT}}
_QUOTAS = {
    "Retry-After": {"description": "Seconds until there is room.", **_TEXT},
    "RateLimit-Policy": {"description": "The limits of the key.", **_TEXT},
    "RateLimit": {"description": "What is left of them.", **_TEXT},
}
_REFUSALS: Mapping[str, str] = {"401": "Unauthorized", "403": "Forbidden", "429": "TooMany"}


def security_components() -> dict[str, Any]:
    """The one way to show a key, and the refusals that all operations share."""
    scopes = "".join(f"\n- `{scope}`: {meaning}" for scope, meaning in MEANINGS.items())
    text = (
        "An API key, which `brightfield keys add` makes. A service without keys needs none. "
        f"Scopes:\n{scopes}"
    )
    scheme = {"type": "http", "scheme": "bearer", "bearerFormat": "bf_", "description": text}
    few = "No API key, or none that opens"
    scope = "A key without the scope, or a foreign host or origin"
    many = "More than the service or the key allows"
    return {
        "securitySchemes": {SCHEME: scheme},
        "responses": {
            "Unauthorized": {**FAULT, "description": few, "headers": _CHALLENGE},
            "Forbidden": {**FAULT, "description": scope, "headers": _CHALLENGE},
            "TooMany": {**FAULT, "description": many, "headers": _QUOTAS},
        },
    }


def secure(paths: Mapping[str, Any], routes: Iterable[BaseRoute]) -> None:
    """Add to each operation what its route needs; `{}` stands for a service without keys."""
    for context in iter_route_contexts(list(routes)):
        needs = needs_of(context.endpoint)
        for method in context.methods or () if needs else ():
            operation = paths.get(str(context.path_format), {}).get(method.lower())
            if operation is not None and needs is not None:
                _state(operation, needs)


def _state(operation: dict[str, Any], needs: Needs) -> None:
    if needs.scope == "open":
        operation["security"] = []
        return
    operation["security"] = [{SCHEME: [needs.scope]}, {}]
    if needs.job != "open":
        operation["x-job-scope"] = needs.job
    for status, name in _REFUSALS.items():
        operation["responses"].setdefault(status, {"$ref": f"#/components/responses/{name}"})
