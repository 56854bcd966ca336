"""brightfield activations"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from brightfield_client.cli.connect import connect, connection_flags
from brightfield_client.cli.exits import OK, Stop
from brightfield_client.cli.explain import ask_as_job, write_answer
from brightfield_client.cli.files import parameter_flags, parameters

_FORMATS = {
    ".png": "png",
    ".npy": "npy",
    ".tif": "tiff",
    ".tiff": "tiff",
    ".csv": "csv",
    ".json": "json",
}


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "activations",
        parents=[parameter_flags(), connection_flags()],
        help="show the feature maps of a layer for an image",
        description="Show what a layer makes of an image: a map for each of its units.",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the image")
    add_layer_flags(parser)
    parser.add_argument("--overlay", action="store_true", help="draw the maps over the image")
    parser.add_argument(
        "--out",
        type=Path,
        help="FILE.png is a sheet of maps, .npy and .tiff are their numbers, .csv has a row per "
        "unit, .json the whole answer (default: IMAGE.activations.png, here)",
    )
    parser.set_defaults(run=run)


def add_layer_flags(parser: argparse.ArgumentParser) -> None:
    """--layer and --units."""
    parser.add_argument("--layer", help="the layer (the one that the model explains with)")
    parser.add_argument("--units", metavar="N,N", help="only these channels, counted from 0")


def run(args: argparse.Namespace) -> int:
    out = args.out or Path(f"{args.file.stem}.activations.png")
    form = _FORMATS.get(out.suffix.lower())
    if form is None:
        raise Stop(f"--out ends in one of {', '.join(_FORMATS)}, not in {out.suffix!r}.")
    if args.overlay:
        if form != "png":
            raise Stop(f"--overlay draws a picture, so --out ends in .png, not in {out.suffix!r}.")
        form = "overlay"
    given = parameters(args, layer=args.layer, units=args.units, format=form)
    with connect(args) as client:
        answer = ask_as_job(client, "activations", args.file, given)
    write_answer(out, answer)
    print(f"{out}: activations")
    return OK
