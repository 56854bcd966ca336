"""From flags to a client: over HTTP, or with the service in this process."""

from __future__ import annotations

import argparse

from brightfield_client.cli.exits import SOME_FAILED, Stop, needs_service, sentence
from brightfield_client.client import Client
from brightfield_client.in_process import InProcess


def connect(args: argparse.Namespace) -> Client:
    """The client that the flags ask for."""
    if not args.local:
        return Client(args.url, timeout=args.timeout)
    return Client("http://localhost", timeout=args.timeout, transport=_in_process())


def _in_process() -> InProcess:
    with needs_service("--local"):
        from brightfield.api.app import create_app
        from brightfield.errors import BrightfieldError
        from brightfield.settings import Settings
    try:
        # Only the model that is asked for is loaded, not all defaults.
        return InProcess(create_app(Settings(preload=False)))
    except BrightfieldError as fault:
        raise Stop(fault.detail, SOME_FAILED) from fault
    except RuntimeError as fault:
        raise Stop(sentence(fault), SOME_FAILED) from fault
