"""What stands for "nothing there": the values that an occluded pixel or a path's start takes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import scipy
import torch
from pydantic import BeforeValidator, Field, WithJsonSchema

from brightfield.cards import InputSpec
from brightfield.tensors import Images

# Fong and Vedaldi 2017 blur 224 pixels with sigma 10.
_BLUR = 10 / 224


def _number(value: Any) -> Any:
    try:
        return float(value)
    except (TypeError, ValueError):
        return value


Baseline = Annotated[
    Annotated[float, Field(allow_inf_nan=False)] | Literal["mean", "zero", "grey", "blur"],
    BeforeValidator(_number),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "enum": ["mean", "zero", "grey", "blur"]},
                {"type": "number"},
            ],
            "description": "`mean` (the card's mean), `zero`, `grey`, `blur`, or a value before "
            "mean and std: in [0, 1], or as sent for models that take raw arrays.",
        }
    ),
]

_VALUES = {"zero": 0.0, "grey": 0.5}


def baseline_images(baseline: float | str, images: Images, spec: InputSpec) -> Images:
    """`images` (1, C, H, W) with every pixel replaced by the baseline, normalised as the card says.

    `mean` is 0 after normalisation; `zero`, `grey` (0.5) and numbers v become (v - mean) / std, or
    stay v for raw arrays; `blur` is the image under a Gaussian of sigma 10 per 224 pixels of its
    short side.
    """
    if baseline == "mean":
        return torch.zeros_like(images)
    if baseline == "blur":
        sigma = _BLUR * min(images.shape[-2:])
        blurred = scipy.ndimage.gaussian_filter(
            images.numpy(), (0, 0, sigma, sigma), mode="nearest"
        )
        return torch.from_numpy(blurred)
    value = _VALUES[baseline] if isinstance(baseline, str) else baseline
    if spec.pixels == "raw":
        return torch.full_like(images, value)
    mean = torch.tensor(spec.mean, dtype=images.dtype).view(1, -1, 1, 1)
    std = torch.tensor(spec.std, dtype=images.dtype).view(1, -1, 1, 1)
    return ((value - mean) / std).expand_as(images).clone()
