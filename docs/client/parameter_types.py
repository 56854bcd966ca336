"""The TypedDicts of parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from document import described, python_type
from text import head, wrapped

from brightfield_client.calls.endpoints import ENDPOINTS

# Given by name in the calls, or no matter of a caller: the body carries the image.
NAMED = frozenset({"format", "model", "image", "encoding"})
# What is the client's own, and said of every call.
TIMEOUT = "Seconds for this call with all its retries, instead of the client's."
# Other operations whose parameters calls take: the path, the method, and what they name themselves.
OPERATIONS = {
    "Collection": ("/collections/{name}", "put", ()),
    "Items": ("/collections/{name}/items", "post", ("ids", "metadata", "replace")),
    "Neighbors": ("/collections/{name}/neighbors", "post", ("axes",)),
    "Index": ("/collections/{name}/index", "put", ()),
    "Clusters": ("/collections/{name}/clusters", "post", ("k",)),
    "Duplicates": ("/collections/{name}/duplicates", "post", ("threshold",)),
    "Outliers": ("/collections/{name}/outliers", "post", ("most",)),
    "Disagreements": ("/collections/{name}/disagreements", "post", ("by",)),
    "CollectionPatches": ("/collections/{name}/patches", "post", ("format",)),
    "Tcav": ("/collections/{name}/tcav", "post", ("target", "concept")),
    "Projection": ("/collections/{name}/projection", "post", ("method",)),
    "ProjectionPlot": ("/collections/{name}/projection/{map_id}/plot", "get", ()),
    "Filters": ("/models/{model_id}/filters", "get", ("format",)),
    "StoredImage": ("/images/{image_id}", "get", ()),
    "View": ("/images/{image_id}/view", "get", ("format",)),
    "Histogram": ("/images/{image_id}/histogram", "get", ()),
    "Evaluation": ("/metrics/runs", "post", ("name", "task", "labels")),
}


def parameter_types(queries: Mapping[str, Mapping[str, Any]]) -> str:
    """A TypedDict for each endpoint; what all have stands in one."""
    first = next(iter(queries.values()))
    shared = [
        name for name in first if all(query.get(name) == first[name] for query in queries.values())
    ]
    lines = [
        head("docs/openapi.json"),
        "# ruff: noqa: E501 - texts as the service says them",
        '"""The parameters of the image endpoints: their types, and what they are for."""\n',
        "from __future__ import annotations\n",
        "from collections.abc import Mapping, Sequence",
        "from typing import Any, Literal, TypedDict\n",
        *_typed_dict("ImageParameters", *_SHARED, first, shared),
        "    timeout: float | None",
        f'    """{TIMEOUT}"""',
    ]
    for name, query in queries.items():
        own = [each for each in query if each not in shared and each not in _named(name)]
        base = "ImageParameters, total=False"
        lines += _typed_dict(f"{name.capitalize()}Parameters", base, f"/{name}", query, own)
    return "\n".join(lines) + "\n"


_SHARED = ("TypedDict, total=False", "every image endpoint")


def further_types(operations: Mapping[str, Mapping[str, Any]]) -> str:
    """A TypedDict for each other operation, and what is said of its parameters, for `help()`."""
    lines: list[str] = []
    for name, query in operations.items():
        path, method, _ = OPERATIONS[name]
        base, what = "TypedDict, total=False", f"{method.upper()} {path}"
        lines += _typed_dict(f"{name}Parameters", base, what, query, list(query), frozenset())
    said = {
        f"{name}Parameters": {each: described(query[each]) for each in query}
        for name, query in operations.items()
    }
    return "\n".join(lines) + f"\nDESCRIPTIONS: Mapping[str, Mapping[str, str]] = {said!r}\n"


def _named(endpoint: str) -> frozenset[str]:
    return NAMED | {*ENDPOINTS[endpoint].images, *ENDPOINTS[endpoint].variants}


def _typed_dict(
    title: str,
    base: str,
    what: str,
    query: Mapping[str, Any],
    names: list[str],
    left_out: frozenset[str] = NAMED,
) -> Iterator[str]:
    yield f'\nclass {title}({base}):\n    """Parameters of {what}."""\n'
    for name in names:
        if name not in left_out:
            yield f"    {name}: {python_type(name, query[name]['schema'])} | None"
            yield wrapped(f'"""{described(query[name])}"""', "    ")
    yield ""
