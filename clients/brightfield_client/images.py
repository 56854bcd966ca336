"""What callers have at hand, as the bytes that go to the service.

| source | sent as |
|---|---|
| path (`str` or `Path`), `bytes`, binary file | the bytes as they are |
| URL (`http://`, `https://`) | what this computer fetches from there |
| PIL image | PNG, without loss; 32-bit, float and CMYK modes as an array |
| `ndarray` | `.npy`, dtype and shape kept |
| torch tensor, C x H x W or H x W | `.npy` with `axes` YX, SYX (three channels: colour) or CYX |
| `StoredImage` or `"sha256:..."` | the id alone |

A PIL image keeps its orientation tag, so that an opened photograph and its file give the same
answer; `PIL.ImageOps.exif_transpose` removes the tag together with its effect.
"""

from __future__ import annotations

import io
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol, TypeAlias

import httpx2
import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from brightfield_client.results.value import Value

NPY = "application/x-npy"
ANY = "application/octet-stream"  # the service looks at the content
_ID = "sha256:"
_ORIENTATION = 0x0112
_PATIENCE = 60.0  # seconds for an image behind a URL
_PNG_MODES = frozenset({"1", "L", "LA", "P", "RGB", "RGBA", "I;16"})


@dataclass(frozen=True)
class StoredImage(Value):
    """An image that the service keeps for a while; pass it wherever an image is wanted.

    `axes` are those of the tensor that it was, which the service needs again with every use.
    """

    id: str
    axes: str | None = None

    def __str__(self) -> str:
        return self.id


class Tensor(Protocol):
    """What a torch tensor has; torch itself is not needed here."""

    ndim: int

    def detach(self) -> Any: ...
    def cpu(self) -> Any: ...


_File: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes]
ImageSource: TypeAlias = _File | PillowImage.Image | npt.NDArray[Any] | Tensor | StoredImage
Images: TypeAlias = list[Any] | tuple[Any, ...]  # a batch: each item an ImageSource


@dataclass(frozen=True)
class Payload:
    """An image on its way: its bytes, or the id of a stored one."""

    content: bytes = b""
    media_type: str = ANY
    name: str | None = None
    axes: str | None = None
    stored: str | None = None


def is_batch(source: Any) -> bool:
    """Whether a source is several images: a list or a tuple, never an array."""
    return isinstance(source, list | tuple)


def to_payload(source: ImageSource) -> Payload:
    """The bytes of one image. Raises `OSError` for a file that cannot be read."""
    if isinstance(source, StoredImage):
        return Payload(stored=source.id, axes=source.axes)
    if isinstance(source, str | os.PathLike):
        return _from_path(source)
    if isinstance(source, bytes | bytearray | memoryview):
        return Payload(bytes(source))
    if isinstance(source, np.ndarray):
        return _from_array(source)
    return _from_object(source)


def _from_path(path: str | os.PathLike[str]) -> Payload:
    if isinstance(path, str) and path.startswith(_ID):
        return Payload(stored=path)
    if isinstance(path, str) and path.startswith(("http://", "https://")):
        return _from_url(path)
    path = Path(path).expanduser()
    return Payload(path.read_bytes(), name=path.name)


def _from_url(url: str) -> Payload:
    """Fetched here, since the service fetches nothing. Raises `OSError`."""
    try:
        reply = httpx2.get(url, follow_redirects=True, timeout=_PATIENCE).raise_for_status()
    except httpx2.HTTPError as fault:
        raise OSError(f"{url} cannot be fetched: {fault}") from fault
    return Payload(reply.content, name=Path(reply.url.path).name or None)


def _from_object(source: Any) -> Payload:
    if isinstance(source, PillowImage.Image):
        return _from_pillow(source)
    if _is_tensor(source):
        return _from_tensor(source)
    if hasattr(source, "read"):
        return _from_file(source)
    raise TypeError(
        f"A {type(source).__name__} is not an image; pass a path, bytes, a file opened in binary "
        "mode, a PIL image, an array, a tensor or a stored image."
    )


def _from_array(array: npt.NDArray[Any], axes: str | None = None) -> Payload:
    if array.dtype.hasobject:
        raise TypeError("An array of Python objects is not an image; convert it to numbers first.")
    stream = io.BytesIO()
    np.save(stream, np.ascontiguousarray(array), allow_pickle=False)
    return Payload(stream.getvalue(), NPY, axes=axes)


def _from_pillow(image: PillowImage.Image) -> Payload:
    if image.mode not in _PNG_MODES:
        return _from_array(np.asarray(image if image.mode in ("I", "F") else image.convert("RGB")))
    tags = PillowImage.Exif()
    orientation = image.getexif().get(_ORIENTATION, 1)
    if orientation != 1:
        tags[_ORIENTATION] = orientation
    stream = io.BytesIO()
    image.save(stream, "PNG", compress_level=1, exif=tags)
    return Payload(stream.getvalue(), "image/png")


def _is_tensor(source: Any) -> bool:
    torch = sys.modules.get("torch")  # who holds a tensor has imported torch
    return torch is not None and isinstance(source, torch.Tensor)


def _from_tensor(tensor: Any) -> Payload:
    axes = {2: "YX", 3: "SYX" if tuple(tensor.shape[:1]) == (3,) else "CYX"}.get(tensor.ndim)
    if axes is None:
        raise ValueError(
            f"A tensor of {tensor.ndim} dimensions is not one image; pass H x W or C x H x W, and "
            "a batch as list(tensor)."
        )
    tensor = tensor.detach().cpu()
    if "bfloat16" in str(tensor.dtype):  # numpy has no such type; float32 holds it exactly
        tensor = tensor.float()
    return _from_array(tensor.resolve_conj().resolve_neg().numpy(), axes)


def _from_file(file: Any) -> Payload:
    content = file.read()
    if not isinstance(content, bytes):
        raise TypeError("The file is opened as text; open it in binary mode: open(path, 'rb').")
    name = getattr(file, "name", None)
    return Payload(content, name=Path(name).name if isinstance(name, str) else None)
