"""brightfield detect"""

from __future__ import annotations

import argparse
from typing import Any

from brightfield_client.cli.annotate import output_flags, write_answers
from brightfield_client.cli.connect import connection_flags
from brightfield_client.cli.files import parameter_flags, parameters

_FORMATS = ("json", "csv", "geojson", "coco", "rois", "overlay")


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "detect",
        parents=[output_flags(_FORMATS, "json"), parameter_flags(), connection_flags()],
        help="find objects in images",
        description="Find the objects of images: a box, a class and a score for each.",
    )
    parser.add_argument("--threshold", type=float, help="least score (the model's own, else 0.5)")
    parser.add_argument("--iou", type=float, help="overlap at which the better of two boxes stays")
    parser.add_argument("--max-detections", type=int, help="most objects, best first (300)")
    parser.add_argument("--classes", metavar="A,B", help="only these labels or class ids")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    given = parameters(
        args,
        threshold=args.threshold,
        iou=args.iou,
        max_detections=args.max_detections,
        classes=args.classes,
    )
    return write_answers(args, "detect", given)
