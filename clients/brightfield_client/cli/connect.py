"""From flags to a client, and what is asked of it about files."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from brightfield.commands.command import local_app
from brightfield_client.calls.endpoints import any_endpoint
from brightfield_client.cli.exits import SOME_FAILED, Stop, report, sentence
from brightfield_client.cli.files import Write
from brightfield_client.client import Client
from brightfield_client.errors import BrightfieldError
from brightfield_client.in_process import InProcess
from brightfield_client.mapping import MapItem


def connect(args: argparse.Namespace) -> Client:
    """The client that the flags ask for: over HTTP, or with the service in this process."""
    if not args.local:
        return Client(args.url, timeout=args.timeout, headers=dict(args.header))
    try:
        service = InProcess(local_app())
    except RuntimeError as fault:
        raise Stop(sentence(fault), SOME_FAILED) from fault
    return Client("http://localhost", timeout=args.timeout, transport=service)


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
            yield MapItem(path, client.submit(any_endpoint(endpoint), path, **asked).finish())
        except (BrightfieldError, OSError) as fault:
            yield MapItem(path, error=fault)
