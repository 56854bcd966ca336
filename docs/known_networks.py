"""Writes the index of known networks, by which `brightfield models add` recognises files.

Run it with new versions of torchvision, timm and segmentation-models-pytorch; it takes minutes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import segmentation_models_pytorch as smp
import timm
import torchvision
from torch import nn
from torchvision.models import detection, get_model, list_models, segmentation

from brightfield.models.bringing.candidates import timm_layers
from brightfield.models.bringing.known import INDEX, names_alike, shapes_alike
from brightfield.models.bringing.shapes import TensorShapes, built, shapes_of


def main() -> None:
    index: dict[str, dict[str, str]] = {"torchvision": {}, "timm": {}, "smp": {}}
    for module in (torchvision.models, segmentation, detection):
        unfilled: dict[str, Any] = {"weights": None}
        if module is not torchvision.models:
            unfilled["weights_backbone"] = None
        for name in list_models(module=module):
            _enter(index["torchvision"], name, partial(get_model, name, **unfilled), names_alike)
    for name in timm.list_models():
        digest = partial(shapes_alike, varying=timm_layers(name))
        _enter(index["timm"], name, partial(timm.create_model, name), digest)
    for name in smp.encoders.encoders:
        make = partial(smp.encoders.get_encoder, name, weights=None)
        _enter(index["smp"], name, make, partial(names_alike, heads=()))
    INDEX.write_text(json.dumps(index, indent=0, sort_keys=True) + "\n", encoding="utf-8")


def _enter(
    table: dict[str, str],
    name: str,
    make: Callable[[], nn.Module],
    digest: Callable[[TensorShapes], str],
) -> None:
    def network(_: Any) -> nn.Module:
        return make()

    try:
        table[name] = digest(shapes_of(built(network, {}).state_dict()))
    except Exception as fault:  # a few want packages that are not installed
        print(f"{name}: {type(fault).__name__}: {fault}", file=sys.stderr)


if __name__ == "__main__":
    main()
