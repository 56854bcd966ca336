"""Image files on the command line, and names for what becomes of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from brightfield_client.cli.exits import Stop
from brightfield_client.evaluating.dataset import SUFFIXES
from brightfield_client.results.binary import Binary

ENDINGS = {
    "json": ".json",
    "csv": ".csv",
    "geojson": ".geojson",
    "coco": ".json",
    "rois": ".zip",
    "overlay": ".png",
    "png": ".png",
    "tiff": ".tif",
    "npy": ".npy",
}
_IMAGE = {"image/png": ".png", "image/tiff": ".tif"}  # what `image` can turn out to be


def expand(paths: Iterable[Path]) -> list[Path]:
    """The files, and for a folder the images within it and below, sorted.

    A file that is not there stays in the list, so that it is reported as an item that failed.
    Stops where there is nothing at all.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = (p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
            found.extend(sorted(inside))
        else:
            found.append(path)
    if not found:
        raise Stop("There are no images in the folders that were given.")
    return found


def numbered(
    paths: Iterable[Path], first: Callable[[Path], str], name: Callable[[str, int], str]
) -> dict[Path, str]:
    """A name for each file, numbered where two would be equal, in capitals or not."""
    names: dict[Path, str] = {}
    taken: set[str] = set()
    for path in paths:
        chosen, number = first(path), 2
        while chosen.casefold() in taken and path not in names:
            chosen, number = name(first(path), number), number + 1
        taken.add(chosen.casefold())
        names.setdefault(path, chosen)
    return names


def write_answer(out: Path, answer: Any, indent: int | None = 2) -> None:
    """Write a binary answer as it came, another one as JSON."""
    if isinstance(answer, Binary):
        answer.save(out)
    else:
        text = json.dumps(answer.to_dict(), ensure_ascii=False, indent=indent)
        out.write_text(text + "\n", encoding="utf-8")


@dataclass(frozen=True)
class Outputs:
    """Where the answer about each image goes: its name in `folder`, with another suffix."""

    folder: Path
    format: str
    stems: Mapping[Path, str]

    @classmethod
    def of(cls, files: Sequence[Path], folder: Path, form: str) -> Outputs:
        """Names that are all different. Stops where one is that of an image itself."""
        stems = numbered(files, lambda path: path.stem, lambda stem, n: f"{stem}-{n}")
        outputs = cls(folder, form, stems)
        images = {path.resolve() for path in files}
        for path in files:
            for suffix in outputs.suffixes:
                if (folder / f"{stems[path]}{suffix}").resolve() in images:
                    raise Stop(
                        f"The answer about {path} would overwrite an image; choose another --out."
                    )
        return outputs

    @property
    def suffixes(self) -> tuple[str, ...]:
        """The suffixes that an answer may get."""
        if self.format == "image":
            return tuple(_IMAGE.values())
        return (ENDINGS.get(self.format, f".{self.format}"),)

    def write(self, image: Path, answer: Any) -> None:
        """Write an answer into the folder."""
        (suffix, *others) = self.suffixes
        if others and isinstance(answer, Binary):
            suffix = _IMAGE[answer.media_type]
        write_answer(self.folder / f"{self.stems[image]}{suffix}", answer, indent=None)
