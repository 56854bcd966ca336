"""How images are prepared for known networks by default: as for the weights of their makers."""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping
from typing import Any

Preparation = tuple[dict[str, Any], str]
"""Keys of a card's [input], and a sentence about what was assumed of them."""

_SMP_STEP = 32
_PLAIN = "values from 0 to 1, not normalised (no mean, no std)"


def preparation(architecture: Mapping[str, Any], channels: int | None) -> Preparation:
    """The `input` of a card for an architecture, as far as its library knows it."""
    library, _, name = str(architecture["name"]).partition(":")
    usual = _KNOWN.get(library)
    if usual is None:
        return {}, f"assumed: {_PLAIN}"
    found, said = usual(name, architecture)
    if channels is not None and channels != 3:
        plain = {key: value for key, value in found.items() if key not in ("mean", "std")}
        return {**plain, "channels": channels}, f"assumed: {_PLAIN}"
    return found, said


def _torchvision(name: str, architecture: Mapping[str, Any]) -> Preparation:
    from torchvision.models import get_model_weights

    usual = get_model_weights(name).DEFAULT.transforms()
    if not hasattr(usual, "mean"):  # detectors do it themselves
        return {
            "resize": {"short": 800, "longest": 1333, "rounding": "down"},
            "mean": [0.485, 0.456, 0.406],
            "std": [0.229, 0.224, 0.225],
        }, "assumed: resized and normalised as torchvision's detectors do it"
    side = usual.resize_size[0]
    resize = {"short": side, "interpolation": usual.interpolation.value, "rounding": "down"}
    crop = {"crop": usual.crop_size[0]} if hasattr(usual, "crop_size") else {}
    found = {"resize": resize, **crop, "mean": list(usual.mean), "std": list(usual.std)}
    return found, f"assumed: as for torchvision's own weights of {name}"


def _timm(name: str, architecture: Mapping[str, Any]) -> Preparation:
    timm: Any = importlib.import_module("timm")
    usual = timm.get_pretrained_cfg(name, allow_unregistered=True).to_dict()
    side = int(usual["input_size"][-1])
    short = math.floor(side / float(usual.get("crop_pct") or 1))
    kind = usual.get("interpolation")
    interpolation = kind if kind in ("bilinear", "bicubic") else "bilinear"
    return {
        "resize": {"short": short, "interpolation": interpolation, "rounding": "down"},
        "crop": side,
        "mean": list(usual["mean"]),
        "std": list(usual["std"]),
    }, f"assumed: as for timm's own weights of {name}"


def _smp(name: str, architecture: Mapping[str, Any]) -> Preparation:
    return {
        "size": {"multiple": _SMP_STEP},
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
    }, "assumed: any size, and normalised as for encoders of ImageNet"


_KNOWN = {"torchvision": _torchvision, "timm": _timm, "smp": _smp}
