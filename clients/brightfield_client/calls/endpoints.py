"""The image endpoints by name, for `submit`, `map` and the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from brightfield_client.calls.activations import activations
from brightfield_client.calls.call import Call
from brightfield_client.calls.classify import classify
from brightfield_client.calls.detect import detect
from brightfield_client.calls.embed import embed
from brightfield_client.calls.occlusion import occlusion
from brightfield_client.calls.patches import patches
from brightfield_client.calls.saliency import saliency
from brightfield_client.calls.segment import read_segmentation, segment
from brightfield_client.calls.superresolve import superresolve
from brightfield_client.results.activations import Activations
from brightfield_client.results.classification import Classification
from brightfield_client.results.detections import Detections
from brightfield_client.results.embedding import Embedding
from brightfield_client.results.enlargement import Enlargement
from brightfield_client.results.occlusion import Occlusion
from brightfield_client.results.patches import Patches
from brightfield_client.results.result import Json, Result
from brightfield_client.results.saliency import Saliency


@dataclass(frozen=True)
class Endpoint:
    """How an endpoint is called, and what reads its JSON."""

    call: Callable[..., Call[Any]]
    parse: Callable[[Json], Result]


ENDPOINTS: Mapping[str, Endpoint] = MappingProxyType(
    {
        "activations": Endpoint(activations, Activations.from_json),
        "classify": Endpoint(classify, Classification.from_json),
        "detect": Endpoint(detect, Detections.from_json),
        "embed": Endpoint(embed, Embedding.from_json),
        "occlusion": Endpoint(occlusion, Occlusion.from_json),
        "patches": Endpoint(patches, Patches.from_json),
        "saliency": Endpoint(saliency, Saliency.from_json),
        "segment": Endpoint(segment, read_segmentation),
        "superresolve": Endpoint(superresolve, Enlargement.from_json),
    }
)


def endpoint_named(name: str) -> Endpoint:
    """An endpoint by its name; "/classify" and "classify" are the same."""
    try:
        return ENDPOINTS[name.strip("/")]
    except KeyError:
        known = ", ".join(sorted(ENDPOINTS))
        raise ValueError(f"There is no image endpoint {name!r}; there are {known}.") from None
