"""Image files on the command line, and the files that answers are written to."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from brightfield_client.cli.exits import Stop
from brightfield_client.evaluating.dataset import images_in
from brightfield_client.results.binary import Binary
from brightfield_client.results.saving import write_json

Write = Callable[[Path, Any], object]
"""Takes the answer about an image."""

_ENDINGS = {"coco": "json", "rois": "zip", "overlay": "png", "tiff": "tif"}
_IMAGE = {"image/png": ".png", "image/tiff": ".tif"}  # what `image` can turn out to be


def expand(paths: Iterable[Path]) -> list[Path]:
    """The files, and for a folder the images within it and below, sorted.

    A file that is not there stays in the list, so that it is reported as an item that failed.
    Stops where there is nothing at all.
    """
    found = [file for path in paths for file in (images_in(path) if path.is_dir() else [path])]
    if not found:
        raise Stop("There are no images in the folders that were given.")
    return found


def write_answer(out: Path, answer: Any) -> None:
    """Write a binary answer as it came, another one as JSON."""
    if isinstance(answer, Binary):
        answer.save(out)
    else:
        write_json(out, answer.to_dict())


def into_folder(
    files: Iterable[Path], folder: Path, form: str, given: Iterable[Path], *, whole: bool = False
) -> Write:
    """Writes each answer into the folder, under the path of its image in the folder that was
    `given` and the format's suffix, and lists it in `manifest.csv` (file, answer).

    The image's own suffix stays if it is wanted (`whole`) or tells images apart. Stops where an
    answer would overwrite one of the images.
    """
    names = _named(files, list(given), whole=whole)
    images = {path.resolve() for path in names}
    endings = [*_IMAGE.values()] if form == "image" else [f".{_ENDINGS.get(form, form)}"]
    for path, name in names.items():
        if any((folder / f"{name}{ending}").resolve() in images for ending in endings):
            raise Stop(f"The answer about {path} would overwrite an image; choose another --out.")

    def write(path: Path, answer: Any) -> None:
        came = getattr(answer, "media_type", None)
        ending = endings[0] if len(endings) == 1 else _IMAGE.get(str(came), endings[0])
        out = folder / f"{names[path]}{ending}"
        out.parent.mkdir(parents=True, exist_ok=True)
        write_answer(out, answer)
        with (folder / "manifest.csv").open("a", newline="", encoding="utf-8") as file:
            head = [] if file.tell() else [("file", "answer")]
            csv.writer(file).writerows([*head, (path, f"{names[path]}{ending}")])

    return write


def _named(files: Iterable[Path], given: list[Path], *, whole: bool) -> dict[Path, str]:
    """A name for each file, no two alike, in capitals or not."""
    paths = {path: below(path, given) for path in files}
    stems = Counter(str(path.with_suffix("")).casefold() for path in paths.values())
    names: dict[Path, str] = {}
    taken = set[str]()
    for file, path in paths.items():
        stem = path.with_suffix("")
        name = (path if whole or stems[str(stem).casefold()] > 1 else stem).as_posix()
        while name.casefold() in taken:
            name += "-2"
        taken.add(name.casefold())
        names[file] = name
    return names


def below(path: Path, given: list[Path]) -> Path:
    """Where a file lies in the folder that was given; the name of a file that was."""
    above = [folder for folder in given if folder != path and path.is_relative_to(folder)]
    return path.relative_to(above[0]) if above else Path(path.name)
