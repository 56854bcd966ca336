"""brightfield embed"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import numpy as np

from brightfield_client.cli.about_each import RESUMED
from brightfield_client.cli.command import Command, flag, given, one_of
from brightfield_client.cli.connect import ask_each, connect
from brightfield_client.cli.exits import OK, SOME_FAILED, Stop, code_of, failures
from brightfield_client.cli.files import expand
from brightfield_client.results.embedding import Embedding


def run(args: argparse.Namespace) -> int:
    if args.collection is not None:
        return _keep(args)
    if args.out.suffix != ".npz":
        raise Stop(f"--out is a .npz file, not {args.out.name!r}.")
    found: dict[Path, Embedding] = {}
    items = ask_each(args, "embed", expand(args.files), given(args), found.__setitem__)
    if found:
        _save(args.out, found)
    return code_of(items)


def _keep(args: argparse.Namespace) -> int:
    """Into a collection; what is there already is not embedded again."""
    files, label = expand(args.files), args.label
    with connect(args) as client:
        collection = client.collection(args.collection)
        collection.make(model=args.model, **args.command.given(args))
        added = collection.add(
            files,
            metadata=None if label is None else lambda path: {label: Path(path).parent.name},
            progress=True,
            **dict(args.set),
        )
        count = collection.info().items
    outcomes = sorted(Counter(each.outcome for each in added).items())
    told = ", ".join(f"{number} {name}" for name, number in outcomes)
    print(f"{args.collection}: {told}; {count} items in all")
    return SOME_FAILED if failures(added) else OK


def _save(path: Path, found: dict[Path, Embedding]) -> None:
    """Only what succeeded."""
    vectors, first = np.stack([each.vector for each in found.values()]), next(iter(found.values()))
    np.savez(
        path,
        files=np.array([str(source) for source in found]),
        vectors=vectors,
        model=np.array(f"{first.model.id}@{first.model.version}"),
        layer=np.array(first.layer),
    )
    print(f"{path}: {vectors.shape[0]} vectors of {vectors.shape[1]} values, layer {first.layer}")


_COLLECTION = "keep them in a collection, made if need be; ids are the paths, less leading / and .."
_LABEL = "in a collection: the name of each image's folder as metadata of this key"

EMBED = Command(
    "embed",
    "write or keep the feature vectors of images",
    run,
    (
        *RESUMED,
        one_of(
            flag("--out FILE.npz", "write a file", Path),
            flag("--collection NAME", _COLLECTION),
            required=True,
        ),
        flag("--label KEY", _LABEL),
    ),
    "embed",
    description="Write the feature vectors of images into one .npz file: files (N), vectors "
    "(N x D, float32), model and layer; or keep them at the service in a collection.",
)
