"""The plain calls: a path, a method, parameters of the service's document, and one kind of answer.

A further one is a row here. What sends images, or has more to say than the document, is written by
hand in `calls/`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from document import python_type, query_parameters
from image_calls import binary_formats
from text import head, wrapped


@dataclass(frozen=True)
class Plain:
    """A call by its name and operation; `read` is the expression that reads the answer.

    `own` are parameters that stand in the signature, `given` names the TypedDict of the others.
    What may take `long` is asked as a job. An answer of one form alone has no `forms`.
    """

    name: str
    operation: str
    read: str
    doc: str
    own: str = ""
    given: str = ""
    long: bool = False
    forms: bool = True

    @property
    def path(self) -> str:
        return self.operation.partition(" ")[2]

    @property
    def answer(self) -> str:
        """The type of what `read` gives."""
        kind, *inner = re.findall(r"\w+", self.read)
        fixed = {"document": "Json", "nothing": "None", "binary": "Binary", "text": "str"}
        shapes = {"one": "{0}", "several": "list[{0}]", "part": "{1}"}
        found = fixed.get(kind) or shapes[kind].format(*inner)
        return "list[Json]" if found == "list" else found


SERVICE = (
    Plain(
        "models", "GET /models", 'several(Model, "models")',
        "All models that the service knows, loaded or not.",
    ),
    Plain(
        "model", "GET /models/{model_id}", "one(Model)",
        "One model's card, state and labels. Raises `NotFoundError`, which names near matches.",
    ),
    Plain(
        "load_model", "POST /models/{model_id}/load", "one(Model)",
        "Load a model and wait until it can answer.\n\n"
        "`pin` keeps it from being evicted for others; `anew` reads its card and weights again.",
        "*, pin: bool | None = None, anew: bool | None = None",
    ),
    Plain(
        "unload_model", "POST /models/{model_id}/unload", "one(Model)",
        "Free a model's memory; the next request for it loads it again.",
    ),
    Plain(
        "layers", "GET /models/{model_id}/layers", 'several(Layer, "layers")',
        "The layers of a model that can be named as `layer`, in the order of the network.",
    ),
    Plain(
        "filters", "GET /models/{model_id}/filters", "one(Filters)",
        "The filters of a convolution: its weights, as numbers or, with a binary `format`, as one\n"
        "picture.",
        given="Filters",
    ),
    Plain(
        "image", "GET /images/{image_id}", "document",
        "What was read of a stored image: size, axes, channels, type, values, pixel size.\n\n"
        "A stored image is named by the `id` that `put_image` gives.",
        given="StoredImage",
    ),
    Plain(
        "view", "GET /images/{image_id}/view", "binary",
        "A part of a stored image at a scale, as a picture (`format` `png` or `webp`) or as its\n"
        "values (`npy` or `json`).",
        "*, format: str | None = None", "View", forms=False,
    ),
    Plain(
        "histogram", "GET /images/{image_id}/histogram", "document",
        "How often each value occurs in a stored image, or in a part of it.",
        given="Histogram",
    ),
    Plain("version", "GET /livez", 'part("version", str)', "The service's version."),
    Plain(
        "metrics_text", "GET /metrics", "text",
        "The service's own counters, in Prometheus' text format.",
    ),
    Plain(
        "collections", "GET /collections", 'several(CollectionInfo, "collections")',
        "The collections that the service keeps.",
    ),
    Plain(
        "run_report", "GET /metrics/runs/{run_id}", "one(Evaluation)",
        "The report about what is there: the same as that of `metrics` about all rows at once.\n\n"
        "`require` says what numbers must reach, as `auroc>=0.9` or `dice@lower>=0.8`, and\n"
        '`raw["requirements"]` of the report what became of it; `baseline` is a run that this one\n'
        "must not be significantly worse than.",
        "*, require: str | Sequence[str] | None = None, "
        "baseline: EvaluationRun | str | None = None",
    ),
    Plain(
        "runs", "GET /metrics/runs", 'several(EvaluationRun, "runs")',
        "The runs at the service, the newest first; with a `name` the run of that name.",
        "*, limit: int | None = None, offset: int | None = None, name: str | None = None",
    ),
    Plain(
        "run_chunks", "GET /metrics/runs/{run_id}/chunks", 'several(RunChunk, "chunks")',
        "The chunks that are there, by their keys: what a program that starts anew need not send.",
    ),
    Plain(
        "compare_runs", "GET /metrics/compare", "one(Comparison)",
        "How much the numbers of run `a` differ from those of `b`, over the ids that both have.\n\n"
        "`require` bounds a difference, as `dice@lower>=-0.02`, or names what must not be\n"
        "significantly worse: `dice`, or `no_loss` for the main numbers. Raises\n"
        "`UnprocessableError` for runs of other tasks, labels or truth.",
        "a: EvaluationRun | str, b: EvaluationRun | str, *, ci: Mapping[str, Any] | None = None, "
        "require: str | Sequence[str] | None = None", forms=False,
    ),
    Plain(
        "delete_run", "DELETE /metrics/runs/{run_id}", "nothing", "Delete a run and its chunks.",
    ),
)  # fmt: skip
COLLECTION = (
    Plain(
        "make", "PUT /collections/{name}", "one(CollectionInfo)",
        "Make the collection; where it is there with the same properties nothing changes.\n\n"
        "Raises `ConflictError` where it is there with other properties.",
        given="Collection",
    ),
    Plain(
        "info", "GET /collections/{name}", "one(CollectionInfo)",
        "What the collection is made of, and how many items it has.",
    ),
    Plain(
        "delete", "DELETE /collections/{name}", "nothing",
        "Delete the collection with its items and maps.",
    ),
    Plain(
        "items", "GET /collections/{name}/items", "document",
        "Items with ids and metadata: `items`, `next` (for `after`; None at the end), `total`.",
        "*, filter: Mapping[str, Any] | None = None, after: int = 0, limit: int = 1000",
    ),
    Plain(
        "item", "GET /collections/{name}/item", "document",
        "An item: `id`, `metadata`, `source` (the digest of what it was made of), `vector`.",
        "id: str",
    ),
    Plain(
        "thumbnail", "GET /collections/{name}/thumbnail", "binary",
        "The small picture of an item.",
        "id: str",
    ),
    Plain(
        "remove", "DELETE /collections/{name}/items", 'part("deleted", int)',
        "Delete items by their ids, or those that pass a filter; how many there were.",
        "ids: Sequence[str] | None = None, *, filter: Mapping[str, Any] | None = None",
    ),
    Plain(
        "plot", "GET /collections/{name}/projection/{map_id}/plot", "binary",
        "A map as a picture; see `Projection.plot`.", given="ProjectionPlot", forms=False,
    ),
    Plain(
        "index", "PUT /collections/{name}/index", "one(IndexInfo)",
        'Build the index of the collection anew, for `neighbors(..., search="hnsw")`.\n\n'
        "The service keeps its vectors in PostgreSQL with pgvector for that. Items that are\n"
        "added later come into the index by themselves. Raises `ConflictError` where the\n"
        "service's store can have no index.",
        given="Index", long=True,
    ),
    Plain(
        "index_info", "GET /collections/{name}/index", "one(IndexInfo)",
        "What the index was built with, holds and finds. Raises `NotFoundError` without one.",
    ),
    Plain(
        "drop_index", "DELETE /collections/{name}/index", "nothing",
        "Delete the index; searches are exact without it.",
    ),
    Plain(
        "replace", "POST /collections/{name}/replacement", "one(CollectionInfo)",
        "Let the collection `by`, which has the same items, take the place of this one.\n\n"
        "In one transaction; the maps and the index of this one go with it. `changes` is that of\n"
        "`info()` when the other began to be filled. Raises `ConflictError` if the items differ,\n"
        "or if there were changes since.",
        "by: str, *, changes: int | None = None",
    ),
    Plain(
        "clusters", "POST /collections/{name}/clusters", "one(Clusters)",
        "k-means into `k` clusters: labels, sizes, inertia, silhouette, and the items nearest\n"
        "each centre.",
        "k: int", "Clusters", True,
    ),
    Plain(
        "duplicates", "POST /collections/{name}/duplicates", "document",
        "Groups of items that lie closer together than `threshold` (default: 0.01): `groups`,\n"
        "`extra`.",
        "threshold: float | None = None", "Duplicates", True,
    ),
    Plain(
        "outliers", "POST /collections/{name}/outliers", "document",
        "At most `most` items by their local outlier factor, the largest first: `outliers`.",
        "most: int | None = None", "Outliers", True,
    ),
    Plain(
        "disagreements", "POST /collections/{name}/disagreements", "document",
        "Items whose label, the metadata's `by`, is not that of their neighbours: `disagreements`.",
        "by: str", "Disagreements", True,
    ),
    Plain(
        "patches", "POST /collections/{name}/patches", "one(Patches)",
        "The parts of the collection's images that excite the units of a layer most.\n\n"
        'The collection was made with `keep_images=True`; `raw["ids"]` of the answer names its\n'
        "images in the order in which `Patch.image` counts them. A binary `format` gives `Binary`.",
        given="CollectionPatches", long=True,
    ),
    Plain(
        "tcav", "POST /collections/{name}/tcav", "one(ConceptTest)",
        "Whether the class `target` depends on a concept: on what the items have in common that\n"
        "pass the filter `concept`.\n\n"
        "Asked about the class in these images, or in those of the items that `inputs` names.",
        "target: str, concept: Mapping[str, Any], images: Iterable[ImageSource] = ()", "Tcav", True,
    ),
    Plain(
        "project", "POST /collections/{name}/projection", "one(Projection)",
        "A map of the items by pca, tsne or umap, which the service keeps.",
        'method: str = "tsne"', "Projection", True,
    ),
    Plain(
        "projections", "GET /collections/{name}/projection", 'part("projections", list)',
        "The maps of the collection without their points, the newest first.",
    ),
    Plain(
        "projection", "GET /collections/{name}/projection/{map_id}", "one(Projection)",
        "A map that was made before; what was added since is placed, and nothing moves.",
    ),
)  # fmt: skip

_HEAD = """
# ruff: noqa: A002 - the parameters are the service's

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, Unpack, overload

from brightfield_client.calls import _parameters as given
from brightfield_client.calls.call import Call, path_of, query
from brightfield_client.calls.image_call import as_json
from brightfield_client.calls.reading import (
    binary,
    document,
    nothing,
    one,
    part,
    several,
    text,
)
from brightfield_client.images import ImageSource, to_payload
from brightfield_client.models import Model
from brightfield_client.results._shapes import (
    CollectionInfo,
    ConceptTest,
    EvaluationRun,
    IndexInfo,
    Layer,
    RunChunk,
)
from brightfield_client.results.binary import Binary
from brightfield_client.results.collections import Clusters, Projection
from brightfield_client.results.evaluation import Evaluation
from brightfield_client.results.filters import Filters
from brightfield_client.results.patches import Patches
from brightfield_client.results.evaluation import Comparison
from brightfield_client.results.value import Json
"""
# The calls about a collection that are written by hand.
BY_HAND = ("add_vectors", "neighbors")
# How what a path names is passed.
_PLACES = {
    "name": "name: str, /",
    "model_id": "model_id: str",
    "image_id": "image: str",
    "run_id": "run: EvaluationRun | str",
}

_TIMEOUT = "timeout: float | None = None"
# How what is given is sent, where not as it is.
_SENT = {
    "images": "[as_json(to_payload(each)) for each in images] or None",
    **{name: f'getattr({name}, "id", {name})' for name in ("a", "b", "baseline")},
}


def plain_calls(document: Mapping[str, Any], rows: Iterable[Plain], about: str) -> str:
    """A function for each row, with overloads where the answer may be binary."""
    lines = [head("docs/openapi.json and docs/client/plain_calls.py"), f'"""{about}"""', _HEAD]
    for row in rows:
        lines += _function(document, row)
    return "\n".join(lines) + "\n"


def collection_methods() -> str:
    """The calls about a collection as its methods."""
    generated = {row.name: (f"plain.{row.name}", row.long) for row in COLLECTION}
    every = generated | {name: (f"calls.{name}", False) for name in BY_HAND}
    lines = [
        head("docs/client/plain_calls.py"),
        '"""The calls about a collection as its methods."""\n',
        "from __future__ import annotations\n",
        "from brightfield_client.async_sender import async_collection_method",
        "from brightfield_client.calls import _collection as plain",
        "from brightfield_client.calls import collection as calls",
        "\nclass AsyncCollectionMethods:",
        '    """What a collection is asked."""\n',
    ]
    for name, (build, long) in every.items():
        options = ", long=True" if long else ""
        lines.append(f"    {name} = async_collection_method({build}{options})")
    return "\n".join(lines) + "\n"


def _function(document: Mapping[str, Any], row: Plain) -> Iterator[str]:
    method, _, path = row.operation.partition(" ")
    operation = document["paths"][path][method.lower()]
    places = [_PLACES.get(each, "id: str") for each in re.findall(r"{(\w+)}", path)]
    own = re.findall(r"(\w+):", row.own)
    query = query_parameters(document, path, method.lower())
    signed = re.sub(r"(\w+): str", lambda found: _chosen(query, *found.groups()), row.own)
    formats = row.forms and "format" in query
    rest = f"**parameters: Unpack[given.{row.given}Parameters]" if row.given else ""
    if formats and query["format"]["schema"].get("enum"):
        in_json = 'Literal["json"] | None = None'
        for form, answer in ((in_json, row.answer), (binary_formats(query), "Binary")):
            takes = _joined(*places, f"*, format: {form}", _TIMEOUT, rest)
            yield f"@overload\ndef {row.name}({takes}) -> Call[{answer}]: ..."
    own += ["format"] * formats
    form = "*, format: str | None = None" if formats else "" if "*" in row.own else "*"
    answer = "Any" if formats else row.answer
    yield f"def {row.name}({_joined(*places, signed, form, _TIMEOUT, rest)}) -> Call[{answer}]:"
    end = "\n    " if "\n" in row.doc else ""
    yield f'    """{wrapped(row.doc, "    ", False)}{end}"""'
    given = (f'"{each}": {_SENT.get(each, each)}' for each in own)
    passed = _joined(*given, "**parameters" if row.given else "")
    yield from _call(row, method, "requestBody" in operation, passed, formats)


def _call(row: Plain, method: str, body: bool, passed: str, formats: bool) -> Iterator[str]:
    names = [
        _PLACES.get(each, "id:").partition(":")[0] for each in re.findall(r"{(\w+)}", row.path)
    ]
    blank = re.sub(r"{\w+}", "{}", row.path)
    where = f'path_of("{blank}", {", ".join(names)})' if names else f'"{row.path}"'
    read = row.read
    if formats:
        yield f'    read: Any = {read} if format in (None, "json") else binary'
        read = "read"
    if body:
        call = f'Call("{method}", {where}, {read}, timeout=timeout)'
        yield f"    return {call}.with_given({{{passed}}})"
    else:
        asked = f", query({{{passed}}})" if passed else ""
        yield f'    return Call("{method}", {where}, {read}{asked}, timeout=timeout)'


def _chosen(query: Mapping[str, Any], name: str) -> str:
    """A parameter of the signature that is a text: one of those that the document lists, if any."""
    schema = query.get(name, {}).get("schema", {})
    return f"{name}: {python_type(name, schema) if 'enum' in schema else 'str'}"


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)
