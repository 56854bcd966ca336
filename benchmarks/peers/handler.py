"""What a lab would write around its network, for any of the peers: eager PyTorch in fp32.

Decoding lets libjpeg scale down by 2, 4 or 8 where the picture is that much larger (`draft`).
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

THREADS = os.cpu_count() or 1
BATCH = 8
WAIT_MS = 5
_SHORT, _CROP = 256, 224
_MEAN, _STD = np.float32(127 / 255), np.float32(128 / 255)


def prepared(data: bytes, *, draft: bool = True) -> NDArray[np.float32]:
    """(3, 224, 224): the short side at 256, the middle cut out, normalised."""
    image = Image.open(io.BytesIO(data))
    if draft:
        image.draft("RGB", (_SHORT, _SHORT))
    image = image.convert("RGB")
    scale = _SHORT / min(image.size)
    width, height = (round(side * scale) for side in image.size)
    image = image.resize((width, height), Image.Resampling.BICUBIC)
    left, top = (width - _CROP) // 2, (height - _CROP) // 2
    cut = np.asarray(image.crop((left, top, left + _CROP, top + _CROP)), np.float32)
    return np.ascontiguousarray(((cut / 255 - _MEAN) / _STD).transpose(2, 0, 1))


class Network:
    """The network of `PEER_NETWORK`, a file; every call is one batch."""

    def __init__(self) -> None:
        torch.set_num_threads(THREADS)
        network = torch.load(os.environ["PEER_NETWORK"], weights_only=False)
        self._network = network.eval().to(memory_format=torch.channels_last)
        self(np.zeros((BATCH, 3, _CROP, _CROP), np.float32))

    def __call__(self, rows: Sequence[NDArray[np.float32]] | NDArray[np.float32]) -> list[object]:
        """For each row the five likeliest classes, as `{"label": ..., "score": ...}`."""
        batch = torch.from_numpy(np.stack(list(rows)))
        with torch.inference_mode():
            batch = batch.contiguous(memory_format=torch.channels_last)
            scores, labels = self._network(batch).softmax(1).topk(5)
        return [
            [
                {"label": int(label), "score": float(score)}
                for label, score in zip(*row, strict=True)
            ]
            for row in zip(labels, scores, strict=True)
        ]
