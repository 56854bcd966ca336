"""Whether a network runs at all, and on which images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from brightfield.images.picture import Note
from brightfield.models.examination.outputs import compute_in, only_dtype
from brightfield.models.examination.samples import SampleImages, samples, shapes, smaller
from brightfield.outages import ModelFailed
from brightfield.runtime.examining.findings import Findings, PassFault

Shape = tuple[int, int, int]


def first_pass(findings: Findings) -> None:
    """Find images that the network takes, the dtype that it computes in, and its output.

    Where the card leaves the size open and the network fails, other usual sizes are tried.
    Raises `ModelFailed` with the shape and the cause.
    """
    spec, faults = findings.resident.card.input, list[PassFault]()
    usual, *others = shapes(spec, findings.resident.input_sizes)
    tries = [(usual, images) for images in samples(spec, usual)]
    tries[-1:-1] = [(shape, next(samples(spec, shape))) for shape in others]
    for shape, images in tries:
        output = _output(findings, images)
        if not isinstance(output, PassFault):
            findings.output, findings.samples, findings.image = output, images, images.rows[:1]
            _note(findings, shape, usual, faults)
            return
        faults.append(output)
    raise ModelFailed(
        f"The network of {findings.name} fails on an image of shape {usual}, which its card asks "
        f"for: {faults[0].cause}. Check [input] on the card (channels, size) and the arguments of "
        "[architecture]."
    )


def take_smaller(findings: Findings) -> None:
    """Go on with smaller images, if the network takes them and puts out the same form of output.

    To be called when the output is read as the task does.
    """
    spec, resident = findings.resident.card.input, findings.resident
    shape = smaller(spec, resident.shape, resident.input_sizes)
    if shape is None or not findings.samples.telling:
        return
    images = next(samples(spec, shape))
    output = findings.attempt(lambda: findings.run(images.rows[:1]))
    if not isinstance(output, PassFault) and _form(output) == _form(findings.output):
        findings.samples = images


def _form(output: Any) -> tuple[object, ...]:
    """What outputs for images of different sizes have in common."""
    if not isinstance(output, Tensor):
        return (type(output),)
    return (output.dim(), *output.shape[:2])


def _output(findings: Findings, images: SampleImages) -> Any:
    """The output for one image; if it can't be, in the dtype of the network's parameters."""
    module, image = findings.resident.module, images.rows[:1]
    output = findings.attempt(lambda: findings.run(image))
    dtype = only_dtype(module)
    if not isinstance(output, PassFault) or dtype is None or dtype == torch.float32:
        return output
    hook = compute_in(module, dtype)
    again = findings.attempt(lambda: findings.run(image))
    if isinstance(again, PassFault):
        hook.remove()
        return output
    findings.resident.dtype = dtype
    name = str(dtype).removeprefix("torch.")
    findings.remarks.append(Note("computes_in", f"The network computes in {name}."))
    return again


def _note(findings: Findings, shape: Shape, usual: Shape, faults: Sequence[PassFault]) -> None:
    if not findings.samples.telling:
        findings.warnings.append(
            Note(
                "not_examined",
                f"The network takes black images and fails on noise ({faults[0].cause}), so it "
                "isn't known how it behaves.",
            )
        )
    if shape == usual:
        return
    findings.resident.usual = shape
    side = shape[1]
    findings.remarks.append(
        Note(
            "fails_on_a_size",
            f"The network fails on images of {usual[1]} x {usual[2]} ({faults[0].cause}) and takes "
            f"{side} x {side}; if that is its only size, write size = [{side}, {side}] under "
            "[input].",
        )
    )
