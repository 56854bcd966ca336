"""An answer in a binary format."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from brightfield_client.optional import require
from brightfield_client.pictures import inline_png
from brightfield_client.results.value import Value

_ZIP = "application/zip"
_SVG = "image/svg+xml"
_BITS_PER_SAMPLE = 258  # the TIFF tag
_HIGH_DEPTH = frozenset({"I;16", "I;16B", "I;16L", "I", "F", "1"})


@dataclass(frozen=True)
class Binary(Value):
    """The bytes of a picture, an array or a text, with the envelope's facts in `headers`."""

    content: bytes = field(repr=False)
    media_type: str
    headers: Mapping[str, str] = field(repr=False)

    @property
    def request_id(self) -> str | None:
        return self.headers.get("x-request-id")

    @property
    def model(self) -> str | None:
        return self.headers.get("x-model")

    def save(self, path: str | Path) -> Path:
        """Write the bytes as they came."""
        path = Path(path)
        path.write_bytes(self.content)
        return path

    def picture(self) -> PillowImage.Image:
        """The answer as a Pillow image. Raises `ValueError` for what isn't a picture of pixels."""
        if not self.media_type.startswith("image/") or self.media_type == _SVG:
            raise ValueError(f"An answer of type {self.media_type} isn't a picture.")
        picture = PillowImage.open(io.BytesIO(self.content))
        picture.load()
        return picture

    def array(self) -> npt.NDArray[Any]:
        """The pixels in their own dtype, from npy, png or tiff.

        TIFF files that Pillow would reduce to 8 bits, or refuse, are read by tifffile. Raises
        `ValueError` for text formats and for the archive of a batch (see `members`).
        """
        if self.media_type in ("application/x-npy", "application/npy"):
            return np.asarray(np.load(io.BytesIO(self.content), allow_pickle=False))
        if self.media_type == "image/tiff":
            return self._tiff()
        if self.media_type == "image/png" and self._deep_color():
            raise ValueError(
                "Pillow reads colour PNGs of 16 bits as 8; ask for format='npy' to keep them."
            )
        if self.media_type.startswith("image/") and self.media_type != _SVG:
            with PillowImage.open(io.BytesIO(self.content)) as picture:
                return np.asarray(picture)
        raise ValueError(f"An answer of type {self.media_type} is not one array.")

    def _deep_color(self) -> bool:
        """Whether the header of a PNG names 16 bits for more than one channel."""
        header = self.content[24:26]  # bit depth, colour type
        return len(header) == 2 and header[0] == 16 and header[1] != 0

    def _tiff(self) -> npt.NDArray[Any]:
        try:
            with PillowImage.open(io.BytesIO(self.content)) as picture:
                bits = dict(picture.tag_v2).get(_BITS_PER_SAMPLE, (1,))  # type: ignore[attr-defined]
                single = getattr(picture, "n_frames", 1) == 1
                if single and (len(bits) == 1 or max(bits) == 8):
                    return np.asarray(picture)
        except OSError:
            pass  # a layout that Pillow does not know, as several float channels
        tifffile = require("tifffile", "This TIFF", "tifffile")
        return np.asarray(tifffile.imread(io.BytesIO(self.content)))

    def members(self) -> dict[str, bytes]:
        """The files in the archive that answers a batch, by name; `envelopes.json` among them."""
        if self.media_type != _ZIP:
            raise ValueError(f"An answer of type {self.media_type} is not an archive.")
        with zipfile.ZipFile(io.BytesIO(self.content)) as archive:
            return {name: archive.read(name) for name in archive.namelist()}

    def _repr_html_(self) -> str | None:
        if self.media_type == _SVG:
            data = base64.b64encode(self.content).decode()
            return f'<img alt="plot" src="data:{_SVG};base64,{data}">'
        if not self.media_type.startswith("image/"):
            return None
        with PillowImage.open(io.BytesIO(self.content)) as picture:
            if picture.mode in _HIGH_DEPTH:
                return None
            return inline_png(picture.convert("RGB"), "answer")
