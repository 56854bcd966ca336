"""Programs as files, for tests: what torch.export, torch.jit and ONNX write."""

from __future__ import annotations

import hashlib
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn

from brightfield.cards import ModelCard


def onnx_file(
    path: Path, network: nn.Module, sample: torch.Tensor, free: dict[int, str] | None = None
) -> Path:
    """A network as torch.onnx writes it, with the axes that are free."""
    shapes = dict.fromkeys(free or {}, torch.export.Dim.DYNAMIC)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        torch.onnx.export(
            network.eval(),
            (sample,),
            path,
            dynamic_shapes=(shapes,) if shapes else None,
            external_data=False,
            verbose=False,
        )
    return path


def card(path: Path, name: str, arguments: dict[str, Any] | None = None, **rest: Any) -> ModelCard:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    made = ModelCard.model_validate(
        {
            "id": "m",
            "version": "1",
            "task": "classify",
            "licence": "MIT",
            "architecture": {"name": name, **(arguments or {})},
            "weights": {"file": path.name, "sha256": digest},
            **rest,
        }
    )
    made._folder = path.parent
    return made
