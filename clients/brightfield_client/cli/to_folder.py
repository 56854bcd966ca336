"""The commands that write a file into a folder for each image: a row for each."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from brightfield_client.cli.asking import one_by_one, side_by_side
from brightfield_client.cli.connect import connect, connection_flags
from brightfield_client.cli.exits import OK, SOME_FAILED, Stop, code_of, report
from brightfield_client.cli.files import Outputs, expand, write_answer
from brightfield_client.cli.flags import (
    add_files,
    add_parameters,
    given_parameters,
    parameter_flags,
)
from brightfield_client.mapping import MapItem

_OF_VOLUMES = ("tiff", "npy", "csv", "json")


@dataclass(frozen=True)
class FolderCommand:
    """A command about an endpoint: its flags are parameters; the first format is the default."""

    name: str
    help: str
    description: str
    parameters: tuple[str, ...]
    formats: tuple[str, ...]


FOLDER_COMMANDS = (
    FolderCommand(
        "detect",
        "find objects in images",
        "Find the objects of images: a box, a class and a score for each.",
        ("threshold", "iou", "max_detections", "classes", "tile", "overlap"),
        ("json", "csv", "geojson", "coco", "rois", "overlay"),
    ),
    FolderCommand(
        "segment",
        "find the pixels of each object, or of each class",
        "Find the pixels of each object, or of each class; the default is a TIFF in which every "
        "object's pixels have its number.",
        (
            "mode", "threshold", "min_area", "classes", "volume", "link", "tile", "overlap",
        ),
        ("tiff", "png", "npy", "geojson", "coco", "rois", "csv", "json", "overlay"),
    ),
    FolderCommand(
        "superresolve",
        "enlarge images",
        "Enlarge images: more pixels of the same type. The default format, `image`, is TIFF for "
        "TIFF and for what PNG cannot hold, else PNG.",
        ("scale", "tile", "overlap"),
        ("image", "png", "tiff", "npy"),
    ),
)  # fmt: skip


def add(commands: Any) -> None:
    for command in FOLDER_COMMANDS:
        parser = commands.add_parser(
            command.name,
            parents=[parameter_flags(), connection_flags()],
            help=command.help,
            description=command.description,
        )
        _add_output(parser, required=True)
        parser.add_argument(
            "--format",
            choices=command.formats,
            default=command.formats[0],
            help=f"{', '.join(command.formats)} (default: %(default)s)",
            metavar="FORMAT",
        )
        add_parameters(parser, command.name, command.parameters)
        parser.set_defaults(run=partial(_run, command))
    _add_ask(commands)


def _add_ask(commands: Any) -> None:
    parser = commands.add_parser(
        "ask",
        parents=[parameter_flags(), connection_flags()],
        help="ask any image endpoint of the service",
        description="Ask any image endpoint of the service by its name; --set gives its "
        "parameters. Without --out each answer is a line of JSON.",
    )
    parser.add_argument("endpoint", metavar="ENDPOINT", help="its name, as classify")
    _add_output(parser, required=False)
    parser.add_argument(
        "--together",
        action="store_true",
        help="one question about all files in one request, for endpoints that answer once about "
        "several images, as patches: the answer is one line of JSON, or the file --out",
    )
    parser.add_argument("--format", default="json", help="one of the endpoint's (%(default)s)")
    parser.set_defaults(run=_ask)


def _add_output(parser: argparse.ArgumentParser, *, required: bool) -> None:
    add_files(parser)
    parser.add_argument(
        "--out",
        type=Path,
        required=required,
        metavar="DIR",
        help="where to; files are named as images",
    )
    parser.add_argument("--concurrency", type=int, default=4, help="calls at once (%(default)s)")


def _run(command: FolderCommand, args: argparse.Namespace) -> int:
    """Long work, as that on a stack, and that on a single file goes as jobs."""
    stack = bool(getattr(args, "volume", None))
    if stack and args.format not in _OF_VOLUMES:
        raise Stop(f"A volume is written as {', '.join(_OF_VOLUMES)}, not as {args.format}.")
    given = given_parameters(args, command.parameters)
    return _write_answers(args, command.name, given, as_jobs=stack or len(args.files) == 1)


def _ask(args: argparse.Namespace) -> int:
    if args.out is None and args.format != "json":
        raise Stop(f"--format {args.format} is written to a file; say where with --out.")
    if args.together:
        return _ask_together(args)
    return _write_answers(args, args.endpoint, given_parameters(args), as_jobs=False)


def _ask_together(args: argparse.Namespace) -> int:
    """One question about all files; 1 where some of them have no answer."""
    files, form = expand(args.files), None if args.format == "json" else args.format
    with connect(args) as client:
        answer = client.ask(args.endpoint, files, **given_parameters(args, format=form))
    if args.out is None:
        print(json.dumps(answer.to_dict(), ensure_ascii=False))
    else:
        write_answer(args.out, answer)
        print(f"{args.out}: {args.endpoint} of {len(files)} images")
    return SOME_FAILED if getattr(answer, "errors", ()) else OK


def _write_answers(
    args: argparse.Namespace, endpoint: str, given: dict[str, Any], *, as_jobs: bool
) -> int:
    """Ask about every file and write the answers; say at the end what failed."""
    files = expand(args.files)
    outputs = None if args.out is None else Outputs.of(files, args.out, args.format)
    given["format"] = None if args.format == "json" else args.format
    items: list[MapItem[Any]] = []
    with connect(args) as client:
        client.version()  # one clear word, rather than one for each file, when nobody is there
        if args.out is not None:
            args.out.mkdir(parents=True, exist_ok=True)
        if as_jobs and (len(files) == 1 or getattr(args, "volume", None)):
            answers = one_by_one(client, endpoint, files, given)
        else:
            answers = side_by_side(client, endpoint, files, given, args.concurrency)
        for item in answers:
            if item.ok and outputs is not None:
                outputs.write(item.source, item.result)
            elif item.ok:
                print(json.dumps({"file": str(item.source), **item.unwrap().to_dict()}))
            items.append(MapItem(item.source, error=item.error))  # the answer may be large
    for item in items:
        report(item)
    if args.out is not None:
        print(f"{args.out}: {sum(item.ok for item in items)} of {len(items)} images")
    return code_of(items)
