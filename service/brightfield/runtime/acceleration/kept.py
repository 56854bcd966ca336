"""What was prepared for each model, kept in the data folder across restarts."""

from __future__ import annotations

import hashlib
import json
import logging
import platform
import shutil
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path

import torch

from brightfield.models.loading.makeup import package_code
from brightfield.runtime.acceleration.verdict import Verdict
from brightfield.runtime.acceleration.wanted import Wanted
from brightfield.runtime.backends import catalog
from brightfield.runtime.resident import Resident

log = logging.getLogger(__name__)

_VERDICT = "verdict.json"


class KeptVerdicts:
    """A folder per model with one per digest of all that a verdict depends on; of older digests
    nothing is kept."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def folder_of(self, resident: Resident, wanted: Wanted, threads: int) -> Path:
        """Where what is prepared for a model lies, or will."""
        return self._folder / resident.card.id / key_of(resident, wanted, threads)

    def verdict(self, folder: Path) -> Verdict | None:
        """What was found before; None if nothing was, or if it can't be read."""
        try:
            return Verdict.from_json(json.loads((folder / _VERDICT).read_text()))
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None

    def keep(self, folder: Path, verdict: Verdict) -> None:
        """Write what was found, and remove what was prepared for other digests of the model."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            draft = folder / f"{_VERDICT}.new"
            draft.write_text(json.dumps(verdict.as_json()))
            draft.replace(folder / _VERDICT)
            others = (other for other in folder.parent.iterdir() if other.is_dir())
            self._remove(other for other in others if other != folder)
            unused = (each for each in folder.iterdir() if each.is_dir())
            self._remove(each for each in unused if each.name != verdict.backend)
        except OSError as fault:
            log.warning("what runs the model can't be kept in %s: %s", folder, fault)

    def forget(self, folder: Path) -> None:
        """Remove what was prepared, such as after it failed."""
        self._remove([folder])

    def _remove(self, folders: Iterable[Path]) -> None:
        for folder in folders:
            with suppress(OSError):
                shutil.rmtree(folder)


def key_of(resident: Resident, wanted: Wanted, threads: int) -> str:
    """SHA-256 of the model's digest, how it is read and checked, the code, the versions of the
    backends, and the processor."""
    card, device = resident.card, resident.device
    content = (
        resident.digest,
        repr((resident.scores, resident.form, resident.dtype, resident.alone, resident.shape)),
        card.output.model_dump_json(),
        card.inference.model_dump_json(),
        card.max_batch,
        wanted,
        threads,
        {name: backend.version() for name, backend in sorted(catalog().items())},
        torch.__version__,
        package_code("brightfield"),
        _processor(device),
    )
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


@cache
def _processor(device: torch.device) -> str:
    if device.type == "cuda":
        return str(torch.cuda.get_device_properties(device))
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        told = ("model name", "flags", "Features", "CPU part")
        return "\n".join(dict.fromkeys(line for line in lines if line.startswith(told)))
    return f"{platform.machine()} {platform.processor()}"
