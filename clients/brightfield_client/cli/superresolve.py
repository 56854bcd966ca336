"""brightfield superresolve"""

from __future__ import annotations

import argparse
from typing import Any

from brightfield_client.cli.annotate import output_flags, write_answers
from brightfield_client.cli.connect import connection_flags
from brightfield_client.cli.files import parameter_flags, parameters

_FORMATS = ("image", "png", "tiff", "npy")


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "superresolve",
        parents=[output_flags(_FORMATS, "image"), parameter_flags(), connection_flags()],
        help="enlarge images",
        description="Enlarge images: more pixels of the same type. The default format, `image`, "
        "is TIFF for TIFF and for what PNG cannot hold, else PNG.",
    )
    parser.add_argument("--scale", type=int, help="how many times; chooses the model (its own)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    return write_answers(args, "superresolve", parameters(args, scale=args.scale))
