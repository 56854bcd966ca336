"""A data set: cases in a fixed order, each with its truth."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SUFFIXES = frozenset(
    {".bmp", ".gif", ".jp2", ".jpeg", ".jpg", ".npy", ".png", ".tif", ".tiff", ".webp"}
)
"""Of the files in a folder that are images."""

_PATHS = ("path", "file", "filename", "image")
_TRUTHS = ("truth", "label", "class", "mask", "reference")


@dataclass(frozen=True)
class Case:
    """An image with its truth: a label, a file with a mask or reference, or true objects.

    With a `box` (left, top, width, height in pixels) it is about the object in it.
    """

    id: str
    path: Path
    truth: Any
    group: str | None = None
    box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class Dataset:
    """Cases with different ids; `extra` is what they share, as the categories of a COCO set."""

    cases: tuple[Case, ...]
    labels: tuple[str, ...] = ()
    """The classes that occur in the truth, where it names them."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    name: str = field(default="", compare=False)


def of_cases(cases: Iterable[Case], place: Path) -> Dataset:
    """In the order of their ids, with the classes that are truths.

    Raises `ValueError` where there are none, or two of one id.
    """
    found = sorted(cases, key=lambda case: case.id)
    if not found:
        raise ValueError(f"There are no images in {place}.")
    for before, after in itertools.pairwise(found):
        if before.id == after.id:
            raise ValueError(f"{place} names {after.id} twice; give each case an id of its own.")
    return Dataset(
        tuple(found), tuple(sorted({c.truth for c in found if isinstance(c.truth, str)}))
    )


def images_in(folder: Path) -> list[Path]:
    """The images in a folder and below, hidden ones (`._a.png`, `.ipynb_checkpoints`) left out.
    Raises `ValueError` for what isn't a folder."""
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder.")
    found = (p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    return sorted(p for p in found if not any(n[:1] == "." for n in p.relative_to(folder).parts))


def is_table(path: Path) -> bool:
    """Whether a path is that of a CSV."""
    return path.suffix.lower() == ".csv"


def by_folder(folder: Path) -> Dataset:
    """A folder for each class, named as the class, with its images in it."""
    cases = [
        Case(path.relative_to(folder).as_posix(), path, path.relative_to(folder).parts[0])
        for path in images_in(folder)
        if path.parent != folder
    ]
    if not cases and images_in(folder):
        raise ValueError(
            f"The images in {folder} have no classes; put them into a folder for each class, or "
            "write a CSV with the columns path and label."
        )
    return of_cases(cases, folder)


def by_table(table: Path, *, files: bool = False) -> Dataset:
    """A CSV with the columns `path` and `truth` (or `label`; of `files`: `mask`, `reference`), and
    perhaps `id` and `group`. Paths begin at the folder of the table."""
    with table.open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    if not rows:
        raise ValueError(f"{table} has no rows.")
    path, truth = (next((n for n in names if n in rows[0]), None) for names in (_PATHS, _TRUTHS))
    if path is None or truth is None:
        lacks = _PATHS[0] if path is None else _TRUTHS[0]
        raise ValueError(f"{table} has no column {lacks}; it has {', '.join(rows[0])}.")
    cases = [
        Case(
            row.get("id") or row[path],
            table.parent / row[path],
            table.parent / row[truth] if files else row[truth],
            row.get("group") or None,
        )
        for row in rows
    ]
    if any(case.group for case in cases) and not all(case.group for case in cases):
        raise ValueError(f"Some rows of {table} have no group; give every case one, or none.")
    return of_cases(cases, table)


def by_stem(images: Path, truths: Path) -> Dataset:
    """Two folders whose files have equal names up to the suffix.

    Raises `ValueError` naming what has no partner, or two of them.
    """
    found, known = _stems(images), _stems(truths)
    for ours, theirs, place in ((found, known, truths), (known, found, images)):
        alone = [path for stem, path in ours.items() if stem not in theirs]
        if alone:
            raise ValueError(
                f"{alone[0]} has no partner in {place}, a file with the same stem; there are "
                f"{len(alone)} such files."
            )
    return of_cases([Case(stem, path, known[stem]) for stem, path in found.items()], images)


def _stems(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in images_in(folder):
        stem = path.relative_to(folder).with_suffix("").as_posix()
        if stem in found:
            raise ValueError(f"{found[stem]} and {path} have one stem; keep one of them.")
        found[stem] = path
    return found
