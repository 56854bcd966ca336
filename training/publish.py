"""From a trained network to a shipped model: weights beside the card, numbers in it."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Sequence
from pathlib import Path

import tomlkit
from safetensors.torch import save_file
from torch import nn

from brightfield.cards import CARD, Quality


def write_weights(network: nn.Module, folder: Path) -> None:
    """Write `<folder>/<name>.safetensors` in float16; the card names it and its SHA-256."""
    file = folder / f"{folder.name}.safetensors"
    state = {
        name: (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in network.state_dict().items()
    }
    save_file(state, file)
    file.chmod(0o644)  # safetensors lets the owner alone read
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    card = tomlkit.parse((folder / CARD).read_text(encoding="utf-8"))
    weights = tomlkit.table()
    weights.update({"file": file.name, "sha256": digest})
    card["weights"] = weights
    _write(card, folder)


def write_threshold(threshold: float, folder: Path) -> None:
    """Put the default threshold, to two decimals, into the card's `[output]`."""
    card = tomlkit.parse((folder / CARD).read_text(encoding="utf-8"))
    card["output"]["threshold"] = round(threshold, 2)
    _write(card, folder)


def write_quality(measured: Sequence[Quality], folder: Path) -> None:
    """Put the measured numbers, dated today, in the place of the card's `[[quality]]`."""
    card = tomlkit.parse((folder / CARD).read_text(encoding="utf-8"))
    rows = tomlkit.aot()
    for quality in measured:
        row = tomlkit.table()
        row.update(quality.model_dump(exclude_none=True))
        row.setdefault("date", datetime.date.today().isoformat())
        row["value"] = round(quality.value, 4)
        rows.append(row)
    card["quality"] = rows
    _write(card, folder)


def _write(card: tomlkit.TOMLDocument, folder: Path) -> None:
    (folder / CARD).write_text(tomlkit.dumps(card), encoding="utf-8")
