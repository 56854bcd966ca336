"""Writing an answer to a file whose suffix says how."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

Write = Callable[[Path], object]


def save_as(path: str | Path, writers: Mapping[str, Write], what: str) -> Path:
    """Write by the suffix of `path`. Raises `ValueError` for one that is not among `writers`."""
    path = Path(path)
    write = writers.get(path.suffix.lower())
    if write is None:
        raise ValueError(f"{what} is saved as {', '.join(writers)}, not as {path.suffix!r}.")
    write(path)
    return path


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    text = json.dumps(dict(document), ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(columns)
        table.writerows(rows)
