"""brightfield filters"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from brightfield_client.cli.connect import connect, connection_flags
from brightfield_client.cli.exits import OK, Stop
from brightfield_client.cli.explain import write_answer

_FORMATS: dict[str, str | None] = {".png": "png", ".npy": "npy", ".json": None}


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "filters",
        parents=[connection_flags()],
        help="show the filters of a convolution",
        description="Show the filters of a convolution as one picture, or write its weights.",
    )
    parser.add_argument("model", metavar="MODEL", help="id of the model")
    parser.add_argument("--layer", help="a convolution (the first one)")
    parser.add_argument("--first", type=int, help="the first filter, counted from 0 (0)")
    parser.add_argument("--count", type=int, help="how many filters (all; 64 in a picture)")
    parser.add_argument("--slices", type=int, help="how many input slices (all; 64 in a picture)")
    parser.add_argument(
        "--out",
        type=Path,
        help="FILE.png is a picture, .npy has the weights, .json both numbers and facts "
        "(default: MODEL.filters.png, here)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    out = args.out or Path(f"{args.model}.filters.png")
    suffix = out.suffix.lower()
    if suffix not in _FORMATS:
        raise Stop(f"--out ends in one of {', '.join(_FORMATS)}, not in {out.suffix!r}.")
    chosen = {name: getattr(args, name) for name in ("layer", "first", "count", "slices")}
    with connect(args) as client:
        answer: Any = client.filters(args.model, format=_FORMATS[suffix], **chosen)
    write_answer(out, answer)
    print(f"{out}: filters of {args.model}")
    return OK
