"""The table of the image endpoints: what the answer of each is.

A further endpoint is a row here; `docs/client` writes its call, with the texts and parameters of
the service's document, and every client, the command line included, has it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from brightfield_client.calls.call import Call
from brightfield_client.calls.image_call import image_call
from brightfield_client.images import to_payload
from brightfield_client.results.activations import Activations
from brightfield_client.results.classification import Classification
from brightfield_client.results.detections import Detections
from brightfield_client.results.embedding import Embedding
from brightfield_client.results.enlargement import Enlargement
from brightfield_client.results.occlusion import Occlusion
from brightfield_client.results.patches import Patches
from brightfield_client.results.result import Result
from brightfield_client.results.saliency import Saliency
from brightfield_client.results.segmentation import Segmentation
from brightfield_client.results.value import Json
from brightfield_client.results.volume import Volume

R = TypeVar("R", bound=Result)
Given = dict[str, Any]


@dataclass(frozen=True)
class Endpoint(Generic[R]):
    """An image endpoint: its name and the class of its answers.

    `variants` are other classes of answers by the boolean parameter that asks for them; `images`
    are parameters that are further images; `together` means one answer about all images of a list.
    `prepare` settles what is asked for by default.
    """

    name: str
    result: type[R]
    variants: Mapping[str, type[Result]] = field(default_factory=dict)
    images: tuple[str, ...] = ()
    together: bool = False
    prepare: Callable[[Given], Given] = dict

    def call(self, image: Any, model: str | None = None, **parameters: Any) -> Call[Any]:
        """The call about an image, or about a list of them."""
        given = self.prepare({"model": model, **parameters})
        further = {name: given.pop(name) for name in self.images if name in given}
        attached = {name: to_payload(each) for name, each in further.items() if each is not None}
        return image_call(f"/{self.name}", self.parse, image, given, attached)

    def parse(self, envelope: Json) -> Result:
        """One envelope as the answer that it is; a stack is known by its planes."""
        stack = "planes" in (envelope.get("result") or ())
        kind = self.variants.get("volume", self.result) if stack else self.result
        return kind.from_json(envelope)


def _as_json(given: Given) -> bool:
    return given.get("format") in (None, "json")


def _with_outlines(given: Given) -> Given:
    """Outlines come along unless there is no use for them."""
    if given.get("outlines") is None and not given.get("volume") and _as_json(given):
        return {**given, "outlines": True}
    return given


def _lossless(given: Given) -> Given:
    """The endpoint's default is the image alone. Pillow cannot read colour of 16 bits; NumPy reads
    whatever the service has."""
    return {**given, "format": "json", "encoding": "npy"} if _as_json(given) else given


ENDPOINTS: Mapping[str, Endpoint[Any]] = MappingProxyType(
    {
        each.name: each
        for each in (
            Endpoint("activations", Activations),
            Endpoint("classify", Classification),
            Endpoint("detect", Detections),
            Endpoint("embed", Embedding),
            Endpoint("occlusion", Occlusion, images=("reference",)),
            Endpoint("patches", Patches, together=True),
            Endpoint("saliency", Saliency, images=("reference",)),
            Endpoint("segment", Segmentation, variants={"volume": Volume}, prepare=_with_outlines),
            Endpoint("superresolve", Enlargement, images=("reference",), prepare=_lossless),
        )
    }
)


def any_endpoint(name: str) -> Endpoint[Any]:
    """An endpoint by its name, also one that only the service knows: its answers are `Result`."""
    plain = name.strip("/")
    return ENDPOINTS.get(plain) or Endpoint(plain, Result)


def endpoint_of(endpoint: str | Endpoint[Any]) -> Endpoint[Any]:
    """An endpoint by its name, or itself; "/classify" and "classify" are the same."""
    found = any_endpoint(endpoint) if isinstance(endpoint, str) else endpoint
    if isinstance(endpoint, str) and found.name not in ENDPOINTS:
        known = ", ".join(sorted(ENDPOINTS))
        raise ValueError(f"There is no image endpoint {endpoint!r}; there are {known}.")
    return found
