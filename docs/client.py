"""Writes what follows from the service's document and from the asynchronous client.

    python docs/client.py           write the files
    python docs/client.py --check   say which of them are not current, and exit with 1

From docs/openapi.json and the table in `calls/endpoints.py` come the parameters' types, the image
calls, and `submit` and `map` with an overload for each endpoint; from the asynchronous halves the
synchronous ones, by leaving out what waits.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from brightfield_client.calls.endpoints import ENDPOINTS, Endpoint

HERE = Path(__file__).resolve().parent
PACKAGE = HERE.parent / "clients" / "brightfield_client"
DOCUMENT = HERE / "openapi.json"
TWINS = ("client", "collection", "endpoint_methods", "job", "sender")
# Given by name in the calls, or no matter of a caller: the body carries the image.
NAMED = frozenset({"format", "model", "image", "encoding"})
# Texts that may be written as what they stand for.
WRITTEN = {
    "target": "str | int | Sequence[str | int]",
    "classes": "str | int | Sequence[str | int]",
    "units": "str | int | Sequence[int]",
}
CONFIGURED = ("--config", str(HERE.parent / "pyproject.toml"), "--stdin-filename", "x.py")
# Other operations whose parameters calls take: the path, the method, and what they name themselves.
OPERATIONS = {
    "Collection": ("/collections/{name}", "put", ()),
    "Neighbors": ("/collections/{name}/neighbors", "post", ("axes",)),
    "Index": ("/collections/{name}/index", "put", ()),
    "Clusters": ("/collections/{name}/clusters", "post", ("k",)),
    "Duplicates": ("/collections/{name}/duplicates", "post", ("threshold",)),
    "Outliers": ("/collections/{name}/outliers", "post", ("most",)),
    "Disagreements": ("/collections/{name}/disagreements", "post", ("by",)),
    "CollectionPatches": ("/collections/{name}/patches", "post", ()),
    "Projection": ("/collections/{name}/projection", "post", ("method",)),
    "ProjectionPlot": ("/collections/{name}/projection/{map_id}/plot", "get", ()),
    "Filters": ("/models/{model_id}/filters", "get", ("format",)),
    "Evaluation": ("/metrics/runs", "post", ("name", "task", "labels")),
}
# What the package shows besides all errors and all results.
EXPORTS = {
    "async_client": "AsyncClient",
    "async_collection": "AsyncCollection",
    "async_job": "AsyncJob",
    "calls.doctor": "Check, Report",
    "calls.jobs": "JobStatus",
    "client": "Client",
    "collection": "Collection",
    "evaluating.outcome": "Evaluated",
    "following": "JobEvent",
    "images": "StoredImage",
    "in_process": "InProcess",
    "job": "Job",
    "mapping": "MapItem",
    "models": "Layer, Model",
}
INTERNAL = frozenset({"Found", "Heatmap", "InOneImage", "Point", "SolidPoint", "Value"})
NUMBERS = re.compile(r"-?\d+(\.\d+)?([,;]-?\d+(\.\d+)?)*")

# How the asynchronous half reads without waiting, in this order.
RULES = [
    (r"\bcollections\.abc import AsyncGenerator, Callable, Coroutine\b",
     "collections.abc import Callable, Generator"),
    (r"\bAsyncGenerator\[([^\n]*), None\]", r"Generator[\1, None, None]"),
    (r"\bCoroutine\[Any, Any, ([^\n]*)\]", r"\1"),
    (r"\basync (def|with|for)\b", r"\1"),
    (r"\bawait ", ""),
    (r"\bhttpx2\.ASGITransport\(app\)", "InProcess(app)"),
    (r"\bhttpx2\.Async(Client|BaseTransport)", r"httpx2.\1"),
    (r"\b__a(enter|exit)__", r"__\1__"),
    (r"\ba(read|close|iter_text)\(", r"\1("),
    (r"\baclosing\b", "closing"),
    (r"\basyncio\.CancelledError", "KeyboardInterrupt"),
    (r"import asyncio\n", ""),
    (r"\bAsync(?=[A-Z])", ""),
    (r"\basync_(?=[a-z])", ""),
    (r"an asynchronous one", "one"),
    (r" # (ruff: )?noqa: ASYNC\S+[^\n]*", ""),
]  # fmt: skip


def main() -> int:
    """Write the files, or with --check compare them."""
    stale = [path for path, text in files() if _stale(path, text)]
    if "--check" in sys.argv[1:]:
        for path in stale:
            print(f"{path.relative_to(HERE.parent)} is not current: python docs/client.py")
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
    methods = formatted(endpoint_methods(queries))
    yield PACKAGE / "async_endpoint_methods.py", methods
    yield PACKAGE / "__init__.py", formatted(surface())
    for name in TWINS:
        source = PACKAGE / f"async_{name}.py"
        text = methods if name == "endpoint_methods" else source.read_text("utf-8")
        yield PACKAGE / f"{name}.py", synchronous(text, source.name)


def surface() -> str:
    """The package's `__init__`: every public name, by the module that it stands in."""
    shown = {module: re.findall(r"\w+", names) for module, names in EXPORTS.items()}
    for path in [PACKAGE / "errors.py", *sorted((PACKAGE / "results").glob("*.py"))]:
        module = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        found = re.findall(r"^class ([A-Z]\w+)", path.read_text("utf-8"), re.MULTILINE)
        shown[module] = [name for name in found if name not in INTERNAL]
    lines = [
        f"from brightfield_client.{module} import {', '.join(names)}"
        for module, names in shown.items()
        if names
    ]
    every = sorted(name for names in shown.values() for name in names)
    text = "Brightfield from Python: `Client`, `AsyncClient`, typed answers and one tree of errors."
    return "\n".join([_head("the modules"), f'"""{text}"""\n', *lines, f"\n__all__ = {every!r}\n"])


def operation(
    document: Mapping[str, Any], path: str, method: str, named: tuple[str, ...]
) -> dict[str, Mapping[str, Any]]:
    """The parameters of an operation but those that its call names itself."""
    found = query_parameters(document, path, method)
    return {name: each for name, each in found.items() if name not in named and "." not in name}


def query_parameters(
    document: Mapping[str, Any], path: str, method: str = "post"
) -> dict[str, Mapping[str, Any]]:
    """The parameters of a query by their names."""
    given = document["paths"][path][method]["parameters"]
    found = (_resolved(document, each) for each in given)
    return {
        each["name"]: {**each, "schema": _resolved(document, each["schema"])}
        for each in found
        if each["in"] == "query"
    }


def _resolved(document: Mapping[str, Any], value: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in value:
        target: Any = document
        for key in value["$ref"].removeprefix("#/").split("/"):
            target = target[key]
        value = target
    return value


def python_type(name: str, schema: Mapping[str, Any]) -> str:
    """The type of a parameter: what the SDK writes into the query in the right way."""
    if said := schema.get("x-python-type"):
        return " | ".join(dict.fromkeys(["str", *said.split(" | ")]))
    if name in WRITTEN and schema.get("type") == "string":
        return WRITTEN[name]
    if "const" in schema or "enum" in schema:
        choices = schema.get("enum") or [schema["const"]]
        return f"Literal[{', '.join(json.dumps(choice) for choice in choices)}]"
    if options := schema.get("anyOf") or schema.get("oneOf"):
        kinds = (python_type(name, option) for option in options if option.get("type") != "null")
        return " | ".join(dict.fromkeys(kinds))
    if schema.get("type") == "array":
        return f"Sequence[{python_type(name, schema.get('items', {}))}]"
    kinds = {"integer": "int", "number": "float", "boolean": "bool", "object": "Mapping[str, Any]"}
    return kinds.get(schema.get("type", ""), "") or _text_type(schema)


def _text_type(schema: Mapping[str, Any]) -> str:
    """Texts that list numbers may be written as numbers, and polygons as sequences of pairs."""
    examples = [str(each) for each in schema.get("examples", ())]
    if not examples or not all(NUMBERS.fullmatch(each) for each in examples):
        return "str"
    number = "int" if "\\d" in schema.get("pattern", "") else "float"
    alone = f" | {number}" * any(re.fullmatch(r"[^,;]+", each) is not None for each in examples)
    nested = f" | Sequence[Sequence[{number}]]" * any(";" in each for each in examples)
    return f"str{alone} | Sequence[{number}]{nested}"


def parameter_types(queries: Mapping[str, Mapping[str, Any]]) -> str:
    """A TypedDict for each endpoint; what all have stands in one."""
    first = next(iter(queries.values()))
    shared = [
        name for name in first if all(query.get(name) == first[name] for query in queries.values())
    ]
    lines = [
        _head("docs/openapi.json"),
        "# ruff: noqa: E501 - texts as the service says them",
        '"""The parameters of the image endpoints: their types, and what they are for."""\n',
        "from __future__ import annotations\n",
        "from collections.abc import Mapping, Sequence",
        "from typing import Any, Literal, TypedDict\n",
        *_typed_dict("ImageParameters", *_SHARED, first, shared),
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
        f"{name}Parameters": {each: _description(query[each]) for each in query}
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
            yield _wrapped(f'"""{_description(query[name])}"""', "    ")
    yield ""


def _description(parameter: Mapping[str, Any]) -> str:
    said = " ".join(parameter.get("description", "").split()).replace("\\", "\\\\")
    default = parameter["schema"].get("default")
    end = said[-1:] in (".", "") and said
    shown = "" if default is None else f"{'' if end else '.'} Default: {json.dumps(default)}."
    return f"{said}{shown}".strip()


def image_calls(queries: Mapping[str, Mapping[str, Any]]) -> str:
    """A function for each endpoint, with an overload for each kind of answer."""
    results = {kind for each in ENDPOINTS.values() for kind in _answers(each).values()}
    lines = [
        _head("docs/openapi.json and calls/endpoints.py"),
        '"""The calls of the image endpoints."""\n',
        "# ruff: noqa: A002 - the parameters are the service's\n",
        "from __future__ import annotations\n",
        "from typing import Any, Literal, Unpack, overload\n",
        "from brightfield_client.calls import _parameters as given",
        "from brightfield_client.calls.call import Call",
        "from brightfield_client.calls.endpoints import ENDPOINTS",
        "from brightfield_client.images import Images, ImageSource",
        *_imports(results),
    ]
    for endpoint in ENDPOINTS.values():
        query = queries[endpoint.name]
        lines += [
            f"@overload\ndef {endpoint.name}(image: {image}, model: str | None = None, *, {options}"
            f") -> Call[{answer}]: ..."
            for image, options, answer in _overloads(endpoint, query)
        ]
        lines.append(_implementation(endpoint, query))
    return "\n".join(lines) + "\n"


def _imports(results: set[type[Any]]) -> list[str]:
    named = {kind.__name__: kind.__module__ for kind in results}
    named |= {kind: f"brightfield_client.results.{kind.lower()}" for kind in ("Batch", "Binary")}
    lines = [f"from {module} import {name}" for name, module in named.items()]
    return [*sorted(lines), ""]


def _answers(endpoint: Endpoint[Any]) -> dict[str, type[Any]]:
    """The classes of an endpoint's answers, by the parameter that asks for them."""
    return {**endpoint.variants, "": endpoint.result}


def _overloads(endpoint: Endpoint[Any], query: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What is asked about, the options, and the class of the answer."""
    rest = "".join(f"{name}: ImageSource | None = None, " for name in endpoint.images)
    rest += f"**parameters: Unpack[given.{endpoint.name.capitalize()}Parameters]"
    for flag, kind in _answers(endpoint).items():
        others = (each for each in endpoint.variants if each != flag)
        asked = f"{flag}: Literal[True], " if flag else ""
        asked += "".join(f"{each}: Literal[False] | None = None, " for each in others)
        options = f'{asked}format: Literal["json"] | None = None, {rest}'
        if endpoint.together:
            yield "ImageSource | Images", options, kind.__name__
        else:
            yield "Images", options, f"Batch[{kind.__name__}]"
            yield "ImageSource", options, kind.__name__
    either = "".join(f"{each}: bool | None = None, " for each in endpoint.variants)
    yield "ImageSource | Images", f"{either}format: {_format(query)}, {rest}", "Binary"


def _format(query: Mapping[str, Any]) -> str:
    choices = [each for each in query["format"]["schema"].get("enum", ()) if each != "json"]
    return f"Literal[{', '.join(map(json.dumps, choices))}]" if choices else "str"


def _implementation(endpoint: Endpoint[Any], query: Mapping[str, Any]) -> str:
    name, further = endpoint.name, (*endpoint.variants, *endpoint.images)
    kinds = dict.fromkeys(endpoint.variants, "bool") | dict.fromkeys(endpoint.images, "ImageSource")
    own = "".join(f"{each}: {kind} | None = None, " for each, kind in kinds.items())
    passed = "".join(f"{each}={each}, " for each in further)
    text = _wrapped(_documentation(endpoint, query), "    ", False)
    return (
        f"def {name}(image: ImageSource | Images, model: str | None = None, *, {own}"
        f"format: str | None = None, **parameters: Unpack[given.{name.capitalize()}Parameters]"
        f') -> Call[Any]:\n    """{text}\n    """\n'
        f'    return ENDPOINTS["{name}"].call(image, model, {passed}format=format, **parameters)\n'
    )


def _documentation(endpoint: Endpoint[Any], query: Mapping[str, Any]) -> str:
    """The text of `help()`: every parameter with what the service says of it."""
    source = "path, bytes, open file, PIL image, array, tensor or stored image"
    many = "a list is searched together" if endpoint.together else "a list is a batch"
    said = {each: _description(query[each]) for each in query if each not in NAMED}
    said |= dict.fromkeys(endpoint.images, "A further image, in any of the forms of `image`.")
    arguments = {"image": f"{source}; {many}.", "model": _description(query["model"]), **said}
    arguments["format"] = f"{_format(query)}: gives `Binary` instead of a typed result."
    if not query["format"]["schema"].get("enum"):
        arguments["format"] = "A binary format: gives `Binary` instead of a typed result."
    kinds = " or ".join(f"`{kind.__name__}`" for kind in reversed(_answers(endpoint).values()))
    batch = (
        ""
        if endpoint.together
        else "; for a list a `Batch`, in which a failed image is an `ItemError`"
    )
    lines = [endpoint.doc, "", "Args:"]
    lines += [f"    {name}: {text}" for name, text in arguments.items()]
    return "\n".join([*lines, "", "Returns:", f"    {kinds}{batch}."])


def endpoint_methods(queries: Mapping[str, Mapping[str, Any]]) -> str:
    """`submit` and `map` with an overload for each endpoint and kind of answer."""
    results = {kind for each in ENDPOINTS.values() for kind in _answers(each).values()}
    lines = [
        _head("docs/openapi.json and calls/endpoints.py"),
        '"""`submit` and `map`, with the types of every endpoint."""\n',
        "from __future__ import annotations\n",
        "import os",
        "from abc import abstractmethod",
        "from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable",
        "from typing import Any, Literal, TypeVar, Unpack, overload\n",
        "from brightfield_client.async_job import AsyncJob",
        "from brightfield_client.calls import _parameters as given",
        "from brightfield_client.calls.endpoints import Endpoint",
        "from brightfield_client.images import Images, ImageSource",
        "from brightfield_client.mapping import MapItem",
        *_imports(results),
        "from brightfield_client.results.result import Result",
        'R = TypeVar("R", bound=Result)\n',
        "class AsyncEndpointMethods:",
        '    """What takes the name of an endpoint."""\n',
    ]
    lines += _submit_overloads(queries)
    lines += [_SUBMIT]
    lines += _map_overloads(queries)
    return "\n".join([*lines, _MAP]) + "\n"


def _submit_overloads(queries: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for endpoint in ENDPOINTS.values():
        for image, options, answer in _overloads(endpoint, queries[endpoint.name]):
            yield (
                f'    @overload\n    async def submit(self, endpoint: Literal["{endpoint.name}"], '
                f"image: {image}, *, model: str | None = None, {options}) "
                f"-> AsyncJob[{answer}]: ..."
            )


def _map_overloads(queries: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for endpoint in ENDPOINTS.values():
        default = ' = "classify"' if endpoint.name == "classify" else ""
        for image, options, answer in _overloads(endpoint, queries[endpoint.name]):
            if image != "Images":
                yield (
                    "    @overload\n    def map(self, images: Iterable[ImageSource], "
                    f'task: Literal["{endpoint.name}"]{default}, *, {_OF_MAP}, '
                    f"model: str | None = None, {options}) "
                    f"-> AsyncGenerator[MapItem[{answer}], None]: ..."
                )


_OF_MAP = (
    "concurrency: int = 8, progress: bool = True, resume: str | os.PathLike[str] | None = None"
)
_SUBMIT = '''
    @overload
    async def submit(
        self, endpoint: Endpoint[R], image: ImageSource | Images, **parameters: Any
    ) -> AsyncJob[R]: ...
    async def submit(
        self, endpoint: Any, image: ImageSource | Images, **parameters: Any
    ) -> AsyncJob[Any]:
        """Start an endpoint's work as a job: `submit("occlusion", "cell.tif", window=16)`.

        The job goes on when this program ends; `job(job_id)` finds it again.
        """
        return await self._submit(endpoint, image, parameters)

    @abstractmethod
    async def _submit(
        self, endpoint: str | Endpoint[Any], image: ImageSource | Images, parameters: dict[str, Any]
    ) -> AsyncJob[Any]: ...
'''
_MAP = f'''
    @overload
    def map(
        self, images: Iterable[ImageSource], task: Endpoint[R], *, {_OF_MAP}, **parameters: Any
    ) -> AsyncGenerator[MapItem[R], None]: ...
    def map(
        self, images: Iterable[ImageSource], task: Any = "classify", *, {_OF_MAP}, **parameters: Any
    ) -> AsyncGenerator[MapItem[Any], None]:
        """Ask one endpoint about many images; yields a `MapItem` for each, in their order.

        Nothing happens before the first item is asked for; `list(client.map(...))` asks for all.
        A bad image gives an item with an `error` and never stops the rest. With `resume`, a file
        of JSON lines, answers are kept as they come, and a later run takes them from there.

        Args:
            images: paths, or whatever the endpoint takes; only `resume` needs paths.
            task: the endpoint's name.
            concurrency: calls that run at the same time.
            progress: draw a bar on standard error, where that is a terminal.
            resume: the file that keeps the answers.
            parameters: the endpoint's.
        """
        return self._map(images, task, parameters, concurrency, progress, resume)

    @abstractmethod
    def _map(
        self,
        images: Iterable[ImageSource],
        task: str | Endpoint[Any],
        parameters: dict[str, Any],
        concurrency: int,
        progress: bool,
        resume: str | os.PathLike[str] | None,
    ) -> AsyncGenerator[MapItem[Any], None]: ...
'''


def synchronous(text: str, source: str) -> str:
    """An asynchronous half without its waiting."""
    for pattern, replacement in RULES:
        text = re.sub(pattern, replacement, text)
    ignored = "# ruff: noqa: RUF100, SIM117, UP028 - so it reads as its asynchronous half"
    return formatted(f"{_head(source)}\n{ignored}\n{text.removeprefix(_first_line(text))}")


def _first_line(text: str) -> str:
    return text[: text.index("\n") + 1] if text.startswith("# Generated") else ""


def _head(source: str) -> str:
    return f"# Generated by docs/client.py from {source}; do not edit."


def _wrapped(text: str, indent: str, first: bool = True) -> str:
    """Lines of at most 100 letters, each paragraph's further lines four letters deeper."""
    lines = []
    for line in text.splitlines():
        own = indent + line[: len(line) - len(line.lstrip())]
        more = own + ("    " if own != indent else "")
        lines += textwrap.wrap(line.strip(), 96, initial_indent=own, subsequent_indent=more) or [""]
    joined = "\n".join(lines)
    return joined if first else joined.lstrip()


def formatted(text: str) -> str:
    """As `ruff format` writes it; generated files are checked like all others."""
    for command in (["check", "--fix-only", "--select", "I,F401"], ["format"]):
        call = [sys.executable, "-m", "ruff", *command, "--quiet", *CONFIGURED, "-"]
        done = subprocess.run(call, input=text, capture_output=True, text=True, check=True)
        text = done.stdout
    return text


if __name__ == "__main__":
    sys.exit(main())
