"""POST /saliency."""

# ruff: noqa: A002, PLR0913 - these are the endpoint's parameters, by their names

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

from brightfield_client.calls.call import Call
from brightfield_client.calls.image_call import image_call
from brightfield_client.images import Images, ImageSource, to_payload
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
    box: Sequence[float] | None = None,
    point: Sequence[float] | None = None,
    object: int | None = None,
    within: Sequence[float] | Sequence[Sequence[float]] | None = None,
    reference: ImageSource | None = None,
    reference_layer: str | None = None,
    format: str | None = None,
    **parameters: Any,
) -> Call[Any]:
    """How much each pixel matters to the score of a class, a detection, an object, a likeness.

    Args:
        image: path, bytes, open file, PIL image, array, tensor or stored image; a list is a batch.
        model: id of the model; the service's default for /classify if left out.
        method: gradient (the default), guided_backprop, integrated_gradients, smoothgrad,
            input_x_gradient, grad_cam, guided_grad_cam.
        target: label or class id; `top`, the default, is the highest score.
        layer: layer that Grad-CAM weighs.
        box: of models that find or segment objects, the one at (xmin, ymin, xmax, ymax), in pixels
            of the image; left out, a detector explains its best detection.
        point: likewise, the one at (x, y).
        object: likewise, the one of this id, as `detect` and `segment` number them.
        within: of models that segment, the part over which the class's score is averaged:
            (x, y, width, height), or the corners ((x1, y1), (x2, y2), ...) of a polygon.
        reference: another image; then the likeness of the two is explained, and not a class.
        reference_layer: the layer whose features are compared (penultimate).
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
        "box": box,
        "point": point,
        "object": object,
        "within": within,
        "reference_layer": reference_layer,
        "format": format,
    }
    attachments = {} if reference is None else {"reference": to_payload(reference)}
    return image_call("/saliency", Saliency.from_json, image, own | parameters, attachments)
