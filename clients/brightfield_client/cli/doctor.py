"""brightfield doctor"""

from __future__ import annotations

import argparse
from typing import Any

from brightfield_client.cli.connect import connect, connection_flags
from brightfield_client.cli.exits import OK, SOME_FAILED, UNREACHABLE


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "doctor",
        parents=[connection_flags()],
        help="check the connection, the models and one sample image",
        description="Check the connection, the version, the models, and one sample image.",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    with connect(args) as client:
        report = client.doctor()
    if report.ok:
        return OK
    return SOME_FAILED if report.checks[0].ok else UNREACHABLE
