"""brightfield patches"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from brightfield_client.cli.activations import add_layer_flags
from brightfield_client.cli.connect import connect, connection_flags
from brightfield_client.cli.exits import OK, SOME_FAILED, Stop, sentence
from brightfield_client.cli.explain import ask_as_job, write_answer
from brightfield_client.cli.files import expand, parameter_flags, parameters
from brightfield_client.client import Client
from brightfield_client.errors import ApiError
from brightfield_client.images import StoredImage
from brightfield_client.progress import ProgressBar
from brightfield_client.results.binary import Binary

_FORMATS = {".png": "png", ".csv": "csv", ".json": "json"}


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "patches",
        parents=[parameter_flags(), connection_flags()],
        help="find the parts of images that excite units of a layer most",
        description="Find, over all images together, the parts that excite the units of a layer "
        "most.",
    )
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="image files; a folder: all within it"
    )
    add_layer_flags(parser)
    parser.add_argument("-k", type=int, help="patches per unit (6)")
    parser.add_argument("--most", type=int, help="how many units, without --units (6)")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("patches.png"),
        help="FILE.png is a sheet with a row per unit, .csv a table, .json the whole answer "
        "(%(default)s)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    form = _FORMATS.get(args.out.suffix.lower())
    if form is None:
        raise Stop(f"--out ends in one of {', '.join(_FORMATS)}, not in {args.out.suffix!r}.")
    files = expand(args.files)
    if not files:
        raise Stop("There are no images in the folders that were given.")
    given = parameters(
        args, layer=args.layer, units=args.units, k=args.k, most=args.most, format=form
    )
    with connect(args) as client:
        stored, left_out = _stored(client, files)
        if not stored:
            raise Stop("None of the images can be read.", SOME_FAILED)
        answer = ask_as_job(client, "patches", stored, given)
    write_answer(args.out, answer)
    print(f"{args.out}: patches of {len(stored)} images")
    if _some_unread(answer):
        print(
            "brightfield: some images cannot be read; --out FILE.json says which", file=sys.stderr
        )
        left_out += 1
    return SOME_FAILED if left_out else OK


def _some_unread(answer: Any) -> bool:
    if isinstance(answer, Binary):
        return "images_left_out" in answer.headers.get("x-image-warnings", "")
    return bool(answer.errors)


def _stored(client: Client, files: Sequence[Path]) -> tuple[list[StoredImage], int]:
    """The images at the service, where they need not fit into one request; and how many did not
    get there."""
    stored, left_out = [], 0
    with ProgressBar("upload", len(files)) as bar:
        for path in files:
            try:
                stored.append(client.put_image(path))
            except (ApiError, OSError) as fault:
                left_out += 1
                print(f"brightfield: {path}: {sentence(fault)}", file=sys.stderr)
            bar.advance()
    return stored, left_out
