"""The description of the image endpoints, made from the fields of their parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import UnionType
from typing import Any, get_args

from brightfield.api.image_endpoints import ImageEndpoint
from brightfield.api.schema.parameters import (
    belonging,
    body_object,
    fields,
    headers,
    joined,
    query_parameters,
)
from brightfield.api.schema.responses import (
    BINARY_BODY,
    JOB,
    JSON,
    binary,
    json_response,
)
from brightfield.api.schema.results import result_type
from brightfield.api.schema.shapes.envelopes import Envelope, JointEnvelope
from brightfield.api.schema.shapes.problems import FailedItem
from brightfield.api.schema.shapes.shape import Schema, reference, shapes
from brightfield.api.writing.formats import BINARY, Reply
from brightfield.engine import View
from brightfield.images.selection import Selection
from brightfield.work import Work

_NAME: Schema = {"type": "string", "description": "Name of the file, for `file_name` and archives."}

_FURTHER: Mapping[str, Schema] = {
    "ImageReference": {
        "title": "ImageReference",
        "description": "An image within JSON: its bytes, or the id of a stored one.",
        "oneOf": [
            {
                "title": "ImageBytes",
                "type": "object",
                "required": ["data"],
                "properties": {
                    "data": {"type": "string", "contentEncoding": "base64"},
                    "name": _NAME,
                },
                "additionalProperties": False,
            },
            {
                "title": "StoredImageId",
                "type": "object",
                "required": ["id"],
                "properties": {
                    "id": {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"},
                    "name": _NAME,
                },
                "additionalProperties": False,
            },
        ],
    }
}


class ImageOperation:
    """One image endpoint as the document has it: its operation, and the components of its own."""

    def __init__(self, endpoint: ImageEndpoint) -> None:
        self._endpoint = endpoint
        self._choices: Sequence[tuple[str, type[Work]]] = sorted(endpoint.choices.items())
        self._title = "".join(part.capitalize() for part in endpoint.name.split("_"))

    @property
    def operation(self) -> Schema:
        return {
            "operationId": self._endpoint.name,
            "tags": ["images"],
            "summary": self._summary(),
            "description": self._description(),
            "parameters": [
                *query_parameters({**self._own(), **self._images(), **self._shared()}),
                *headers("X-Request-Timeout", "X-Request-ID", "Prefer"),
            ],
            "requestBody": self._request_body(),
            "responses": self._responses(),
        }

    @property
    def components(self) -> dict[str, Schema]:
        """Those of its own, by name: parameters and replies."""
        text = f"The parameters of POST {self._endpoint.path}."
        own = {**self._own(), **self._shared()}
        parameters = body_object(own, f"{self._title}Parameters", text)
        return {**_FURTHER, f"{self._title}Parameters": parameters, **self._replies()}

    @property
    def types(self) -> tuple[Any, ...]:
        """The types of its results."""
        found = (result_type(work) for _, work in self._choices)
        return tuple(dict.fromkeys(each for each in found if each is not None))

    @property
    def shapes(self) -> tuple[type[Any], ...]:
        """Those of its results, each by itself."""
        return tuple(
            member
            for each in self.types
            for member in (get_args(each) if isinstance(each, UnionType) else (each,))
        )

    @property
    def _joint(self) -> bool:
        """Whether there is one answer about all images."""
        return any(work.arity == "several" for _, work in self._choices)

    def _summary(self) -> str:
        if self._endpoint.chooser is not None:
            names = ", ".join(name for name, _ in self._choices)
            return f"Why the model answers as it does: {names}."
        ((_, task),) = self._choices
        return (task.__doc__ or "").partition("\n")[0]

    def _description(self) -> str:
        if self._endpoint.chooser is None:
            return ""
        return "\n".join(
            f"- `{name}`: {' '.join((method.__doc__ or '').split())}"
            for name, method in self._choices
        )

    def _own(self) -> dict[str, Schema]:
        """The parameters of the task, or of all methods."""
        users: dict[str, dict[str, Schema]] = {}
        for choice, model in self._choices:
            for name, schema in fields(model).items():
                users.setdefault(name, {})[choice] = schema
        own = {name: joined(schemas) for name, schemas in users.items()}
        for name, schemas in users.items():
            if len(schemas) < len(self._choices):
                own[name] = belonging(own[name], list(schemas))
        if self._endpoint.chooser is not None:
            own = {self._endpoint.chooser: self._method(), **own}
        return own

    def _method(self) -> Schema:
        return {
            "description": "What explains; some parameters belong to one method alone.",
            "type": "string",
            "enum": sorted(self._endpoint.choices),
            "default": self._endpoint.default,
        }

    def _images(self) -> dict[str, Schema]:
        """Stored images, which take the place of bodies."""
        texts = {"image": "Id of a stored image, in place of a body."} | {
            name: f"Id of a stored image, in place of a further file `{name}` in a form."
            for name in self._endpoint.attachments
        }
        return {name: {"type": "string", "description": text} for name, text in texts.items()}

    def _shared(self) -> dict[str, Schema]:
        shared = {**fields(View), **fields(Selection), **fields(Reply)}
        kind = {"type": "string", "enum": self._formats()}
        return {**shared, "format": {**kind, "description": shared["format"]["description"]}}

    def _formats(self) -> list[str]:
        names: dict[str, None] = {}
        for _, work in self._choices:
            names.update(dict.fromkeys(work.every_format()))
        return list(names)

    def _request_body(self) -> Schema:
        image = reference("ImageReference")
        attachments = self._endpoint.attachments
        document = {
            "type": "object",
            "properties": {
                "model": {"type": "string"},
                **dict.fromkeys(("image", *attachments), image),
                "images": {"type": "array", "items": image},
                "parameters": reference(f"{self._title}Parameters"),
            },
        }
        return {
            "required": False,
            "content": {
                "application/octet-stream": {"schema": BINARY_BODY},
                "multipart/form-data": {"schema": form_of_images(attachments)},
                JSON: {"schema": document},
                "application/x-npy": {"schema": BINARY_BODY},
            },
        }

    def _responses(self) -> Schema:
        media = binary(BINARY[name].media_type for name in self._formats() if name in BINARY)
        zipped = {} if self._joint else {"application/zip": BINARY_BODY}
        whole = f"{self._title}Reply" if self._joint else f"{self._title}Replies"
        failed = f"{self._title}Reply" if self._joint else f"{self._title}Batch"
        text = "The answer about all images" if self._joint else "The answer, or `items` of a batch"
        mixed = media if self._joint else zipped
        return {
            "200": json_response(whole, text, media={**media, **zipped}),
            "202": JOB,
            "207": json_response(failed, "Some images failed", media=mixed),
        }

    def _replies(self) -> dict[str, Schema]:
        reply = f"{self._title}Reply"
        if self._joint:
            joint = self._enveloped(JointEnvelope.__name__, reply)
            return {reply: joint, f"Collection{reply}": _with_ids(joint, f"Collection{reply}")}
        batch = {
            "title": f"{self._title}Batch",
            "description": "The answers about several images, in the order sent.",
            "type": "object",
            "required": ["items"],
            "properties": {
                "items": {
                    "type": "array",
                    "items": {"anyOf": [reference(reply), reference(FailedItem.__name__)]},
                }
            },
            "additionalProperties": False,
        }
        either = {
            "title": f"{self._title}Replies",
            "description": "The answer about an image, or those about several.",
            "anyOf": [reference(reply), reference(f"{self._title}Batch")],
        }
        return {
            reply: self._enveloped(Envelope.__name__, reply),
            f"{self._title}Batch": batch,
            f"{self._title}Replies": either,
        }

    def _enveloped(self, envelope: str, title: str) -> Schema:
        """The envelope around the endpoint's own results."""
        around = shapes()[envelope]
        task = {**around["properties"]["task"], "const": self._endpoint.name}
        own = {"task": task, "result": self._result(around["properties"]["result"])}
        return {**around, "title": title, "properties": {**around["properties"], **own}}

    def _result(self, known: Schema) -> Schema:
        choices = [reference(each.__name__) for each in dict.fromkeys(self.shapes)]
        if any(result_type(work) is None for _, work in self._choices):
            choices.append({"type": "object"})
        return choices[0] if len(choices) == 1 else {**known, "anyOf": choices}


def _with_ids(reply: Schema, title: str) -> Schema:
    """The same reply about the images of a collection."""
    ids = {
        "description": "Ids of the items, in the order in which the result counts their images.",
        "type": "array",
        "items": {"type": "string"},
    }
    return {
        **reply,
        "title": title,
        "properties": {**reply["properties"], "ids": ids},
        "required": [*reply["required"], "ids"],
    }


def form_of_images(attachments: Sequence[str] = ()) -> Schema:
    """A multipart form with images, and parameters as fields of their own or as JSON."""
    return {
        "type": "object",
        "required": ["file"],
        "properties": {
            "file": {"type": "array", "items": BINARY_BODY},
            **dict.fromkeys(attachments, BINARY_BODY),
            "params": {"type": "string"},
        },
    }
