"""Asking the service about files: as jobs with a bar, or side by side."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from brightfield_client.calls.endpoints import Endpoint, any_endpoint
from brightfield_client.cli.connect import connect
from brightfield_client.cli.exits import code_of, report, sentence
from brightfield_client.client import Client
from brightfield_client.errors import ApiError, BrightfieldError
from brightfield_client.images import Images, ImageSource, StoredImage
from brightfield_client.mapping import MapItem
from brightfield_client.progress import ProgressBar


def ask_as_job(
    client: Client, endpoint: str, image: ImageSource | Images, given: Mapping[str, Any]
) -> Any:
    """As a job, since it has no time limit; leaving cancels it."""
    job = client.submit(any_endpoint(endpoint), image, **given)
    try:
        job.wait(progress=True)
    except KeyboardInterrupt:
        job.cancel()
        raise
    return job.result()


def one_by_one(
    client: Client, endpoint: str, files: Sequence[Path], given: Mapping[str, Any]
) -> Iterator[MapItem[Any]]:
    """A job for each file."""
    for path in files:
        try:
            yield MapItem(path, ask_as_job(client, endpoint, path, given))
        except (BrightfieldError, OSError) as fault:
            yield MapItem(path, error=fault)


def ask_many(
    args: argparse.Namespace,
    endpoint: str,
    files: Sequence[Path],
    given: Mapping[str, Any],
    write: Callable[[Path, Any], object],
) -> int:
    """Several files at a time, each answer written as it comes; the exit code says what failed."""
    items: list[MapItem[Any]] = []
    with connect(args) as client:
        client.version()  # one clear word, rather than one for each file, when nobody is there
        known = any_endpoint(endpoint)
        for item in client.map(
            files, known, concurrency=args.concurrency, resume=args.resume, **given
        ):
            report(item)
            if item.ok:
                write(item.source, item.unwrap())
            items.append(MapItem(item.source, error=item.error))  # the answer may be large
    return code_of(items)


def side_by_side(
    client: Client, endpoint: str, files: Sequence[Path], given: Mapping[str, Any], at_once: int
) -> Iterator[MapItem[Any]]:
    """Several files at a time."""
    known: Endpoint[Any] = any_endpoint(endpoint)
    return client.map(files, known, concurrency=at_once, **given)


def store(client: Client, files: Sequence[Path]) -> tuple[list[StoredImage], int]:
    """The images at the service, where they need not fit into one request; and how many did not
    get there."""
    stored, missing = [], 0
    with ProgressBar("upload", len(files)) as bar:
        for path in files:
            try:
                stored.append(client.put_image(path))
            except (ApiError, OSError) as fault:
                missing += 1
                print(f"brightfield: {path}: {sentence(fault)}", file=sys.stderr)
            bar.advance()
    return stored, missing
