"""brightfield reembed"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from brightfield_client.adding import path_id
from brightfield_client.cli.command import CONNECTION, FILES, REPEATED, Command, flag
from brightfield_client.cli.connect import connect
from brightfield_client.cli.exits import OK, SOME_FAILED, Stop, complain, failures
from brightfield_client.cli.files import expand
from brightfield_client.client import Client
from brightfield_client.collection import Collection
from brightfield_client.errors import ConflictError
from brightfield_client.results._shapes import CollectionInfo

# What the new collection has of the old one; not what is the model's, which has changed.
_KEPT = ("model", "layer", "pool", "normalize", "metric", "dtype", "keep_images")


def run(args: argparse.Namespace) -> int:
    with connect(args) as client:
        former = client.collection(args.collection)
        info = former.info()
        if info.model is None:
            raise Stop(f"{info.name} has no model; its vectors were not made by the service.")
        known = dict(_listed(former))
        images = {path_id(path): path for path in expand(args.files)}
        _check_all_there(info.name, known, images)
        fresh = _beside(client, info, known)
        added = fresh.add(
            [images[name] for name in known],
            ids=list(known),
            metadata=list(known.values()),
            replace=True,
            progress=True,
            **dict(args.set),
        )
        if failures(added):
            complain(f"{info.name} stays as it was; run the command again to go on.")
            return SOME_FAILED
        now = former.replace(fresh.name, changes=info.raw["changes"])
    print(f"{now.name}: {now.items} items embedded anew by {now.model}")
    return OK


def _listed(collection: Collection) -> Iterator[tuple[str, Mapping[str, Any]]]:
    after: int | None = 0
    while after is not None:
        page = collection.items(after=after)
        yield from ((item["id"], item["metadata"]) for item in page["items"])
        after = page["next"]


def _check_all_there(
    name: str, known: Mapping[str, Any], images: Mapping[str | None, Path]
) -> None:
    lacking = [item for item in known if item not in images]
    if lacking:
        raise Stop(
            f"{len(lacking)} of the {len(known)} items of {name} have no image among these files, "
            f"as {lacking[0]!r}; ids are paths, as `brightfield embed` makes them. Name all images "
            "from the same folder as then, or delete those items first."
        )


def _beside(client: Client, info: CollectionInfo, known: Mapping[str, Any]) -> Collection:
    """The collection that is filled anew: what an earlier try left of it, if that still fits."""
    fresh = client.collection(f"{info.name}.reembed")
    definition = {key: info.raw[key] for key in _KEPT}
    try:
        fresh.make(**definition)
    except ConflictError:
        fresh.delete()
        fresh.make(**definition)
    if strange := [name for name, _ in _listed(fresh) if name not in known]:
        fresh.remove(strange)
    return fresh


REEMBED = Command(
    "reembed",
    "embed all images of a collection anew, when its model has changed",
    run,
    (flag("collection COLLECTION", "the collection's name"), FILES),
    shared=(
        flag("--set NAME=VALUE", "as the images were embedded with; may be repeated", **REPEATED),
        *CONNECTION,
    ),
    description="Embed all images of a collection anew. They go into COLLECTION.reembed, which "
    "takes the place of the collection at the end, with the same ids and metadata, or not at all. "
    "Maps and the index have to be made again.",
)
