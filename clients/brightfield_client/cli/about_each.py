"""The commands that answer about each image: classify, detect, segment, superresolve and ask."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from pathlib import Path
from typing import Any

from brightfield_client.cli.command import FILES, Command, Flag, at_once, flag, given, one_of
from brightfield_client.cli.connect import ask_each, connect
from brightfield_client.cli.data_set import take_in
from brightfield_client.cli.exits import OK, SOME_FAILED, Stop, code_of, complain
from brightfield_client.cli.files import Write, below, expand, into_folder, write_answer
from brightfield_client.results.classification import Classification
from brightfield_client.results.saving import write_json


def _classify(args: argparse.Namespace) -> int:
    files = expand(args.files)
    write: Write = _as_json if args.json else _as_text
    if args.out is not None:
        write = into_folder(files, args.out, "json", args.files, whole=True)
    elif args.csv:
        write = _as_table()
    return code_of(ask_each(args, "classify", files, given(args), write))


def _annotate(args: argparse.Namespace) -> int:
    """Long work, as that on a stack, and that on a single file goes as jobs."""
    stack = bool(getattr(args, "volume", None))
    files = expand(args.files)
    return _to_folder(args, args.command.name, files, as_jobs=stack or len(files) == 1)


def _ask(args: argparse.Namespace) -> int:
    if args.out is None and args.format != "json":
        raise Stop(f"--format {args.format} is written to a file; say where with --out.")
    files = expand(args.files)
    if args.together:
        return _ask_together(args, files)
    if args.out is None:
        return code_of(ask_each(args, args.endpoint, files, given(args), _as_json))
    return _to_folder(args, args.endpoint, files)


def _ask_together(args: argparse.Namespace, files: list[Path]) -> int:
    """One question about all files; 1 where some of them have no answer."""
    with connect(args) as client:
        answer = client.ask(args.endpoint, files, **given(args, format=_form(args)))
    if args.out is None:
        print(answer.to_json())
    else:
        write_answer(args.out, answer)
        print(f"{args.out}: {args.endpoint} of {len(files)} images")
    return SOME_FAILED if getattr(answer, "errors", ()) else OK


def _to_folder(
    args: argparse.Namespace, endpoint: str, files: list[Path], *, as_jobs: bool = False
) -> int:
    written = into_folder(files, args.out, args.format, args.files)
    whole: dict[str, Any] = {}

    def write(path: Path, answer: Any) -> None:
        written(path, answer)
        if args.format == "coco":
            take_in(whole, json.loads(answer.content), below(path, args.files).as_posix())

    asked = given(args) | {"format": _form(args)}
    items = ask_each(args, endpoint, files, asked, write, as_jobs=as_jobs)
    if whole:
        write_json(args.out / "_annotations.coco.json", whole)
    print(f"{args.out}: {sum(item.ok for item in items)} of {len(items)} images")
    return code_of(items)


def _form(args: argparse.Namespace) -> str | None:
    return None if args.format == "json" else str(args.format)


def _as_table() -> Write:
    table = csv.writer(sys.stdout)
    table.writerow(("file", "rank", "label", "class_id", "score"))

    def write(path: Path, answer: Classification) -> None:
        for rank, found in enumerate(answer, start=1):
            table.writerow((path, rank, found.label, found.class_id, found.score))

    return write


def _as_json(path: Path, answer: Any) -> None:
    print(json.dumps({"file": str(path), **answer.to_dict()}, ensure_ascii=False))


def _as_text(path: Path, answer: Classification) -> None:
    print(path)
    for found in answer:
        print(f"  {found.score:.4f}  {found.label}")
    for warning in answer.warnings:
        complain(warning.detail, path)


RESUMED = (
    FILES,
    at_once(8),
    flag("--resume FILE", "keep answers in FILE and go on from there", Path),
)
"""The flags of a command about many files whose answers can be kept."""


def _to(where: str, *, required: bool = True) -> tuple[Flag, ...]:
    return FILES, flag("--out DIR", where, Path, required=required), at_once(4)


def _annotator(name: str, text: str, formats: str) -> Command:
    """A command that writes a file for each image; the first format is the default."""
    names = formats.split()
    shown = f"{', '.join(names)} (default: %(default)s)"
    form = flag("--format FORMAT", shown, choices=names, default=names[0])
    flags = (*_to("where to; files are named as images; manifest.csv lists them"), form)
    return Command(name, text, _annotate, flags, name)


_TOGETHER = (
    "one question about all files in one request, for endpoints that answer once about several "
    "images, as patches; the answer is one line of JSON, or the file --out"
)

ABOUT_EACH = (
    Command(
        "classify",
        "name the most probable classes of images",
        _classify,
        (
            *RESUMED,
            one_of(
                flag("--json", "one line of JSON per image"),
                flag("--csv", "a table: file,rank,label,class_id,score"),
                flag("--out DIR", "a JSON file per image in DIR", Path),
            ),
        ),
        "classify",
    ),
    _annotator(
        "detect",
        "find the objects of images: a box, a class and a score for each",
        "json csv geojson coco rois overlay",
    ),
    _annotator(
        "segment",
        "find the pixels of each object, or of each class; in a TIFF they have its number",
        "tiff png npy geojson coco rois csv json overlay",
    ),
    _annotator(
        "superresolve",
        "enlarge images; `image` is TIFF for TIFF and for what PNG cannot hold, else PNG",
        "image png tiff npy",
    ),
    Command(
        "ask",
        "ask any image endpoint of the service",
        _ask,
        (
            flag("endpoint ENDPOINT", "its name, as classify"),
            *_to("where to; files are named as images; with --together a file", required=False),
            flag("--format FORMAT", "one of the endpoint's (%(default)s)", default="json"),
            flag("--together", _TOGETHER),
        ),
        description="Ask any image endpoint of the service by its name; --set gives its "
        "parameters. Without --out each answer is a line of JSON.",
    ),
)
