"""The commands that write one file, whose suffix says as what: a row for each."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
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
_NUMBERS = {".npy": "npy", ".tif": "tiff", ".tiff": "tiff", ".csv": "csv", ".json": "json"}


@dataclass(frozen=True)
class FileCommand:
    """A command: what it says of itself, its flags, what it writes by suffix, and its work."""

    name: str
    help: str
    description: str
    formats: Mapping[str, str | None]
    out: str
    add: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace, str | None], int]
    default: Callable[[argparse.Namespace], str]
    parents: tuple[Callable[[], argparse.ArgumentParser], ...] = (
        parameter_flags,
        connection_flags,
    )


def _add_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="the image")


def _add_explain(parser: argparse.ArgumentParser) -> None:
    _add_file(parser)
    parser.add_argument(
        "--method",
        default="gradient",
        help="gradient, guided_backprop, integrated_gradients, smoothgrad, input_x_gradient, "
        "grad_cam, guided_grad_cam, occlusion or rise (default: %(default)s)",
    )
    places = parser.add_argument_group("what is explained", "in pixels of the image")
    add_parameters(places, "saliency", _PLACES)
    places.add_argument(
        "--reference", type=Path, metavar="FILE", help="the similarity of the image to this one"
    )


_PLACES = ("target", "box", "point", "object", "within")


def _explain(args: argparse.Namespace, form: str | None) -> int:
    endpoint = "occlusion" if args.method in _BY_OCCLUSION else "saliency"
    given = given_parameters(args, ("method", *_PLACES, "reference"), format=form)
    return _one_image(args, endpoint, given, args.method)


def _add_activations(parser: argparse.ArgumentParser) -> None:
    _add_file(parser)
    add_parameters(parser, "activations", ("layer", "units"))
    parser.add_argument("--overlay", action="store_true", help="draw the maps over the image")


def _activations(args: argparse.Namespace, form: str | None) -> int:
    if args.overlay and form != "png":
        raise Stop(f"--overlay draws a picture, so --out ends in .png, not in {args.out.suffix!r}.")
    chosen = "overlay" if args.overlay else form
    given = given_parameters(args, ("layer", "units"), format=chosen)
    return _one_image(args, "activations", given, "activations")


def _one_image(args: argparse.Namespace, endpoint: str, given: dict[str, Any], what: str) -> int:
    with connect(args) as client:
        answer = ask_as_job(client, endpoint, args.file, given)
    write_answer(args.out, answer)
    print(f"{args.out}: {what}")
    return OK


_OF_PATCHES = ("layer", "units", "k", "most")


def _add_patches(parser: argparse.ArgumentParser) -> None:
    add_files(parser)
    add_parameters(parser, "patches", _OF_PATCHES)


def _patches(args: argparse.Namespace, form: str | None) -> int:
    files = expand(args.files)
    given = given_parameters(args, _OF_PATCHES, format=form)
    with connect(args) as client:
        stored, missing = store(client, files)
        if not stored:
            raise Stop("None of the images can be read.", SOME_FAILED)
        answer = ask_as_job(client, "patches", stored, given)
    write_answer(args.out, answer)
    print(f"{args.out}: patches of {len(stored)} images")
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


def _add_filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="id of the model")
    parser.add_argument("--layer", help="a convolution (default: the first one)")
    parser.add_argument("--first", type=int, help="the first filter, counted from 0 (default: 0)")
    more = "(default: all; 64 in a picture)"
    parser.add_argument("--count", type=int, help=f"how many filters {more}")
    parser.add_argument("--slices", type=int, help=f"how many input slices {more}")


def _filters(args: argparse.Namespace, form: str | None) -> int:
    chosen: dict[str, Any] = {name: getattr(args, name) for name in _OF_FILTERS}
    chosen["format"] = form
    with connect(args) as client:
        answer: Any = client.filters(args.model, **chosen)
    write_answer(args.out, answer)
    print(f"{args.out}: filters of {args.model}")
    return OK


FILE_COMMANDS = (
    FileCommand(
        "explain",
        "show which pixels an answer rests on",
        "Show which pixels an answer rests on.",
        {".png": "overlay", **_NUMBERS},
        "FILE.png is the map over the image, .npy and .tiff are its numbers, .csv the positions "
        "of occlusion, .json the whole answer (default: IMAGE.METHOD.png, here)",
        _add_explain,
        _explain,
        lambda args: f"{args.file.stem}.{args.method}.png",
    ),
    FileCommand(
        "filters",
        "show the filters of a convolution",
        "Show the filters of a convolution as one picture, or write its weights.",
        {".png": "png", ".npy": "npy", ".json": None},
        "FILE.png is a picture, .npy has the weights, .json both numbers and facts "
        "(default: MODEL.filters.png, here)",
        _add_filters,
        _filters,
        lambda args: f"{args.model}.filters.png",
        (connection_flags,),
    ),
    FileCommand(
        "activations",
        "show the feature maps of a layer for an image",
        "Show what a layer makes of an image: a map for each of its units.",
        {".png": "png", **_NUMBERS},
        "FILE.png is a sheet of maps, .npy and .tiff are their numbers, .csv has a row per unit, "
        ".json the whole answer (default: IMAGE.activations.png, here)",
        _add_activations,
        _activations,
        lambda args: f"{args.file.stem}.activations.png",
    ),
    FileCommand(
        "patches",
        "find the parts of images that excite the units of a layer most",
        "Find, over all images together, the parts that excite the units of a layer most.",
        {".png": "png", ".csv": "csv", ".json": "json"},
        "FILE.png is a sheet with a row per unit, .csv a table, .json the whole answer "
        "(default: patches.png, here)",
        _add_patches,
        _patches,
        lambda args: "patches.png",
    ),
)


def add(commands: Any) -> None:
    for command in FILE_COMMANDS:
        parser = commands.add_parser(
            command.name,
            parents=[parent() for parent in command.parents],
            help=command.help,
            description=command.description,
        )
        command.add(parser)
        parser.add_argument("--out", type=Path, help=command.out)
        parser.set_defaults(run=partial(_run, command))


def _run(command: FileCommand, args: argparse.Namespace) -> int:
    args.out = args.out or Path(command.default(args))
    suffix = args.out.suffix.lower()
    if suffix not in command.formats:
        raise Stop(f"--out ends in one of {', '.join(command.formats)}, not in {suffix!r}.")
    return command.run(args, command.formats[suffix])
