"""brightfield embed"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from brightfield_client.cli.connect import connect, connection_flags
from brightfield_client.cli.exits import Stop, code_of, report
from brightfield_client.cli.files import expand, image_flags, parameter_flags, parameters
from brightfield_client.mapping import MapItem


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "embed",
        parents=[image_flags(), parameter_flags(), connection_flags()],
        help="write the feature vectors of images",
        description="Write the feature vectors of images into one .npz file: files (N), "
        "vectors (N x D, float32), model and layer.",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.npz", help="where to")
    parser.add_argument("--layer", help="layer whose output is taken (penultimate)")
    parser.add_argument("--normalize", action="store_true", default=None, help="to length 1")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    if args.out.suffix != ".npz":
        raise Stop(f"--out is a .npz file, not {args.out.name!r}.")
    given = parameters(args, layer=args.layer, normalize=args.normalize)
    items: list[MapItem] = []
    with connect(args) as client:
        client.version()
        for item in client.map(
            expand(args.files), "embed", concurrency=args.concurrency, resume=args.resume, **given
        ):
            items.append(item)
            report(item)
    _save(args.out, [item for item in items if item.ok])
    return code_of(items)


def _save(path: Path, items: list[MapItem]) -> None:
    """Only what succeeded, and no file when nothing did."""
    if not items:
        return
    vectors = np.stack([item.result.vector for item in items])
    first = items[0].result
    np.savez(
        path,
        files=np.array([str(item.source) for item in items]),
        vectors=vectors,
        model=np.array(f"{first.model.id}@{first.model.version}"),
        layer=np.array(first.layer),
    )
    print(f"{path}: {vectors.shape[0]} vectors of {vectors.shape[1]} values, layer {first.layer}")
