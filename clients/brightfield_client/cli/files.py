"""Image files on the command line, and the files that answers are written to."""

from __future__ import annotations

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
    files: Iterable[Path], folder: Path, form: str, name: Callable[[Path], str]
) -> Write:
    """Writes each answer into the folder, under the `name` of its image and the format's suffix.

    Equal names are numbered. Stops where an answer would overwrite one of the images.
    """
    names = _numbered(files, name)
    images = {path.resolve() for path in names}
    endings = [*_IMAGE.values()] if form == "image" else [f".{_ENDINGS.get(form, form)}"]
    for path, stem in names.items():
        if any((folder / f"{stem}{ending}").resolve() in images for ending in endings):
            raise Stop(f"The answer about {path} would overwrite an image; choose another --out.")

    def write(path: Path, answer: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        came = getattr(answer, "media_type", None)
        ending = endings[0] if len(endings) == 1 else _IMAGE.get(str(came), endings[0])
        write_answer(folder / f"{names[path]}{ending}", answer)

    return write


def _numbered(paths: Iterable[Path], name: Callable[[Path], str]) -> dict[Path, str]:
    """A name for each file, numbered where two would be equal, in capitals or not."""
    names: dict[Path, str] = {}
    taken: set[str] = set()
    for path in dict.fromkeys(paths):
        chosen, number = name(path), 2
        while chosen.casefold() in taken:
            chosen, number = f"{name(path)}-{number}", number + 1
        taken.add(chosen.casefold())
        names[path] = chosen
    return names
