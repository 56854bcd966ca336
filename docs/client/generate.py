"""Every generated file of the client."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from document import operation, query_parameters
from endpoint_methods import endpoint_methods
from error_classes import error_classes
from halves import synchronous
from image_calls import image_calls
from parameter_types import OPERATIONS, further_types, parameter_types
from plain_calls import COLLECTION, SERVICE, collection_methods, plain_calls
from shapes import answers, shapes
from surface import surface
from text import PACKAGE, ROOT, formatted

from brightfield_client.calls.endpoints import ENDPOINTS

DOCUMENT = ROOT / "docs" / "openapi.json"
TWINS = ("client", "collection", "collection_methods", "endpoint_methods", "job", "sender")


def main() -> int:
    """Write the files, or with --check compare them."""
    stale = [path for path, text in files() if _stale(path, text)]
    if "--check" in sys.argv[1:]:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is not current: python docs/client")
        return int(bool(stale))
    for path, text in files():
        path.write_text(text, encoding="utf-8")
    return 0


def _stale(path: Path, text: str) -> bool:
    return not path.exists() or path.read_text("utf-8") != text


def files() -> Iterator[tuple[Path, str]]:
    """Every generated file with its text."""
    document = json.loads(DOCUMENT.read_text("utf-8"))
    queries = {name: query_parameters(document, f"/{name}") for name in ENDPOINTS}
    further = {name: operation(document, *where) for name, where in OPERATIONS.items()}
    types = f"{parameter_types(queries)}{further_types(further)}"
    yield PACKAGE / "calls" / "_parameters.py", formatted(types)
    yield PACKAGE / "calls" / "_images.py", formatted(image_calls(queries))
    yield PACKAGE / "errors.py", formatted(error_classes())
    yield PACKAGE / "results" / "_shapes.py", formatted(shapes(document))
    yield PACKAGE / "results" / "_answers.py", formatted(answers(document))
    service = plain_calls(document, SERVICE, "The plain calls to the service.")
    yield PACKAGE / "calls" / "_service.py", formatted(service)
    collection = plain_calls(document, COLLECTION, "The plain calls about one collection.")
    yield PACKAGE / "calls" / "_collection.py", formatted(collection)
    methods = {
        "endpoint_methods": formatted(endpoint_methods(queries)),
        "collection_methods": formatted(collection_methods()),
    }
    for name, text in methods.items():
        yield PACKAGE / f"async_{name}.py", text
    yield PACKAGE / "__init__.py", formatted(surface())
    for name in TWINS:
        source = PACKAGE / f"async_{name}.py"
        text = methods.get(name) or source.read_text("utf-8")
        yield PACKAGE / f"{name}.py", synchronous(text, source.name)
