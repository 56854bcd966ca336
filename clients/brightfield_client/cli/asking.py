"""Asking the service about files: as jobs with a bar, or side by side."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from brightfield_client.calls.endpoints import any_endpoint
from brightfield_client.cli.connect import connect
from brightfield_client.cli.exits import report
from brightfield_client.cli.files import Write
from brightfield_client.client import Client
from brightfield_client.errors import BrightfieldError
from brightfield_client.images import Images, ImageSource
from brightfield_client.mapping import MapItem


def ask_as_job(
    client: Client, endpoint: str, image: ImageSource | Images, asked: Mapping[str, Any]
) -> Any:
    """As a job, since it has no time limit; leaving cancels it."""
    job = client.submit(any_endpoint(endpoint), image, **asked)
    try:
        job.wait(progress=True)
    except KeyboardInterrupt:
        job.cancel()
        raise
    return job.result()


def ask_each(
    args: argparse.Namespace,
    endpoint: str,
    files: Sequence[Path],
    asked: Mapping[str, Any],
    write: Write,
    *,
    as_jobs: bool = False,
) -> list[MapItem[Any]]:
    """Several files at a time, or one after another as jobs; each answer is written as it comes.

    The items say what failed; they keep no answers, which may be large.
    """
    items: list[MapItem[Any]] = []
    with connect(args) as client:
        client.version()  # one clear word, rather than one for each file, when nobody is there
        resume = getattr(args, "resume", None)
        answers = (
            _one_by_one(client, endpoint, files, asked)
            if as_jobs
            else client.map(
                files, any_endpoint(endpoint), concurrency=args.concurrency, resume=resume, **asked
            )
        )
        for item in answers:
            report(item)
            if item.ok:
                write(item.source, item.unwrap())
            items.append(MapItem(item.source, error=item.error))
    return items


def _one_by_one(
    client: Client, endpoint: str, files: Sequence[Path], asked: Mapping[str, Any]
) -> Iterator[MapItem[Any]]:
    for path in files:
        try:
            yield MapItem(path, ask_as_job(client, endpoint, path, asked))
        except (BrightfieldError, OSError) as fault:
            yield MapItem(path, error=fault)
