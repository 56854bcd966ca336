"""POST /saliency."""

# ruff: noqa: A002 - these are the endpoint's parameters, by their names

from __future__ import annotations

from typing import Any, overload

from brightfield_client.calls.call import Call
from brightfield_client.calls.image_call import image_call
from brightfield_client.images import Images, ImageSource
from brightfield_client.results.batch import Batch
from brightfield_client.results.binary import Binary
from brightfield_client.results.saliency import Saliency


@overload
def saliency(
    image: Images, model: str | None = None, *, format: None = None, **parameters: Any
) -> Call[Batch[Saliency]]: ...
@overload
def saliency(
    image: ImageSource, model: str | None = None, *, format: None = None, **parameters: Any
) -> Call[Saliency]: ...
@overload
def saliency(
    image: ImageSource | Images, model: str | None = None, *, format: str, **parameters: Any
) -> Call[Binary]: ...
def saliency(
    image: ImageSource | Images,
    model: str | None = None,
    *,
    method: str | None = None,
    target: str | int | None = None,
    layer: str | None = None,
    format: str | None = None,
    **parameters: Any,
) -> Call[Any]:
    """How much each pixel matters to the score of a class.

    Args:
        image: path, bytes, open file, PIL image, array, tensor or stored image; a list is a batch.
        model: id of the model; the service's default for /classify if left out.
        method: gradient (the default), guided_backprop, integrated_gradients, smoothgrad,
            input_x_gradient, grad_cam, guided_grad_cam.
        target: label or class id; `top`, the default, is the highest score.
        layer: layer that Grad-CAM weighs.
        format: overlay, png, tiff or npy: gives `Binary` instead of a typed result.
        parameters: the method's own (steps, samples, sigma, seed, neuron, ...), `mask="grabcut"`,
            `checks=True`, and the endpoint's others.

    Returns:
        `Saliency`; for a list a `Batch`, in which failed images are `ItemError`.
    """
    own = {
        "model": model,
        "method": method,
        "target": target,
        "layer": layer,
        "format": format,
    }
    return image_call("/saliency", Saliency.from_json, image, own | parameters)
