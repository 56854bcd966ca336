"""From a card to a warm resident model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from brightfield.cards import ModelCard
from brightfield.models.architecture import Candidates
from brightfield.models.loading.build import build, static_batch
from brightfield.models.loading.makeup import check_unchanged, model_digest
from brightfield.runtime.lane import Lane
from brightfield.runtime.operations import bypassed
from brightfield.runtime.resident import Resident, module_bytes

_NORMALISING = (nn.Softmax, nn.Sigmoid, nn.LogSoftmax)
# Autograd's names of the same as functions, and of what may still follow.
_NORMALISING_STEPS = ("SoftmaxBackward", "SigmoidBackward", "LogSoftmaxBackward")
_RESHAPING = ("View", "Unsafe", "Squeeze", "Unsqueeze", "Clone", "Alias", "ToCopy")


class ModelLoader:
    """Builds, places and warms up a model; called by the registry, in a thread of its own."""

    def __init__(self, *, data: Path, trust_model_code: bool) -> None:
        self._data = data
        self._trust = trust_model_code

    def __call__(self, card: ModelCard, room: Callable[[int], Lane]) -> Resident:
        digest = model_digest(card)
        module = build(card, trust_model_code=self._trust, data=self._data)
        check_unchanged(card, digest)
        _ = card.label_names  # may import torchvision, which no request should wait for
        size = module_bytes(module)
        resident = Resident(
            card=card,
            module=module,
            lane=room(size),
            size_bytes=size,
            sha256=card.weights.sha256 if card.weights else None,
            digest=digest,
            static_batch=static_batch(module),
        )
        resident.run(resident.move_to_device)
        resident.cut = resident.run(lambda: normalising_end(resident))
        resident.normalised = resident.run(lambda: still_normalised(resident))
        resident.warm_up()
        return resident


def normalising_end(resident: Resident) -> str | None:
    """The softmax or sigmoid module whose output is the model's output, by name; None without one.

    Found by running the model once: a module at the end of `named_modules` need not be the last
    to run, and one that runs last need not be the output.
    """
    candidates = [
        (name, module)
        for name, module in resident.module.named_modules()
        if isinstance(module, _NORMALISING) and name
    ]
    if not candidates:
        return None
    outputs: dict[str, object] = {}
    hooks = [
        module.register_forward_hook(lambda _, __, out, name=name: outputs.update({name: out}))
        for name, module in candidates
    ]
    try:
        with torch.inference_mode():
            result = resident.module(resident.place(torch.zeros(1, *resident.shape)))
    finally:
        for hook in hooks:
            hook.remove()
    return next((name for name, output in outputs.items() if output is result), None)


def still_normalised(resident: Resident) -> bool:
    """Whether the output, without the module that is cut, comes out of a softmax or sigmoid.

    These are functions in the code of a model, which no module tells of: autograd's name of the
    last operation does.
    """
    sample = torch.zeros(1, *resident.shape).requires_grad_()
    try:
        with torch.enable_grad(), bypassed(resident.module, resident.cut):
            output = resident.module(resident.place(sample))
            output = output.logits if isinstance(output, Candidates) else output
    except RuntimeError:  # it cannot be differentiated; whether it works at all, warming up tells
        return False
    node = getattr(output, "grad_fn", None)
    while node is not None and node.name().startswith(_RESHAPING):
        node = node.next_functions[0][0]
    return node is not None and node.name().startswith(_NORMALISING_STEPS)
