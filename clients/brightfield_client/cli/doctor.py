"""brightfield doctor"""

from __future__ import annotations

import argparse

from brightfield_client.cli.command import CONNECTION, Command
from brightfield_client.cli.connect import connect
from brightfield_client.cli.exits import OK, SOME_FAILED, UNREACHABLE


def run(args: argparse.Namespace) -> int:
    with connect(args) as client:
        report = client.doctor()
    if report.ok:
        return OK
    return SOME_FAILED if report.checks[0].ok else UNREACHABLE


DOCTOR = Command(
    "doctor", "check the connection, the models and one sample image", run, shared=CONNECTION
)
