"""The calls of the image endpoints, with an overload for each kind of answer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from document import described
from parameter_types import NAMED, TIMEOUT
from text import head, imports, wrapped

from brightfield_client.calls.endpoints import ENDPOINTS, Endpoint

# What each endpoint is for, of one image and of several.
SENTENCES = {
    "activations": "The feature maps that a layer makes of an image, or of each in a list.",
    "classify": "The most probable classes of an image, or of each in a list.",
    "detect": "Where the objects of an image are, or of each in a list: a box, a class, a score.",
    "embed": "The feature vector of an image, or of each in a list.",
    "occlusion": "How the scores of classes change when a window hides a part of the image.",
    "patches": "The parts of images that excite the units of a layer most, over all images "
    "together.",
    "saliency": "How much each pixel matters to the score of a class, a detection, an object, or "
    "to the similarity to a reference.",
    "segment": "Which pixels of an image, or of each in a list, belong to which object or class.",
    "superresolve": "An image, or each in a list, with more pixels, in its own dtype.",
}


def image_calls(queries: Mapping[str, Mapping[str, Any]]) -> str:
    """A function for each endpoint, with an overload for each kind of answer."""
    results = {kind for each in ENDPOINTS.values() for kind in answers(each).values()}
    lines = [
        head("docs/openapi.json and calls/endpoints.py"),
        '"""The calls of the image endpoints."""\n',
        "# ruff: noqa: A002 - the parameters are the service's\n",
        "from __future__ import annotations\n",
        "from typing import Any, Literal, Unpack, overload\n",
        "from brightfield_client.calls import _parameters as given",
        "from brightfield_client.calls.call import Call",
        "from brightfield_client.calls.endpoints import ENDPOINTS",
        "from brightfield_client.images import Images, ImageSource",
        *imports(results),
    ]
    for endpoint in ENDPOINTS.values():
        query = queries[endpoint.name]
        lines += [
            f"@overload\ndef {endpoint.name}(image: {image}, model: str | None = None, *, {options}"
            f") -> Call[{answer}]: ..."
            for image, options, answer in overloads(endpoint, query)
        ]
        lines.append(_implementation(endpoint, query))
    return "\n".join(lines) + "\n"


def answers(endpoint: Endpoint[Any]) -> dict[str, type[Any]]:
    """The classes of an endpoint's answers, by the parameter that asks for them."""
    return {**endpoint.variants, "": endpoint.result}


def overloads(endpoint: Endpoint[Any], query: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What is asked about, the options, and the class of the answer."""
    rest = "".join(f"{name}: ImageSource | None = None, " for name in endpoint.images)
    rest += f"**parameters: Unpack[given.{endpoint.name.capitalize()}Parameters]"
    for flag, kind in answers(endpoint).items():
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
    yield "ImageSource | Images", f"{either}format: {binary_formats(query)}, {rest}", "Binary"


def binary_formats(query: Mapping[str, Any]) -> str:
    """The type of `format` but JSON."""
    choices = [each for each in query["format"]["schema"].get("enum", ()) if each != "json"]
    return f"Literal[{', '.join(map(json.dumps, choices))}]" if choices else "str"


def _implementation(endpoint: Endpoint[Any], query: Mapping[str, Any]) -> str:
    name, further = endpoint.name, (*endpoint.variants, *endpoint.images)
    kinds = dict.fromkeys(endpoint.variants, "bool") | dict.fromkeys(endpoint.images, "ImageSource")
    own = "".join(f"{each}: {kind} | None = None, " for each, kind in kinds.items())
    passed = "".join(f"{each}={each}, " for each in further)
    text = wrapped(_documentation(endpoint, query), "    ", False)
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
    said = {each: described(query[each]) for each in query if each not in NAMED}
    said |= dict.fromkeys(endpoint.images, "A further image, in any of the forms of `image`.")
    arguments = {"image": f"{source}; {many}.", "model": described(query["model"]), **said}
    arguments["format"] = f"{binary_formats(query)}: gives `Binary` instead of a typed result."
    arguments["timeout"] = TIMEOUT
    if not query["format"]["schema"].get("enum"):
        arguments["format"] = "A binary format: gives `Binary` instead of a typed result."
    kinds = " or ".join(f"`{kind.__name__}`" for kind in reversed(answers(endpoint).values()))
    batch = (
        ""
        if endpoint.together
        else "; for a list a `Batch`, in which a failed image is an `ItemError`"
    )
    lines = [SENTENCES[endpoint.name], "", "Args:"]
    lines += [f"    {name}: {text}" for name, text in arguments.items()]
    return "\n".join([*lines, "", "Returns:", f"    {kinds}{batch}."])
