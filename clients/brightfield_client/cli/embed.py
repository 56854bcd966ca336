"""brightfield embed"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from brightfield_client.cli.asking import ask_many
from brightfield_client.cli.connect import connect, connection_flags
from brightfield_client.cli.exits import OK, SOME_FAILED, Stop, sentence
from brightfield_client.cli.files import expand
from brightfield_client.cli.flags import (
    add_parameters,
    given_parameters,
    image_flags,
    parameter_flags,
)
from brightfield_client.results.collections import Addition
from brightfield_client.results.embedding import Embedding


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "embed",
        parents=[image_flags(), parameter_flags(), connection_flags()],
        help="write or keep the feature vectors of images",
        description="Write the feature vectors of images into one .npz file: files (N), "
        "vectors (N x D, float32), model and layer; or keep them at the service in a collection.",
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--out", type=Path, metavar="FILE.npz", help="write a file")
    where.add_argument(
        "--collection",
        metavar="NAME",
        help="keep them in a collection, which is made if need be; ids are the paths",
    )
    add_parameters(parser, "embed", ("layer", "normalize"))
    parser.add_argument(
        "--label",
        metavar="KEY",
        help="in a collection: the name of each image's folder as metadata of this key",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    if args.collection is not None:
        return _keep(args)
    if args.out.suffix != ".npz":
        raise Stop(f"--out is a .npz file, not {args.out.name!r}.")
    given = given_parameters(args, ("layer", "normalize"))
    found: list[tuple[Path, Embedding]] = []
    files = expand(args.files)
    code = ask_many(args, "embed", files, given, lambda path, answer: found.append((path, answer)))
    _save(args.out, found)
    return code


def _keep(args: argparse.Namespace) -> int:
    """Into a collection; what is there already is not embedded again."""
    files = expand(args.files)
    with connect(args) as client:
        collection = client.collection(args.collection)
        collection.make(model=args.model, layer=args.layer, normalize=args.normalize)
        label = args.label
        added = collection.add(
            files,
            metadata=None if label is None else lambda path: {label: Path(path).parent.name},
            progress=True,
            **dict(args.set),
        )
        count = collection.info().items
    print(f"{args.collection}: {_told(added)}; {count} items in all")
    failed = [each for each in added if each.error is not None]
    for each in failed:
        assert each.error is not None
        print(f"brightfield: {each.id}: {sentence(each.error)}", file=sys.stderr)
    return SOME_FAILED if failed else OK


def _told(added: list[Addition]) -> str:
    counts = Counter(each.outcome for each in added)
    return ", ".join(f"{counts[name]} {name}" for name in sorted(counts))


def _save(path: Path, found: list[tuple[Path, Embedding]]) -> None:
    """Only what succeeded, and no file when nothing did."""
    if not found:
        return
    vectors, first = np.stack([answer.vector for _, answer in found]), found[0][1]
    np.savez(
        path,
        files=np.array([str(source) for source, _ in found]),
        vectors=vectors,
        model=np.array(f"{first.model.id}@{first.model.version}"),
        layer=np.array(first.layer),
    )
    print(f"{path}: {vectors.shape[0]} vectors of {vectors.shape[1]} values, layer {first.layer}")
