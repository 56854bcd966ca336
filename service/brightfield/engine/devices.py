"""Which devices there are, and how much memory models may take on them."""

from __future__ import annotations

import psutil
import torch

_MEMORY_SHARE = 0.6


def devices(wanted: str) -> list[torch.device]:
    """The devices named by a setting: `auto` is every CUDA device, else the CPU.

    Raises `ValueError` with one sentence for a name that is wrong or a device that is not there.
    """
    if wanted == "auto":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        return [torch.device("cuda", index) for index in range(count)] or [torch.device("cpu")]
    return [_device(name.strip()) for name in wanted.split(",")]


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ValueError(f"device: {name!r} is none of auto, cpu, cuda:0, ...") from None
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ValueError(
            f"device: {name!r} is not there; PyTorch sees {torch.cuda.device_count()} CUDA devices."
        )
    return device


def memory_budget(device: torch.device) -> int:
    """Bytes for resident models where the settings name none: 60 % of the device's memory."""
    if device.type == "cuda":
        return int(_MEMORY_SHARE * torch.cuda.get_device_properties(device).total_memory)
    return int(_MEMORY_SHARE * psutil.virtual_memory().total)
