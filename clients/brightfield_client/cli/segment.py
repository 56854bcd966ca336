"""brightfield segment"""

from __future__ import annotations

import argparse
from typing import Any

from brightfield_client.cli.annotate import output_flags, write_answers
from brightfield_client.cli.connect import connection_flags
from brightfield_client.cli.exits import Stop
from brightfield_client.cli.files import parameter_flags, parameters

_FORMATS = ("tiff", "png", "npy", "geojson", "coco", "rois", "csv", "json", "overlay")
_OF_VOLUMES = ("tiff", "npy", "csv", "json")


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "segment",
        parents=[output_flags(_FORMATS, "tiff"), parameter_flags(), connection_flags()],
        help="find the pixels of each object, or of each class",
        description="Find the pixels of each object, or of each class; the default is a TIFF in "
        "which every object's pixels have its number.",
    )
    parser.add_argument("--mode", choices=("semantic", "instance"), help="classes, or objects")
    parser.add_argument("--threshold", type=float, help="least probability (the model's own)")
    parser.add_argument("--min-area", type=int, help="smaller objects, in pixels, are left out")
    parser.add_argument("--classes", metavar="A,B", help="only these labels or class ids")
    parser.add_argument(
        "--volume",
        action="store_true",
        default=None,
        help=f"link the planes of a stack: {', '.join(_OF_VOLUMES)}",
    )
    parser.add_argument("--link", type=float, help="least overlap with the next plane (0.25)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    if args.volume and args.format not in _OF_VOLUMES:
        raise Stop(f"A volume is written as {', '.join(_OF_VOLUMES)}, not as {args.format}.")
    given = parameters(
        args,
        mode=args.mode,
        threshold=args.threshold,
        min_area=args.min_area,
        classes=args.classes,
        volume=args.volume,
        link=args.link,
    )
    return write_answers(args, "segment", given, long=bool(args.volume))
