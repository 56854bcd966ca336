"""Image files on the command line, and names for what becomes of them."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Any

SUFFIXES = frozenset(
    {".bmp", ".gif", ".jp2", ".jpeg", ".jpg", ".npy", ".png", ".tif", ".tiff", ".webp"}
)


def image_flags() -> argparse.ArgumentParser:
    """The flags of commands that take many images, as a parent parser."""
    flags = argparse.ArgumentParser(add_help=False)
    flags.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="image files; a folder: all within it"
    )
    flags.add_argument("--concurrency", type=int, default=8, help="calls at once (%(default)s)")
    flags.add_argument(
        "--resume", type=Path, metavar="FILE", help="keep answers in FILE and go on from there"
    )
    return flags


def parameter_flags() -> argparse.ArgumentParser:
    """The flags for the model and for any parameter of the endpoint, as a parent parser."""
    flags = argparse.ArgumentParser(add_help=False)
    flags.add_argument("--model", help="id of the model (the service's default)")
    flags.add_argument(
        "--set",
        action="append",
        default=[],
        type=assignment,
        metavar="NAME=VALUE",
        help="any other parameter of the endpoint, as region=0,0,256,256; may be repeated",
    )
    return flags


def parameters(args: argparse.Namespace, **own: Any) -> dict[str, Any]:
    """The command's own parameters and those of --set; the latter win."""
    return {"model": args.model, **own, **dict(args.set)}


def expand(paths: Iterable[Path]) -> list[Path]:
    """The files, and for a folder the images within it and below, sorted.

    A file that is not there stays in the list, so that it is reported as an item that failed.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = (p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
            found.extend(sorted(inside))
        else:
            found.append(path)
    return found


def output_names(paths: Iterable[Path], suffix: str) -> dict[Path, str]:
    """A name for each file's answer: its own with `suffix`, numbered where two would be equal."""
    names: dict[Path, str] = {}
    taken: set[str] = set()
    for path in paths:
        name, number = f"{path.name}{suffix}", 2
        while name in taken and path not in names:
            name, number = f"{path.name}-{number}{suffix}", number + 1
        taken.add(name)
        names.setdefault(path, name)
    return names


def assignment(text: str) -> tuple[str, str]:
    """`NAME=VALUE` as a pair."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAME=VALUE")
    return name, value
