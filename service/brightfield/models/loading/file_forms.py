"""What kind of file a model is in, by the bytes it begins with and the members of its archive."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path

from brightfield.outages import DamagedWeights

EXPORT_LINE = (
    '`torch.export.save(torch.export.export(model.eval(), (sample,)), "model.pt2")`, where sample '
    "is a batch of inputs"
)


class FileForm(Enum):
    """The forms that a card can name, each with what it is called, and others that labs have."""

    SAFETENSORS = "a safetensors file"
    CHECKPOINT = "a file of torch.save"
    EXPORT = "an exported program (.pt2)"
    TORCHSCRIPT = "a TorchScript program"
    ONNX = "an ONNX file"
    KERAS = "a Keras or HDF5 file"
    TENSORFLOW = "a TensorFlow file"
    NUMPY = "a NumPy file"
    POINTER = "a pointer of Git LFS, not the file itself"
    UNKNOWN = "no file of a model"


# What each form is brought by; the others are refused.
ARCHITECTURE: Mapping[FileForm, str] = {
    FileForm.EXPORT: "export",
    FileForm.TORCHSCRIPT: "torchscript",
    FileForm.ONNX: "onnx",
}
_CONVERSION: Mapping[FileForm, str] = {
    FileForm.KERAS: "Convert the network to ONNX (python -m tf2onnx.convert) and bring that.",
    FileForm.TENSORFLOW: "Convert the network to ONNX (python -m tf2onnx.convert) and bring that.",
    FileForm.NUMPY: "Save the network's state dict with safetensors or torch.save.",
    FileForm.POINTER: "Fetch the file with `git lfs pull`.",
    FileForm.UNKNOWN: (
        "Bring a state dict (safetensors, torch.save), a .pt2 of torch.export.save, or ONNX."
    ),
}


def form_of(path: Path) -> FileForm:
    """The form of a file, by its content; nothing in it is run. Raises `OSError` if there is none.

    ONNX has no signature: a file that is nothing else counts as ONNX by the fields that a model
    begins with, or by its name.
    """
    with path.open("rb") as file:
        head = file.read(512)
    if zipfile.is_zipfile(path):
        return _archived(path)
    for fits, form in _SIGNS:
        if fits(head):
            return form
    suffix = path.suffix.lower()
    if suffix == ".onnx" or (suffix not in (".pb", ".tflite") and _like_onnx(head)):
        return FileForm.ONNX
    return FileForm.TENSORFLOW if suffix in (".pb", ".tflite") else FileForm.UNKNOWN


def check_form(path: Path, wanted: FileForm) -> None:
    """Raises `DamagedWeights` for a file of another form, saying which it is and what to do."""
    found = form_of(path)
    if found is not wanted:
        raise DamagedWeights(f"{path.name} is {found.value}, not {wanted.value}. {advice(found)}")


def advice(form: FileForm) -> str:
    """What to do with a file of a form that is not the expected one."""
    if form in ARCHITECTURE:
        return f'Write name = "{ARCHITECTURE[form]}" under [architecture] of its card.'
    return _CONVERSION.get(form, "Name the network that it fills under [architecture] of its card.")


def _archived(path: Path) -> FileForm:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    members = {name.partition("/")[2] for name in names}
    if "models/model.json" in members or "archive_format" in members:
        return FileForm.EXPORT
    if "serialized_exported_program.json" in names:  # of before PyTorch 2.7
        return FileForm.EXPORT
    if "data.pkl" in members:
        code = any(member.startswith("code/") for member in members)
        return FileForm.TORCHSCRIPT if code or "constants.pkl" in members else FileForm.CHECKPOINT
    if "config.json" in names and any(name.endswith(".weights.h5") for name in names):
        return FileForm.KERAS
    return FileForm.NUMPY if names and names[0].endswith(".npy") else FileForm.UNKNOWN


def _safetensors(head: bytes) -> bool:
    size = int.from_bytes(head[:8], "little")
    return head[8:9] == b"{" and 2 <= size < 10**8 and _begins_json(head[8:], size)


def _begins_json(text: bytes, size: int) -> bool:
    if len(text) < size:
        return text[1:2] in (b'"', b" ", b"\n")
    try:
        json.loads(text[:size])
    except ValueError:
        return False
    return True


def _like_onnx(head: bytes) -> bool:
    """Whether it begins with ir_version, the first field of an ONNX model, and then another."""
    return len(head) > 8 and head[0] == 0x08 and 1 <= head[1] < 32 and head[2] in (0x12, 0x1A, 0x3A)


_SIGNS: tuple[tuple[Callable[[bytes], bool], FileForm], ...] = (
    (_safetensors, FileForm.SAFETENSORS),
    (lambda head: head.startswith(b"\x89HDF"), FileForm.KERAS),
    (lambda head: head[4:8] == b"TFL3", FileForm.TENSORFLOW),
    (lambda head: head.startswith(b"\x93NUMPY"), FileForm.NUMPY),
    (lambda head: head.startswith(b"version https://git-lfs"), FileForm.POINTER),
    # A pickle, as torch.save wrote it before PyTorch 1.6.
    (
        lambda head: head[:1] == b"\x80" and head[1:2] in (b"\2", b"\3", b"\4", b"\5"),
        FileForm.CHECKPOINT,
    ),
)
