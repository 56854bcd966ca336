"""POST /embed."""

# ruff: noqa: A002 - `format` is the service's name for it

from __future__ import annotations

from typing import Any, overload

from brightfield_client.calls.call import Call
from brightfield_client.calls.image_call import image_call
from brightfield_client.images import Images, ImageSource
from brightfield_client.results.batch import Batch
from brightfield_client.results.binary import Binary
from brightfield_client.results.embedding import Embedding


@overload
def embed(
    image: Images, model: str | None = None, *, format: None = None, **parameters: Any
) -> Call[Batch[Embedding]]: ...
@overload
def embed(
    image: ImageSource, model: str | None = None, *, format: None = None, **parameters: Any
) -> Call[Embedding]: ...
@overload
def embed(
    image: ImageSource | Images, model: str | None = None, *, format: str, **parameters: Any
) -> Call[Binary]: ...
def embed(
    image: ImageSource | Images,
    model: str | None = None,
    *,
    layer: str | None = None,
    pool: str | None = None,
    normalize: bool | None = None,
    format: str | None = None,
    **parameters: Any,
) -> Call[Any]:
    """The feature vector of an image, or of each in a list.

    Args:
        image: path, bytes, open file, PIL image, array, tensor or stored image; a list is a batch.
        model: id of the model; the service's default for /classify if left out.
        layer: layer whose output is taken (penultimate); `layers(model)` names them.
        pool: how a spatial map becomes one vector (mean).
        normalize: scale the vector to length 1 (false).
        format: a binary format (npy, csv): gives `Binary` instead of a typed result.
        parameters: any other parameter of the endpoint, as region, page, channels, intensity.

    Returns:
        `Embedding`; for a list a `Batch`, in which failed images are `ItemError`.
    """
    own = {"model": model, "layer": layer, "pool": pool, "normalize": normalize, "format": format}
    return image_call("/embed", Embedding.from_json, image, own | parameters)
