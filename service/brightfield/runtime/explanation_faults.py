"""Faults of an explanation alone: the model predicts, and can't be looked into in this way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from brightfield.errors import Unexplainable
from brightfield.models.loading.foreign_code import cause
from brightfield.runtime.operations import Forward, LaneCall, Operation, RowSpan
from brightfield.runtime.work_item import PlacedModel, WorkItem

# What each refusal of PyTorch is about, by words of it.
_REASONS = (
    ("use_reentrant", "it computes parts of itself again (gradient checkpointing, reentrant)"),
    ("torch.utils.checkpoint", "it computes parts of itself again (gradient checkpointing)"),
    ("inplace", "it works in place on values that autograd needs"),
    ("in-place", "it works in place on values that autograd needs"),
    ("inference tensor", "it makes tensors in inference mode"),
    ("ScriptModule", "a part of it is TorchScript"),
    ("TorchScript", "a part of it is TorchScript"),
    ("does not require grad", "it leaves autograd's graph"),
    ("vmap", "one of its functions takes part in no transformation"),
)
_PERTURBATIONS = "occlusion, rise and kernel_shap"


def own_fault(fault: BaseException, item: WorkItem) -> Unexplainable | None:
    """What an operation's fault is if the model predicts for the same rows; None if it doesn't, or
    if predicting is what the operation does."""
    if isinstance(item.operation, Forward) or not isinstance(fault, Exception):
        return None
    rows = _rows(item)
    if rows is None or not _runs(Forward(), item.model, rows, None):
        return None
    text = str(fault)
    reason = next((said for word, said in _REASONS if word in text), cause(fault))
    return Unexplainable(
        f"The model {item.model.card.id} predicts, but this explanation fails: {reason}. "
        f"Use {_working(item, rows)}."
    )


def _rows(item: WorkItem) -> torch.Tensor | None:
    if not isinstance(item.operation, LaneCall):
        return item.rows
    return None if item.operation.explains is None else item.operation.explains


def _working(item: WorkItem, rows: torch.Tensor) -> str:
    """The methods that work, of which those by gradients were tried."""
    for simpler, names in getattr(item.operation, "simpler", ()):
        if _runs(simpler, item.model, rows, item.argument):
            return f"{names}, or {_PERTURBATIONS}"
    return _PERTURBATIONS


def _runs(operation: Operation, model: PlacedModel, rows: torch.Tensor, argument: Any) -> bool:
    spans: Sequence[RowSpan] = (RowSpan(0, len(rows), argument),)
    try:
        operation(model.module, model.place(rows), spans)
    except Exception:  # a lab's code may raise anything
        return False
    return True
