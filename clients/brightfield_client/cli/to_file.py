"""The commands that write one file, whose suffix says as what: a row for each."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from brightfield_client.cli.asking import ask_as_job, store
from brightfield_client.cli.connect import connect, connection_flags
from brightfield_client.cli.exits import OK, SOME_FAILED, Stop
from brightfield_client.cli.files import expand, write_answer
from brightfield_client.cli.flags import (
    add_files,
    add_parameters,
    given_parameters,
    parameter_flags,
)
from brightfield_client.results.binary import Binary

_BY_OCCLUSION = frozenset({"occlusion", "rise"})  # belongs to /occlusion, all others to /saliency
_METHODS = (
    "gradient, guided_backprop, integrated_gradients, smoothgrad, input_x_gradient, grad_cam, "
    "guided_grad_cam, occlusion or rise (default: %(default)s)"
)
_NUMBERS = {".npy": "npy", ".tif": "tiff", ".tiff": "tiff", ".csv": "csv", ".json": "json"}


@dataclass(frozen=True)
class FileCommand:
    """A command about an image, or with `many` about all images together.

    Its flags are `parameters` of `endpoint` and some `others`; `formats` are by suffix, and `out`
    says what they hold. The file is by default named after the image and `what` was asked.
    """

    name: str
    endpoint: str
    help: str
    description: str
    parameters: tuple[str, ...]
    formats: Mapping[str, str]
    out: str
    others: Mapping[str, dict[str, Any]]
    many: bool = False


FILE_COMMANDS = (
    FileCommand(
        "explain",
        "saliency",
        "show which pixels an answer rests on",
        "Show which pixels an answer rests on.",
        ("target", "box", "point", "object", "within"),
        {".png": "overlay", **_NUMBERS},
        "FILE.png is the map over the image, .npy and .tiff are its numbers, .csv the positions "
        "of occlusion, .json the whole answer (default: IMAGE.METHOD.png, here)",
        {
            "method": {"default": "gradient", "help": _METHODS},
            "reference": {
                "type": Path,
                "metavar": "FILE",
                "help": "the similarity of the image to this one",
            },
        },
    ),
    FileCommand(
        "activations",
        "activations",
        "show the feature maps of a layer for an image",
        "Show what a layer makes of an image: a map for each of its units.",
        ("layer", "units"),
        {".png": "png", **_NUMBERS},
        "FILE.png is a sheet of maps, .npy and .tiff are their numbers, .csv has a row per unit, "
        ".json the whole answer (default: IMAGE.activations.png, here)",
        {"overlay": {"action": "store_true", "help": "draw the maps over the image"}},
    ),
    FileCommand(
        "patches",
        "patches",
        "find the parts of images that excite the units of a layer most",
        "Find, over all images together, the parts that excite the units of a layer most.",
        ("layer", "units", "k", "most"),
        {".png": "png", ".csv": "csv", ".json": "json"},
        "FILE.png is a sheet with a row per unit, .csv a table, .json the whole answer "
        "(default: patches.png, here)",
        {},
        many=True,
    ),
)


def add(commands: Any) -> None:
    for command in FILE_COMMANDS:
        parser = commands.add_parser(
            command.name,
            parents=[parameter_flags(), connection_flags()],
            help=command.help,
            description=command.description,
        )
        if command.many:
            add_files(parser)
        else:
            parser.add_argument("file", type=Path, metavar="FILE", help="the image")
        add_parameters(parser, command.endpoint, command.parameters)
        for name, options in command.others.items():
            parser.add_argument(f"--{name}", **options)
        parser.add_argument("--out", type=Path, help=command.out)
        parser.set_defaults(run=partial(_run, command))
    _add_filters(commands)


def _run(command: FileCommand, args: argparse.Namespace) -> int:
    what = getattr(args, "method", command.name)
    out = args.out or Path("patches.png" if command.many else f"{args.file.stem}.{what}.png")
    form = _format(out, command.formats)
    if getattr(args, "overlay", False):
        if form != "png":
            raise Stop(f"--overlay draws a picture, so --out ends in .png, not in {out.suffix!r}.")
        form = "overlay"
    own = [name for name in command.others if name != "overlay"]
    given = given_parameters(args, (*own, *command.parameters), format=form)
    if command.many:
        return _of_many(command, args, given, out)
    endpoint = "occlusion" if what in _BY_OCCLUSION else command.endpoint
    with connect(args) as client:
        answer = ask_as_job(client, endpoint, args.file, given)
    write_answer(out, answer)
    print(f"{out}: {what}")
    return OK


def _format(out: Path, formats: Mapping[str, Any]) -> Any:
    if out.suffix.lower() not in formats:
        raise Stop(f"--out ends in one of {', '.join(formats)}, not in {out.suffix!r}.")
    return formats[out.suffix.lower()]


def _of_many(
    command: FileCommand, args: argparse.Namespace, given: dict[str, Any], out: Path
) -> int:
    files = expand(args.files)
    with connect(args) as client:
        stored, missing = store(client, files)
        if not stored:
            raise Stop("None of the images can be read.", SOME_FAILED)
        answer = ask_as_job(client, command.endpoint, stored, given)
    write_answer(out, answer)
    print(f"{out}: {command.name} of {len(stored)} images")
    if _some_unread(answer):
        print(
            "brightfield: some images cannot be read; --out FILE.json says which", file=sys.stderr
        )
        missing += 1
    return SOME_FAILED if missing else OK


def _some_unread(answer: Any) -> bool:
    if isinstance(answer, Binary):
        return "images_left_out" in answer.headers.get("x-image-warnings", "")
    return bool(answer.errors)


_OF_FILTERS = ("layer", "first", "count", "slices")


def _add_filters(commands: Any) -> None:
    parser = commands.add_parser(
        "filters",
        parents=[connection_flags()],
        help="show the filters of a convolution",
        description="Show the filters of a convolution as one picture, or write its weights.",
    )
    parser.add_argument("model", metavar="MODEL", help="id of the model")
    add_parameters(parser, "filters", _OF_FILTERS)
    parser.add_argument(
        "--out",
        type=Path,
        help="FILE.png is a picture, .npy has the weights, .json both numbers and facts "
        "(default: MODEL.filters.png, here)",
    )
    parser.set_defaults(run=_filters)


def _filters(args: argparse.Namespace) -> int:
    out = args.out or Path(f"{args.model}.filters.png")
    asked: dict[str, Any] = {name: getattr(args, name) for name in _OF_FILTERS}
    asked["format"] = _format(out, {".png": "png", ".npy": "npy", ".json": None})
    with connect(args) as client:
        answer: Any = client.filters(args.model, **asked)
    write_answer(out, answer)
    print(f"{out}: filters of {args.model}")
    return OK
