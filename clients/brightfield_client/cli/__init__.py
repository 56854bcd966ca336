"""The command `brightfield`: serve, and ask a service from the shell."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from brightfield_client.cli import (
    classify,
    doctor,
    embed,
    evaluate,
    models,
    serve,
    to_file,
    to_folder,
)
from brightfield_client.cli.exits import INTERRUPTED, verdict

_EPILOG = """\
exit codes: 0 all is well, 1 some items failed, 2 wrong usage, 3 the service cannot be reached

Without --url the service is BRIGHTFIELD_URL, else http://127.0.0.1:8000.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; what goes wrong is one sentence on stderr."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader has seen enough, as `head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as fault:
        found = verdict(fault)
        if found is None:
            raise
        print(f"brightfield: {found.sentence}", file=sys.stderr)
        return found.code
    return code


def _run(arguments: list[str]) -> int:
    if arguments[:1] == ["serve"]:  # its flags are known only once the service is imported
        return serve.run(arguments[1:])
    args = parser().parse_args(arguments)
    code: int = args.run(args)
    return code


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    top = argparse.ArgumentParser(
        prog="brightfield",
        description="Run imaging models over HTTP, and see which pixels an answer rests on.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(metavar="COMMAND", required=True)
    for part in (serve, models, classify, to_folder, embed, to_file, evaluate, doctor):
        part.add(commands)
    return top
