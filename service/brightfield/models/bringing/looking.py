"""What a file is: its form, and what it says of the network in it, without running its code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from brightfield.cards import PROGRAMS
from brightfield.errors import InvalidCard
from brightfield.models.bringing.preparation import preparation
from brightfield.models.bringing.recognising import Recognised, Recognition, recognise
from brightfield.models.bringing.wishes import Looked, Wishes
from brightfield.models.loading.checkpoint import read_checkpoint
from brightfield.models.loading.export import load_export
from brightfield.models.loading.file_forms import ARCHITECTURE, FileForm, advice, form_of
from brightfield.models.loading.input_sizes import InputSizes, sizes_of
from brightfield.models.loading.onnx_program import stated_layout

_OWN_CODE = """Bring the code that builds it:
    # net.py
    def build():
        ...  # the network as it was trained, without weights
        return network
and add --architecture python:net.py:build"""


def look(path: Path, wishes: Wishes, *, trust_model_code: bool) -> Looked:
    """What is known of a file, with the wishes over it.

    Raises `InvalidCard` if it isn't known whose tensors they are, and what the loaders raise.
    """
    form = form_of(path)
    if form not in _LOOKS:
        raise InvalidCard(f"{path.name} is {form.value}. {advice(form)}")
    return _LOOKS[form](path, wishes, trust_model_code)


def _state(path: Path, wishes: Wishes, trust: bool) -> Looked:
    if wishes.architecture in PROGRAMS:
        raise InvalidCard(f"{path.name} is {form_of(path).value}, not a program; leave that out.")
    if wishes.architecture is not None:
        architecture = {"name": wishes.architecture, **wishes.arguments}
        found, said = preparation(architecture, wishes.input.get("channels"))
        return Looked(architecture, wishes.weights, found, {"input": said})
    checkpoint = read_checkpoint(path)
    recognition = recognise(checkpoint, wishes.task, [path.stem])
    chosen = recognition.chosen
    if chosen is None:
        raise InvalidCard(_unknown(path, recognition, wishes))
    architecture = {"name": chosen.candidate.name, **chosen.arguments, **wishes.arguments}
    channels = chosen.arguments.get(chosen.candidate.arguments[1] or "")
    found, said = preparation(architecture, channels)
    place = {"entry": chosen.place, "prefix": chosen.prefix}
    named = {key: value for key, value in place.items() if value and chosen.rest} or {}
    return Looked(
        architecture,
        {**named, **wishes.weights},
        found,
        {"input": said},
        _told(chosen, recognition),
    )


def _told(chosen: Recognised, recognition: Recognition) -> tuple[str, ...]:
    lines = [
        f"recognised: {chosen.candidate.name}, by the names and shapes of all its "
        f"{len(chosen.state)} tensors"
    ]
    same = next(group for group in recognition.groups if chosen in group)
    equal = [each.candidate.name for each in same if each is not chosen]
    others = [each.candidate.name for g in recognition.groups if g is not same for each in g]
    if equal:
        lines.append(f"{', '.join(equal)} would answer the same, with other usual inputs")
    if others:
        lines.append(
            f"{', '.join(others)} has the same names and shapes and computes otherwise: if it is "
            "that one, say so with --architecture"
        )
    if chosen.prefix:
        lines.append(f"the names begin with {chosen.prefix!r}, which is taken off")
    if chosen.rest:
        lines.append(f"left out: {_some(chosen.rest)} ({len(chosen.rest)} tensors)")
    return tuple(lines)


def _unknown(path: Path, recognition: Recognition, wishes: Wishes) -> str:
    if recognition.groups:
        groups = " / ".join(
            " = ".join(each.candidate.name for each in group) for group in recognition.groups
        )
        return (
            f"{path.name} fits several networks that compute different things, which its names and "
            f"shapes don't tell apart: {groups}. Say which with --architecture."
        )
    if recognition.nearest is not None:
        name, more, less = recognition.nearest
        return (
            f"{path.name} is like {name}, with other parts: it has {_some(more)} instead of "
            f"{_some(less)}. {_OWN_CODE}"
        )
    return (
        f"{path.name} has the tensors of no network for --task {wishes.task} that torchvision, "
        f"timm or segmentation-models-pytorch (where installed) are known to build. {_OWN_CODE}"
    )


def _some(names: tuple[str, ...]) -> str:
    return (", ".join(names[:3]) + (" …" if len(names) > 3 else "")) or "nothing"


def _export(path: Path, wishes: Wishes, trust: bool) -> Looked:
    return _program(path, wishes, sizes_of(load_export(path, trust_model_code=trust)), {})


def _onnx(path: Path, wishes: Wishes, trust: bool) -> Looked:
    sizes, last = stated_layout(path)
    return _program(path, wishes, sizes, {"channels_last": True} if last else {})


def _script(path: Path, wishes: Wishes, trust: bool) -> Looked:
    return _program(path, wishes, InputSizes(), {})


def _program(path: Path, wishes: Wishes, sizes: InputSizes, arguments: Mapping[str, Any]) -> Looked:
    found: dict[str, Any] = {}
    if sizes.channels.fixed:
        found["channels"] = sizes.channels.least
    if sizes.height.fixed and sizes.width.fixed:
        found["size"] = [sizes.height.least, sizes.width.least]
    elif (step := max(sizes.height.step, sizes.width.step)) > 1:
        found["size"] = {"multiple": step}
    architecture = {"name": ARCHITECTURE[form_of(path)], **arguments, **wishes.arguments}
    said = preparation(architecture, None)[1]
    told = (f"recognised: {form_of(path).value} for {_size(sizes)}",)
    return Looked(architecture, {}, found, {"input": said}, told)


def _size(sizes: InputSizes) -> str:
    return f"images of {sizes.channels} channels, {sizes.height} x {sizes.width} pixels"


_LOOKS: Mapping[FileForm, Callable[[Path, Wishes, bool], Looked]] = {
    FileForm.SAFETENSORS: _state,
    FileForm.CHECKPOINT: _state,
    FileForm.EXPORT: _export,
    FileForm.ONNX: _onnx,
    FileForm.TORCHSCRIPT: _script,
}
