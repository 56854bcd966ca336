"""What detect, segment and superresolve share: a file in a folder for each image."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from brightfield_client.cli.connect import connect
from brightfield_client.cli.exits import Stop, code_of, report
from brightfield_client.cli.files import expand
from brightfield_client.client import Client
from brightfield_client.errors import BrightfieldError
from brightfield_client.mapping import MapItem
from brightfield_client.results.binary import Binary

SUFFIXES = {
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


def output_flags(formats: Sequence[str], default: str) -> argparse.ArgumentParser:
    """The flags for images, for where their answers go and in which format, as a parent parser."""
    flags = argparse.ArgumentParser(add_help=False)
    flags.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="image files; a folder: all within it"
    )
    flags.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="where to; files are named as images"
    )
    flags.add_argument(
        "--format",
        choices=formats,
        default=default,
        help=f"{', '.join(formats)} (%(default)s)",
        metavar="FORMAT",
    )
    flags.add_argument("--concurrency", type=int, default=4, help="calls at once (%(default)s)")
    flags.add_argument("--tile", type=int, help="side of the tiles that a large image is cut into")
    flags.add_argument("--overlap", type=int, help="pixels that neighbouring tiles share")
    return flags


def write_answers(
    args: argparse.Namespace, task: str, given: Mapping[str, Any], *, long: bool = False
) -> int:
    """Ask about every file and write the answers; say at the end what failed.

    `long` work, and that on a single file, goes as jobs with a bar for each; other files are asked
    about side by side.
    """
    files = expand(args.files)
    outputs = Outputs.of(files, args.out, args.format)
    parameters = {**given, "tile": args.tile, "overlap": args.overlap}
    parameters["format"] = None if args.format == "json" else args.format
    items = []
    with connect(args) as client:
        client.version()  # one clear word, rather than one for each file, when nobody is there
        args.out.mkdir(parents=True, exist_ok=True)
        if long or len(files) == 1:
            answers = _one_by_one(client, task, files, parameters)
        else:
            answers = client.map(files, task, concurrency=args.concurrency, **parameters)
        for item in answers:
            if item.ok:
                outputs.write(item.source, item.result)
            items.append(MapItem(item.source, error=item.error))  # the answer may be large
    for item in items:
        report(item)
    print(f"{args.out}: {sum(item.ok for item in items)} of {len(items)} images")
    return code_of(items)


def _one_by_one(
    client: Client, task: str, files: Sequence[Path], parameters: Mapping[str, Any]
) -> Iterator[MapItem]:
    """As jobs, which have no time limit; leaving cancels the one that runs."""
    for path in files:
        try:
            job = client.submit(task, path, **parameters)
            try:
                job.wait(progress=True)
            except KeyboardInterrupt:
                job.cancel()
                raise
            yield MapItem(path, job.result())
        except (BrightfieldError, OSError) as fault:
            yield MapItem(path, error=fault)


@dataclass(frozen=True)
class Outputs:
    """Where the answer about each image goes: its name in `folder`, with another suffix."""

    folder: Path
    format: str
    stems: Mapping[Path, str]

    @classmethod
    def of(cls, files: Sequence[Path], folder: Path, form: str) -> Outputs:
        """Names that are all different. Stops where one is that of an image itself."""
        if not files:
            raise Stop("There are no images in the folders that were given.")
        outputs = cls(folder, form, _stems(files))
        images = {path.resolve() for path in files}
        for path in files:
            for suffix in outputs.suffixes:
                if outputs.path(path, suffix).resolve() in images:
                    raise Stop(
                        f"The answer about {path} would overwrite an image; choose another --out."
                    )
        return outputs

    @property
    def suffixes(self) -> tuple[str, ...]:
        """The suffixes that an answer may get."""
        return tuple(_IMAGE.values()) if self.format == "image" else (SUFFIXES[self.format],)

    def path(self, image: Path, suffix: str) -> Path:
        return self.folder / f"{self.stems[image]}{suffix}"

    def write(self, image: Path, answer: Any) -> None:
        """Write a binary answer as it came, another one as JSON."""
        if isinstance(answer, Binary):
            suffix = _IMAGE[answer.media_type] if self.format == "image" else self.suffixes[0]
            answer.save(self.path(image, suffix))
        else:
            text = json.dumps(dict(answer.raw), ensure_ascii=False)
            self.path(image, self.suffixes[0]).write_text(text + "\n", encoding="utf-8")


def _stems(files: Sequence[Path]) -> dict[Path, str]:
    """A name for each file without its suffix, numbered where two would be equal."""
    stems: dict[Path, str] = {}
    taken: set[str] = set()
    for path in files:
        stem, number = path.stem, 2
        while stem.casefold() in taken and path not in stems:
            stem, number = f"{path.stem}-{number}", number + 1
        taken.add(stem.casefold())
        stems.setdefault(path, stem)
    return stems
